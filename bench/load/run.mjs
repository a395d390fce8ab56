// `npm run load [-- --seconds N]`: the built bridge over HTTP under load, beside a server on the SDK alone that does the
// same, in the same run. LM Studio's stand-in answers after 100 ms. Prints a table.
import { fork } from "node:child_process"
import { mkdirSync } from "node:fs"
import { cpus, loadavg } from "node:os"
import { join } from "node:path"
import { makeReady } from "../../scripts/ready.mjs"
import { executables, fail, inRoot } from "../../scripts/workspace.mjs"
import { officialServer, writeMcpJson } from "../servers.mjs"
import { ended, withWorkers } from "../workers.mjs"

const secondsAt = process.argv.indexOf("--seconds")
const seconds = secondsAt === -1 ? 60 : Number(process.argv[secondsAt + 1])
if (!Number.isInteger(seconds) || seconds < 1) fail("load: --seconds takes a whole number from 1")

await makeReady().catch((error) => fail(error.message))

const answerMillis = 100
const perSecond = 100
const model = "qwen/qwen3-4b-2507"
const prompt = "Say whether you are still there."
const slots = 4

/** A server on a port of its own that says what it costs. */
const serverOf = (args, env) => {
  const child = fork(args[0], args.slice(1), {
    env: { ...process.env, ...env },
    execArgv: ["--import", inRoot("bench", "load", "watched.mjs")],
    stdio: ["ignore", "ignore", "pipe", "ipc"]
  })
  let said = ""
  const url = new Promise((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`${args.join(" ")} ended with ${code}\n${said}`)))
    child.stderr.setEncoding("utf8").on("data", (text) => {
      said = `${said}${text}`.slice(-4000)
      const found = /Listening at (\S+)/.exec(said)?.[1]
      if (found !== undefined) resolve(found)
    })
  })
  const costs = () =>
    new Promise((resolve) => {
      child.once("message", resolve)
      child.send("costs")
    })
  return { child, url, costs }
}

const at = (values, share) => values[Math.min(values.length - 1, Math.floor(values.length * share))]

const rows = []
const row = (what, who, { failed, millis }, { cpuMillis, lateMillis, rssMiB }, base) => {
  const sorted = millis.toSorted((a, b) => a - b)
  const shown = (value) => (value - base).toFixed(1)
  rows.push([
    what,
    who,
    `${millis.length}${failed.length === 0 ? "" : `, ${failed.length} failed: ${failed[0]}`}`,
    ...(millis.length === 0
      ? ["", "", ""]
      : [shown(at(sorted, 0.5)), shown(at(sorted, 0.95)), shown(at(sorted, 0.99))]),
    (cpuMillis / Math.max(1, millis.length)).toFixed(2),
    `${lateMillis.p50.toFixed(1)}, ${lateMillis.p99.toFixed(1)}, ${lateMillis.most.toFixed(0)}`,
    rssMiB.toFixed(0)
  ])
  return failed.length
}

let lost = 0
await withWorkers(async ({ folder, start }) => {
  const standIn = await start("load/standIn", {
    LMS_BRIDGE_LOAD_MODEL: model,
    LMS_BRIDGE_LOAD_MILLIS: String(answerMillis)
  })
  const clients = await start("load/clients", {})
  mkdirSync(join(folder, "home"))
  const env = {
    HOME: join(folder, "home"),
    LMSTUDIO_BASE_URL: standIn.first.baseUrl,
    LMS_BRIDGE_LOAD_MODEL: model,
    LMS_BRIDGE_LMS_BINARY: "none",
    LMS_BRIDGE_PROBE: "off",
    LMS_BRIDGE_DATA_DIR: join(folder, "data"),
    MCP_JSON_PATH: writeMcpJson(folder, { everything: officialServer("server-everything", "stdio") })
  }
  const bridge = [inRoot(executables[0].file), "serve", "--http"]
  // the first two scenes ask for more at once than the default lets through to one model
  const servers = {
    bridge: serverOf(bridge, { ...env, LMS_BRIDGE_MODEL_CONCURRENCY: "256" }),
    "SDK alone": serverOf([inRoot("bench", "load", "bare.mjs")], env),
    runs: serverOf(bridge, { ...env, LMS_BRIDGE_MODEL_CONCURRENCY: String(slots) })
  }
  try {
    const scene = async (what, who, options, base = answerMillis) => {
      const server = servers[who]
      const url = await server.url
      console.error(`load: ${what}, ${who} …`)
      await server.costs()
      const result = await clients.ask({ url, prompt, ...options })
      const costs = await server.costs()
      lost += row(what, who === "runs" ? "bridge" : who, result, costs, base)
      return result
    }
    for (const who of ["bridge", "SDK alone"]) {
      // code is compiled and connections are opened before anything counts
      await clients.ask({ what: "steady", url: await servers[who].url, prompt, perSecond: 50, seconds: 3 })
    }
    for (const who of ["bridge", "SDK alone"]) {
      await scene(`${perSecond} requests a second for ${seconds} s`, who, { what: "steady", perSecond, seconds })
    }
    for (const who of ["bridge", "SDK alone"]) {
      await scene("100 clients at once, 5 requests each", who, { what: "crowd", count: 100, times: 5 })
    }
    for (const who of ["bridge", "SDK alone"]) {
      await scene("list_available_mcps, 500 times", who, { what: "again", times: 500 }, 0)
    }
    const task = { task: "Call echo.", mcp_names: ["everything"], model }
    await scene(`200 runs of two requests, ${slots} slots`, "runs", { what: "runs", count: 200, task }, 0)
    const best = (200 * 2 * answerMillis) / slots
    rows.at(-1)[2] += `; the model alone needs ${best} ms`
  } finally {
    await Promise.all(Object.values(servers).map(({ child }) => ended(child)))
  }
})

console.log(
  `Node ${process.version}, ${cpus().length} cores of ${cpus()[0]?.model ?? "?"}, load average ${loadavg()[0].toFixed(2)}`
)
console.log(`Times in ms beyond the ${answerMillis} ms of the model (of runs and listings: as they are).\n`)
const head = ["load", "server", "answers", "p50", "p95", "p99", "CPU ms each", "event loop late: p50, p99, most", "MiB"]
for (const cells of [head, head.map(() => "---"), ...rows]) console.log(`| ${cells.join(" | ")} |`)
process.exit(lost === 0 ? 0 : 1)
