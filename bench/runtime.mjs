// The services as the executables wire them, for the worker programs of the benchmarks, and how a worker answers and ends.
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

/** Reports that the worker is ready, and answers each message with the result of `answer`. */
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
  process.send({ pid: process.pid })
}
