// The engine on loopback, and the meter before it: every loop talks to the model through the meter, which counts what the
// engine says that it read, kept, and wrote, and keeps the requests with their replies.
import { spawn } from "node:child_process"
import { createServer, request as httpRequest } from "node:http"
import { once } from "node:events"
import { sleep } from "../measure.mjs"

/** A server of one model with one slot. `args` come after ours. */
export const startEngine = async (program, { args = [], context, file, name, port = undefined }) => {
  port ??= await freePort()
  const child = spawn(
    program,
    [
      ...(file === undefined ? [] : ["-m", file, "--alias", name]),
      ..."--host 127.0.0.1 -np 1 --jinja --temp 0 --seed 1 --no-webui --offline".split(" "),
      "--port",
      String(port),
      "-c",
      String(context),
      ...args
    ],
    { stdio: ["ignore", "ignore", "pipe"] }
  )
  let log = ""
  child.stderr.setEncoding("utf8").on("data", (text) => (log = (log + text).slice(-4000)))
  const url = `http://127.0.0.1:${port}`
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill("SIGTERM")
    await once(child, "exit")
  }
  for (let turn = 0; turn < 600; turn++) {
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error(`the engine ended with ${child.exitCode ?? child.signalCode}: ${log}`)
    }
    const ready = await fetch(`${url}/health`).then(
      ({ ok }) => ok,
      () => false
    )
    if (ready) return { url, stop, child, log: () => log }
    await sleep(200)
  }
  await stop()
  throw new Error(`the engine was not ready after two minutes: ${log}`)
}

/** A server before the engine. `take` gives the exchanges since it was last called. */
export const startMeter = async (engineUrl) => {
  let exchanges = []
  const server = createServer((incoming, outgoing) => {
    const parts = []
    incoming.on("data", (part) => parts.push(part))
    incoming.on("end", () => {
      const body = Buffer.concat(parts)
      const counted = incoming.method === "POST" && /\/(?:chat\/completions|completion|responses)$/.test(incoming.url)
      const started = performance.now()
      const forward = httpRequest(
        new URL(incoming.url, engineUrl),
        { method: incoming.method, headers: { ...incoming.headers, host: new URL(engineUrl).host } },
        (answer) => {
          outgoing.writeHead(answer.statusCode, answer.headers)
          const chunks = []
          answer.on("data", (chunk) => {
            chunks.push(chunk)
            outgoing.write(chunk)
          })
          const ended = () => {
            outgoing.end()
            if (!counted) return
            const text = Buffer.concat(chunks).toString("utf8")
            exchanges.push({
              path: incoming.url,
              request: parsed(body.toString("utf8")),
              status: answer.statusCode,
              reply: text,
              timings: timingsIn(text),
              millis: performance.now() - started
            })
          }
          answer.on("end", ended)
          answer.on("error", ended)
          outgoing.on("close", () => answer.complete || (answer.destroy(), ended()))
        }
      )
      forward.on("error", (error) => {
        if (!outgoing.headersSent) outgoing.writeHead(502, { "content-type": "application/json" })
        outgoing.end(JSON.stringify({ error: { message: String(error.message) } }))
      })
      outgoing.on("close", () => outgoing.writableFinished || forward.destroy())
      forward.end(body)
    })
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    take: () => {
      const taken = exchanges
      exchanges = []
      return taken
    },
    stop: () => {
      server.closeAllConnections()
      server.close()
    }
  }
}

/** Sums over exchanges: tokens read, kept from before and written, and seconds that the engine worked. */
export const sums = (exchanges) => {
  const total = { requests: exchanges.length, read: 0, reused: 0, written: 0, engineSeconds: 0 }
  for (const { millis, timings } of exchanges) {
    total.read += timings?.prompt_n ?? 0
    total.reused += timings?.cache_n ?? 0
    total.written += timings?.predicted_n ?? 0
    // a reply that was broken off has no timings, but the engine worked for it
    total.engineSeconds += (timings === undefined ? millis : timings.prompt_ms + timings.predicted_ms) / 1000
  }
  return total
}

export const freePort = async () => {
  const server = createServer()
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address()
  server.close()
  await once(server, "close")
  return port
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const parsed = (text) => {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

const timingsIn = (text) => {
  const whole = parsed(text)
  if (typeof whole === "object") return whole.timings
  const lines = text.split("\n").filter((line) => line.startsWith("data: {") && line.includes('"timings"'))
  return lines.length === 0 ? undefined : parsed(lines.at(-1).slice(6)).timings
}
