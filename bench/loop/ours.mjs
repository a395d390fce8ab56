// The agent loop of the library, wired as the executables wire it.
import { AgentLoop } from "@lms-bridge/core/agent/AgentLoop"
import * as Bridge from "@lms-bridge/core/Bridge"
import * as NodePlatform from "@lms-bridge/mcp-server/NodePlatform"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Stream from "effect/Stream"

const runtime = ManagedRuntime.make(
  Bridge.layer.pipe(
    Layer.provide(NodePlatform.layer),
    Layer.provideMerge(Logger.replace(Logger.defaultLogger, Logger.withConsoleError(Logger.jsonLogger)))
  )
)

const task = {
  task: "Say every step after me.",
  servers: { _tag: "Named", names: ["everything"] },
  allowedTools: ["echo"],
  budgets: { rounds: 100, wallMillis: 60_000, toolCalls: 100 }
}

// from the first request to the end, as the reference counts
const runOnce = Effect.gen(function* () {
  const loop = yield* AgentLoop
  let started
  let finished
  yield* Stream.runForEach(loop.run(task), (event) =>
    Effect.sync(() => {
      if (event._tag === "RoundStarted") started ??= performance.now()
      if (event._tag === "RunFinished") finished = { at: performance.now(), outcome: event.outcome }
    })
  )
  if (finished.outcome.status !== "done") return { error: JSON.stringify(finished.outcome) }
  return { millis: finished.at - started, toolCalls: finished.outcome.toolCalls.length }
})

const stop = () => runtime.dispose().then(() => process.exit(0))
process.on("SIGTERM", stop)
process.on("disconnect", stop)
process.on("message", () => {
  runtime.runPromise(runOnce).then(
    (result) => process.send(result),
    (error) => process.send({ error: String(error) })
  )
})
process.send({ ready: true })
