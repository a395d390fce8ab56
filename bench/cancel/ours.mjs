// Brings a run into a state, cancels it there, and reports how long that took and which of its resources are still open.
import { readFileSync } from "node:fs"
import { AgentLoop, CurrentApprover } from "@lms-bridge/core/AgentLoop"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { runtime, serve } from "../runtime.mjs"

const task = {
  task: "Do what there is to do.",
  model: "qwen/qwen3-4b-2507",
  servers: { _tag: "Named", names: ["everything"] },
  allowedTools: ["trigger*", "toggle*"],
  budgets: { rounds: 10, wallMillis: 600_000, toolCalls: 10 }
}

/** The event that puts a run into the state. */
const reached = {
  waiting: "RoundStarted",
  streaming: "TextDelta",
  calling: "ToolCallStarted",
  approving: "ApprovalAsked"
}

/** Sockets, pipes, timers and files that keep the process alive, counted by kind. */
const handles = () => {
  const counts = {}
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}

const settled = Effect.sleep("50 millis")

const cancel = Effect.fnUntraced(function* (state) {
  const loop = yield* AgentLoop
  const at = yield* Effect.makeLatch()
  const fiber = yield* Effect.fork(
    Stream.runForEach(loop.run(state === "approving" ? { ...task, servers: { _tag: "All" } } : task), (event) =>
      event._tag === reached[state]
        ? at.open
        : event._tag === "RunFinished"
          ? Effect.dieMessage(`it never reached ${state}: ${JSON.stringify(event.outcome)}`)
          : Effect.void
    ).pipe(
      Effect.provideService(
        CurrentApprover,
        Option.some(() => Effect.never)
      )
    )
  )
  yield* Effect.raceFirst(at.await, Fiber.join(fiber))
  yield* settled
  const before = handles()
  const started = performance.now()
  yield* Fiber.interrupt(fiber)
  const millis = performance.now() - started
  yield* settled
  const after = handles()
  const left = Object.keys(after).filter((kind) => after[kind] > (before[kind] ?? 0))
  const asking = state === "waiting" || state === "streaming"
  if (asking && (after.TCPSocketWrap ?? 0) >= (before.TCPSocketWrap ?? 0)) left.push("the socket of the request")
  return { millis, left }
})

const closed = async () => {
  await runtime.dispose()
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").trim()
  return { children: children === "" ? 0 : children.split(" ").length }
}

serve(({ state }) => (state === "closed" ? closed() : runtime.runPromise(cancel(state))))
