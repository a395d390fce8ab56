// `npm run soak [-- --runs N] [--seed N]`: runs over six real MCP servers, whose processes are killed at random. At the end
// the bridge must hold no more than at the start: files, handles, child processes, memory. Takes at most ten minutes.
import { execFileSync } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { sleep } from "../bench/measure.mjs"
import { sixServers, writeMcpJson } from "../bench/servers.mjs"
import { withWorkers } from "../bench/workers.mjs"
import { makeReady } from "./ready.mjs"
import { fail } from "./workspace.mjs"

const option = (name, otherwise) => {
  const at = process.argv.indexOf(`--${name}`)
  const value = at === -1 ? otherwise : Number(process.argv[at + 1])
  return Number.isInteger(value) && value > 0 ? value : fail(`soak: --${name} takes a whole number from 1`)
}
const runs = option("runs", 500)
const seed = option("seed", 1)

const longest = 10 * 60_000
const atOnce = 25
const concurrency = 4
/** Runs before the first measurement, which compile code and fill caches. */
const warmUp = 100
const idle = "1s"

await makeReady().catch((error) => fail(error.message))

// -----------------------------------------------------------------------------
// random numbers, reproducible by the seed
// -----------------------------------------------------------------------------

let state = seed
const random = () => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
  return state / 2 ** 32
}
const below = (count) => Math.floor(random() * count)
const some = (all) => {
  const left = [...all]
  return Array.from({ length: 1 + below(3) }, () => left.splice(below(left.length), 1)[0])
}

// -----------------------------------------------------------------------------
// processes
// -----------------------------------------------------------------------------

const processes = () =>
  execFileSync("ps", ["-A", "-ww", "-o", "pid=,ppid=,stat=,args="], { encoding: "utf8", maxBuffer: 2 ** 24 })
    .split("\n")
    .flatMap((line) => {
      const [, pid, parent, stat, args] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? []
      return pid === undefined || stat.startsWith("Z") ? [] : [{ pid: Number(pid), parent: Number(parent), args }]
    })

const beneath = (root) => {
  const all = processes()
  const below = (pid) => all.filter(({ parent }) => parent === pid).flatMap((child) => [child, ...below(child.pid)])
  return below(root)
}

const serversOf = (pid) => beneath(pid).filter(({ args }) => args.includes("@modelcontextprotocol"))

const kill = ({ pid }) => {
  try {
    process.kill(pid, "SIGKILL")
    return 1
  } catch {
    return 0
  }
}

// -----------------------------------------------------------------------------
// the soak
// -----------------------------------------------------------------------------

const mebibytes = (bytes) => `${(bytes / 2 ** 20).toFixed(1)} MiB`

await withWorkers(async ({ folder, start }) => {
  const files = join(folder, "files")
  mkdirSync(files)
  writeFileSync(join(files, "note.txt"), "still here")
  const servers = sixServers(folder, files)

  const simulator = await start("soak/simulator", { LMS_BRIDGE_SOAK_FOLDER: files })
  const bridge = await start("soak/ours", {
    LMSTUDIO_BASE_URL: simulator.first.baseUrl,
    LMS_BRIDGE_LMS_BINARY: "none",
    LMS_BRIDGE_DATA_DIR: join(folder, "data"),
    LMS_BRIDGE_PROBE: "off",
    LMS_BRIDGE_LOG_LEVEL: "error",
    LMS_BRIDGE_MCP_IDLE: idle,
    LMS_BRIDGE_BREAKER_OPEN_FOR: "2s",
    MCP_JSON_PATH: writeMcpJson(folder, servers)
  })
  const { pid } = bridge.first

  const tally = { calls: 0, failed: 0, kills: 0, ended: {} }
  const perform = async (count) => {
    const names = Array.from({ length: count }, () => some(Object.keys(servers)))
    const batch = { over: false }
    const killer = (async () => {
      while (!batch.over) {
        await sleep(200 + below(600))
        const living = serversOf(pid)
        if (living.length > 0) tally.kills += kill(living[below(living.length)])
      }
    })()
    const { ended } = await bridge.ask({ what: "runs", runs: names, concurrency })
    batch.over = true
    await killer
    for (const run of ended) {
      tally.calls += run.calls
      tally.failed += run.failed
      tally.ended[run.ended] = (tally.ended[run.ended] ?? 0) + 1
    }
  }

  /** Waits until the idle servers have been closed, for at most a minute. */
  const quiet = async () => {
    for (const until = Date.now() + 60_000; Date.now() < until && beneath(pid).length > 0;) await sleep(200)
    // the guard process and the sockets to LM Studio close a little later
    await sleep(6000)
    return { children: beneath(pid).map(({ args }) => args), ...(await bridge.ask({ what: "holds" })) }
  }

  const began = Date.now()
  await perform(warmUp)
  const before = await quiet()
  const warm = structuredClone(tally)
  let done = 0
  while (done < runs && Date.now() - began < longest) {
    await perform(Math.min(atOnce, runs - done))
    done = Math.min(runs, done + atOnce)
    const { heapUsed } = await bridge.ask({ what: "holds" })
    console.error(`soak: ${done} of ${runs} runs, ${tally.kills} kills, ${mebibytes(heapUsed)} of heap`)
  }
  const after = await quiet()

  const failures = [
    ...(done < runs ? [`only ${done} of ${runs} runs in ${longest / 60_000} minutes`] : []),
    ...(after.children.length > 0 ? [`children are left: ${after.children.join("; ")}`] : []),
    ...(after.files > before.files ? [`${after.files} open files, ${before.files} before`] : []),
    ...(String(after.handles) === String(before.handles) ? [] : [`handles ${after.handles}; before ${before.handles}`]),
    ...(after.heapUsed > before.heapUsed * 1.05 + 2 ** 20
      ? [`${mebibytes(after.heapUsed)} of heap, ${mebibytes(before.heapUsed)} before`]
      : []),
    ...(tally.kills === warm.kills ? ["nothing was killed"] : []),
    // a killed server can be restarted, even if it was killed during its start; so every run has to end as done
    ...Object.keys(tally.ended)
      .filter((how) => how !== "done")
      .map((how) => `${tally.ended[how]} runs ended with ${how}`)
  ]
  const row = (what, first, last) => console.log(`| ${what.padEnd(12)} | ${String(first).padEnd(30)} | ${last}`)
  row("", `after ${warmUp} runs`, `after ${done} more`)
  row("children", before.children.length, after.children.length)
  row("open files", before.files ?? "not known here", after.files ?? "not known here")
  row("handles", before.handles.join(", "), after.handles.join(", "))
  row("heap", mebibytes(before.heapUsed), mebibytes(after.heapUsed))
  row("resident", mebibytes(before.rss), mebibytes(after.rss))
  console.log(
    `${tally.kills} kills, ${tally.calls} tool calls, ${tally.failed} of them failed; runs ended: ` +
      `${JSON.stringify(tally.ended)}; ${((Date.now() - began) / 1000).toFixed(0)} s, seed ${seed}`
  )
  for (const failure of failures) console.error(`soak: ${failure}`)
  process.exitCode = failures.length === 0 ? 0 : 1
})
