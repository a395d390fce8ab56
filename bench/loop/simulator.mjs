// LM Studio without delays; its model calls `echo` a given number of times and is done.
import * as Simulator from "@lms-bridge/simulator/Simulator"
import * as SimulatedModel from "@lms-bridge/simulator/SimulatedModel"
import * as Effect from "effect/Effect"
import { standIn } from "../standIn.mjs"

const steps = Number(process.env.LMS_BRIDGE_BENCH_STEPS)

// The model reads the step from the last result, so that it still works when the loop compacts old turns.
const model = SimulatedModel.fromFunction(({ messages, tools }) => {
  const last = messages.at(-1)
  const done = last?.role === "tool" ? Number(/step (\d+)/.exec(last.text)?.[1]) : 0
  if (done >= steps) return { text: "All steps said." }
  const echo = tools.find((tool) => tool.name.endsWith("echo"))
  // a request that only loads the model offers no tools
  if (echo === undefined) return { text: "Ready." }
  return { toolCalls: [{ name: echo.name, arguments: { message: `step ${done + 1}` } }] }
}, "a model for the benchmark")

const main = Effect.gen(function* () {
  const { baseUrl, control } = yield* Simulator.start({ model })
  // enough for a thousand steps, so nothing has to be left out
  yield* control.loadAsUser(process.env.LMS_BRIDGE_BENCH_MODEL, { contextLength: 262_144 })
  return { baseUrl }
})

standIn(main)
