// The services as the executables wire them, for the programs of a benchmark, and how those answer and end.
import * as Bridge from "@lms-bridge/core/Bridge"
import * as NodePlatform from "@lms-bridge/node/NodePlatform"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as ManagedRuntime from "effect/ManagedRuntime"

export const runtime = ManagedRuntime.make(
  Bridge.layer.pipe(
    Layer.provide(NodePlatform.layer),
    Layer.provideMerge(Logger.replace(Logger.defaultLogger, Logger.withConsoleError(Logger.jsonLogger)))
  )
)

/** Answers each message with what `answer` makes of it, and says that it is ready. */
export const serve = (answer) => {
  const stop = () => runtime.dispose().then(() => process.exit(0))
  process.on("SIGTERM", stop)
  process.on("disconnect", stop)
  process.on("message", (message) => {
    answer(message).then(
      (result) => process.send(result),
      (error) => process.send({ error: String(error) })
    )
  })
  process.send({ ready: true })
}
