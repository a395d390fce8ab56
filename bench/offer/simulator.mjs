// LM Studio with one model that has little context and one that has much; both only say that they are done.
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as Simulator from "@lms-bridge/testing/simulator/Simulator"
import * as SimulatedModel from "@lms-bridge/testing/simulator/SimulatedModel"
import * as Effect from "effect/Effect"

const model = SimulatedModel.fromFunction(() => ({ text: "Done." }), "a model for the benchmark")

const main = Effect.gen(function* () {
  const { baseUrl, control } = yield* Simulator.start({ model })
  yield* control.loadAsUser("qwen/qwen3-4b-2507", { contextLength: Number(process.env.LMS_BRIDGE_BENCH_CONTEXT) })
  yield* control.loadAsUser("qwen/qwen3-4b-2507", { contextLength: 262_144, identifier: "roomy" })
  process.send({ baseUrl })
  yield* Effect.async((resume) => {
    process.once("SIGTERM", () => resume(Effect.void))
    process.once("disconnect", () => resume(Effect.void))
  })
})

Effect.runPromise(main.pipe(Effect.scoped, Effect.provide(NodeContext.layer))).then(
  () => process.exit(0),
  (error) => process.send({ error: String(error) }, () => process.exit(1))
)
