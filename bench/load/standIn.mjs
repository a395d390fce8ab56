// LM Studio with one model in memory, which reads for 100 ms before it answers, whatever else it does meanwhile. With
// tools it calls `echo` once.
import * as Simulator from "@lms-bridge/simulator/Simulator"
import * as SimulatedModel from "@lms-bridge/simulator/SimulatedModel"
import * as Effect from "effect/Effect"
import { standIn } from "../standIn.mjs"

const model = SimulatedModel.fromFunction(({ messages, tools }) => {
  const echo = tools.find(({ name }) => name.endsWith("echo"))
  return echo === undefined || messages.at(-1)?.role === "tool"
    ? { text: "Still here." }
    : { toolCalls: [{ name: echo.name, arguments: { message: "still there?" } }] }
}, "a model for the load test")

standIn(
  Effect.gen(function* () {
    const settings = { promptProcessing: `${process.env.LMS_BRIDGE_LOAD_MILLIS} millis` }
    const { baseUrl, control } = yield* Simulator.start({ model, settings })
    yield* control.loadAsUser(process.env.LMS_BRIDGE_LOAD_MODEL, { contextLength: 16_384, parallel: 256 })
    return { baseUrl }
  })
)
