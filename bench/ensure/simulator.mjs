// LM Studio whose loads take a while, so that callers meet.
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as Simulator from "@lms-bridge/testing/simulator/Simulator"
import * as Effect from "effect/Effect"

const main = Effect.gen(function* () {
  const { baseUrl, control, lmsBinary } = yield* Simulator.start({ settings: { loadTime: "300 millis" } })
  process.on("message", () => {
    Effect.runPromise(control.events).then((events) =>
      process.send({ loads: events.filter(({ type }) => type === "loadStarted").length })
    )
  })
  process.send({ baseUrl, lmsBinary })
  yield* Effect.async((resume) => {
    process.once("SIGTERM", () => resume(Effect.void))
    process.once("disconnect", () => resume(Effect.void))
  })
})

Effect.runPromise(main.pipe(Effect.scoped, Effect.provide(NodeContext.layer))).then(
  () => process.exit(0),
  (error) => process.send({ error: String(error) }, () => process.exit(1))
)
