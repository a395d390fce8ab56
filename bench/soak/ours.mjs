// One bridge for the whole soak: it executes the runs it is given, and reports the resources it holds.
import { readdirSync } from "node:fs"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { AgentLoop } from "@lms-bridge/core/AgentLoop"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { runtime, serve } from "../runtime.mjs"

setFlagsFromString("--expose-gc")
const collect = runInNewContext("gc")

/** One tool of each kind of server: a task is refused if it names a tool that none of its servers has. */
const tools = { everything: "echo", files: "list_directory", memory: "read_graph" }

const taskOf = (names) => ({
  task: "Call every tool once.",
  servers: { _tag: "Named", names },
  allowedTools: [...new Set(names.map((name) => tools[name.split("-")[0]]))],
  budgets: { rounds: 20, wallMillis: 60_000, toolCalls: 20 }
})

/** How a run ended, in one word, and how many of its calls failed. */
const runOnce = (names) =>
  Effect.gen(function* () {
    const loop = yield* AgentLoop
    let outcome
    yield* Stream.runForEach(loop.run(taskOf(names)), (event) =>
      Effect.sync(() => {
        if (event._tag === "RunFinished") outcome = event.outcome
      })
    )
    const { problem, status, toolCalls } = outcome
    return {
      ended: problem?.tag ?? status,
      calls: toolCalls.length,
      failed: toolCalls.filter(({ isError }) => isError).length
    }
  }).pipe(Effect.catchAll(({ _tag }) => Effect.succeed({ ended: _tag, calls: 0, failed: 0 })))

const holds = () => {
  for (let pass = 0; pass < 4; pass++) collect()
  const { heapUsed, rss } = process.memoryUsage()
  const counts = new Map()
  for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  const handles = [...counts].map(([kind, count]) => `${kind} ${count}`)
  return { heapUsed, rss, files: openFiles(), handles: handles.toSorted() }
}

/** The number of open file descriptors, if the platform lists them. */
const openFiles = () => {
  try {
    return readdirSync("/proc/self/fd").length
  } catch {
    return undefined
  }
}

const perform = {
  runs: ({ concurrency, runs }) =>
    runtime.runPromise(Effect.map(Effect.forEach(runs, runOnce, { concurrency }), (ended) => ({ ended }))),
  holds: async () => holds()
}

serve((message) => perform[message.what](message))
