// A worker program that acts as LM Studio until the benchmark ends.
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as Effect from "effect/Effect"

/**
 * Sends the facts that `start`, a scoped effect, returns as the first message. Later messages are answered by the effects
 * that its function `answer` returns, if it has one.
 */
export const standIn = (start) =>
  Effect.gen(function* () {
    const { answer, ...facts } = yield* start
    process.on("message", (message) => {
      Effect.runPromise(answer(message)).then(
        (result) => process.send(result),
        (error) => process.send({ error: String(error) })
      )
    })
    process.send(facts)
    yield* Effect.async((resume) => {
      process.once("SIGTERM", () => resume(Effect.void))
      process.once("disconnect", () => resume(Effect.void))
    })
  })
    .pipe(Effect.scoped, Effect.provide(NodeContext.layer), Effect.runPromise)
    .then(
      () => process.exit(0),
      (error) => process.send({ error: String(error) }, () => process.exit(1))
    )
