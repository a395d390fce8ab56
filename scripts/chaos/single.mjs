// One machine: `serve` with a client that hands tasks in without a pause, and starts it again when it is gone.
import { join } from "node:path"
import { eventually, makeWorld, sleep } from "../drill/world.mjs"
import { handlesOf, isBelow, processesWith, signal, smallDisk, withoutHandles } from "./machine.mjs"
import { numbers, words } from "./schedule.mjs"
import { journalsIn, kept, problemsOf, unrecorded } from "./stored.mjs"

const atOnce = 3
const inDoubt = "whether it took effect is not known"

export const kinds = {
  "an MCP server is killed": { often: 3 },
  "an MCP server stands still": { often: 2, longest: 5 },
  "LM Studio is killed": { often: 2, longest: 5 },
  "LM Studio stands still": { often: 2, longest: 6 },
  "LM Studio is cut off": { often: 2, longest: 6 },
  "the bridge is killed": { often: 2 },
  "the bridge is told to end": { often: 1 },
  "the disk is full": { often: 3, longest: 14 },
  "no handles are left": { often: 2, longest: 5 }
}

/** What could not be done here, and why. */
export const missing = () => (process.getuid?.() === 0 ? [] : ["the disk is full"])

export const make = async (seed) => {
  const world = await makeWorld(undefined, 60)
  const random = numbers(seed + 1)
  const disk = smallDisk(join(world.home("bridge"), "data"), "24m")
  let lmStudio = await world.simulator({ DRILL_LOAD_TIME: "500 millis" })
  const port = Number(new URL(lmStudio.baseUrl).port)
  const link = await world.link(port)
  const env = {
    LMSTUDIO_BASE_URL: `http://127.0.0.1:${link.port}`,
    LMS_BRIDGE_LMS_BINARY: "none",
    LMS_BRIDGE_MCP_IDLE: "1s",
    LMS_BRIDGE_BREAKER_OPEN_FOR: "2s",
    LMS_BRIDGE_FIRST_BYTE_TIMEOUT: "20s",
    LMS_BRIDGE_LOG_LEVEL: "error"
  }
  const startBridge = () =>
    world.front("bridge", {
      env,
      answerOf: (message) => (message.includes(inDoubt) ? "Refuse" : "Allow once")
    })
  let bridge = await startBridge()
  const state = { isOver: false, isPaused: false }
  let starting
  /** The bridge, started again where it is gone. */
  const living = () => {
    if (signal(bridge.pid, 0) && starting === undefined) return bridge
    starting ??= bridge
      .close()
      .catch(() => {})
      .then(startBridge)
      .then((found) => (bridge = found))
      .finally(() => (starting = undefined))
    return starting
  }
  const call = async (tool, given, timeout) => {
    try {
      return await (await living()).call(tool, given, timeout)
    } catch (error) {
      await sleep(200)
      return { lost: error.message }
    }
  }

  /** What the person was told of each run. */
  const runs = new Map()
  let count = 0
  const person = async () => {
    while (!state.isOver) {
      if (state.isPaused) {
        await sleep(200)
        continue
      }
      const task = `[s${++count}] ${words(random).join(" ")}`
      const { runId } = await call("run_start", { mcp_names: ["drill"], task })
      if (runId === undefined) {
        await sleep(500)
        continue
      }
      runs.set(runId, "running")
      for (;;) {
        const { lost, status } = await call("run_result", { run_id: runId, wait_seconds: 5 }, 15_000)
        if (lost !== undefined || status === "running") continue
        runs.set(runId, status)
        break
      }
    }
  }
  const people = Array.from({ length: atOnce }, person)

  const servers = () =>
    processesWith(world.effectsFile).filter(({ args, pid }) => args.includes("server.mjs") && isBelow(pid, bridge.pid))
  const stopFor = async (pid, seconds) => {
    signal(pid, "SIGSTOP")
    await sleep(seconds * 1000)
    signal(pid, "SIGCONT")
  }
  const one = (all, whom) => all[Math.floor(whom * all.length)]
  const acts = {
    "an MCP server is killed": ({ whom }) => signal(one(servers(), whom)?.pid ?? 0x7ffffff, "SIGKILL"),
    "an MCP server stands still": async ({ seconds, whom }) => {
      const server = one(servers(), whom)
      if (server !== undefined) await stopFor(server.pid, seconds)
    },
    "LM Studio is killed": async ({ seconds }) => {
      lmStudio.child.removeAllListeners("exit")
      signal(lmStudio.child.pid, "SIGKILL")
      await sleep(seconds * 1000)
      lmStudio = await world.simulator({ DRILL_LOAD_TIME: "500 millis", DRILL_PORT: String(port) })
    },
    "LM Studio stands still": ({ seconds }) => stopFor(lmStudio.child.pid, seconds),
    "LM Studio is cut off": async ({ seconds }) => {
      link.cut()
      await sleep(seconds * 1000)
      link.mend()
    },
    "the bridge is killed": () => signal(bridge.pid, "SIGKILL"),
    "the bridge is told to end": () => signal(bridge.pid, "SIGTERM"),
    "the disk is full": async ({ seconds }) => {
      disk?.fill()
      await sleep(seconds * 1000)
      disk?.empty()
    },
    "no handles are left": async ({ seconds }) => {
      const give = withoutHandles(bridge.pid)
      await sleep(seconds * 1000)
      give()
    }
  }

  const folder = join(world.folder, "bridge", "data", "runs")

  /** What every process holds when nothing is done. */
  const holds = async () => {
    state.isPaused = true
    for (const until = Date.now() + 30_000; Date.now() < until && servers().length > 0;) await sleep(200)
    await sleep(8000)
    state.isPaused = false
    return handlesOf(bridge.pid)
  }

  return {
    world,
    acts,
    close: async () => {
      await bridge.close().catch(() => {})
      disk?.close()
      await world.close()
    },
    /** Before anything goes wrong. */
    warm: async () => {
      await eventually("some runs end", () => world.effects().filter((line) => line.startsWith("end")).length > 6, 240)
    },
    finish: async () => {
      state.isOver = true
      await Promise.all(people)
      // what was under way when the bridge ended, or failed for want of LM Studio, is gone on with
      const resumed = []
      for (let round = 0; round < 6; round++) {
        const open = journalsIn(folder).filter(({ status }) => status !== "done")
        if (open.length === 0) break
        await sleep(3000)
        for (const { runId } of open) {
          resumed.push(runId)
          await call("run_start", { follows: runId })
          for (let look = 0; look < 12; look++) {
            const { status } = await call("run_result", { run_id: runId, wait_seconds: 5 }, 15_000)
            if (status !== undefined && status !== "running") break
          }
        }
      }
      const all = journalsIn(folder)
      const told = [...runs.values()]
      const statuses = [...new Set(told)].map((one) => `${told.filter((other) => other === one).length} ${one}`)
      const isKept = (line) => count - Number(line.split(" ")[2].slice(1)) < kept
      const problems = [
        ...problemsOf(all, runs),
        ...unrecorded(
          world.effects().filter(isKept),
          all.flatMap(({ events }) => events)
        )
      ]
      return { problems, runs: all.length, resumed: new Set(resumed).size, statuses: statuses.join(", ") }
    },
    holds,
    end: () => bridge.close().then(() => sleep(3000))
  }
}
