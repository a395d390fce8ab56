// How the benchmarks measure: processes are started alternately, round after round, so that a busy moment affects all alike.
import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { createInterface } from "node:readline"

/** Milliseconds from spawn to exit. */
export const toExit = ({ args, env }) =>
  new Promise((resolve, reject) => {
    const started = performance.now()
    const child = spawn(process.execPath, args, { env: { ...process.env, ...env }, stdio: "ignore" })
    child.on("error", reject)
    child.on("exit", (code) =>
      code === 0 ? resolve(performance.now() - started) : reject(new Error(`${args.join(" ")}: exit ${code}`))
    )
  })

const initialize = {
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "bench", version: "1.0.0" } }
}

/**
 * Starts an MCP server, waits for its answer to `initialize`, passes it to `use`, kills it and waits for its exit.
 * Returns the milliseconds from spawn to the answer, and the result of `use`.
 */
export const toInitialized = async ({ args, env }, use = async () => undefined) => {
  const started = performance.now()
  const child = spawn(process.execPath, args, { env: { ...process.env, ...env }, stdio: ["pipe", "pipe", "ignore"] })
  const lines = createInterface({ input: child.stdout })
  const ended = new Promise((resolve) => child.once("exit", resolve))
  const answer = new Promise((resolve, reject) => {
    lines.once("line", (line) => (JSON.parse(line).id === 1 ? resolve() : reject(new Error(`it said ${line}`))))
    child.once("error", reject)
    child.once("exit", (code) => reject(new Error(`${args.join(" ")} ended with ${code} and did not answer`)))
  })
  child.stdin.write(`${JSON.stringify(initialize)}\n`)
  try {
    await answer
    const millis = performance.now() - started
    const send = (message) => child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`)
    return { millis, used: await use({ pid: child.pid, lines, send }) }
  } finally {
    child.kill("SIGKILL")
    await ended
  }
}

/** For `use` of `toInitialized`: the server's answer to `tools/list`. */
export const listTools = ({ lines, send }) =>
  new Promise((resolve) => {
    lines.on("line", (line) => {
      const { id, result } = JSON.parse(line)
      if (id === 2) resolve(result.tools)
    })
    send({ method: "notifications/initialized" })
    send({ id: 2, method: "tools/list" })
  })

/** Resident memory of a process in MiB. */
export const residentMiB = (pid) => {
  const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]
  return Number(kilobytes) / 1024
}

/** Takes a sample of every variant in each round; the first round warms the disk cache and is discarded. */
export const interleaved = async (variants, rounds, sample) => {
  const samples = Object.fromEntries(Object.keys(variants).map((name) => [name, []]))
  for (let round = 0; round <= rounds; round++) {
    for (const [name, variant] of Object.entries(variants)) {
      const value = await sample(variant)
      if (round > 0) samples[name].push(value)
    }
  }
  return Object.fromEntries(Object.entries(samples).map(([name, values]) => [name, summary(values)]))
}

export const summary = (values) => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  return { median, min: sorted[0], samples: sorted.length }
}

/** A figure that is counted, not sampled. */
export const exactly = (value) => ({ median: value, min: value, samples: 1 })

export const sleep = (millis) => new Promise((resolve) => setTimeout(resolve, millis))
