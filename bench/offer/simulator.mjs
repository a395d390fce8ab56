// LM Studio with one model of small context and one of large context; both only answer that they are done.
import * as Simulator from "@lms-bridge/simulator/Simulator"
import * as SimulatedModel from "@lms-bridge/simulator/SimulatedModel"
import * as Effect from "effect/Effect"
import { standIn } from "../standIn.mjs"

const model = SimulatedModel.fromFunction(() => ({ text: "Done." }), "a model for the benchmark")

const main = Effect.gen(function* () {
  const { baseUrl, control } = yield* Simulator.start({ model })
  yield* control.loadAsUser("qwen/qwen3-4b-2507", { contextLength: Number(process.env.LMS_BRIDGE_BENCH_CONTEXT) })
  yield* control.loadAsUser("qwen/qwen3-4b-2507", { contextLength: 262_144, identifier: "roomy" })
  return { baseUrl }
})

standIn(main)
