// A program of a benchmark that plays LM Studio until the benchmark ends.
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as Effect from "effect/Effect"

/** Sends what `start` gives (a scoped effect) as the first message. */
export const standIn = (start) =>
  Effect.runPromise(
    start.pipe(
      Effect.tap((message) => Effect.sync(() => process.send(message))),
      Effect.zipRight(
        Effect.async((resume) => {
          process.once("SIGTERM", () => resume(Effect.void))
          process.once("disconnect", () => resume(Effect.void))
        })
      ),
      Effect.scoped,
      Effect.provide(NodeContext.layer)
    )
  ).then(
    () => process.exit(0),
    (error) => process.send({ error: String(error) }, () => process.exit(1))
  )
