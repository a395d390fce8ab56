// LM Studio, slow in the way that the next run needs.
import * as Simulator from "@lms-bridge/simulator/Simulator"
import * as SimulatedModel from "@lms-bridge/simulator/SimulatedModel"
import * as Effect from "effect/Effect"
import { standIn } from "../standIn.mjs"

const call = (tools, name, args) => {
  const tool = tools.find((offered) => offered.name.replaceAll("_", "-").endsWith(name))
  return tool === undefined ? { text: "Ready." } : { toolCalls: [{ name: tool.name, arguments: args }] }
}
const words = { text: "word ".repeat(2000), pieceDelayMs: 20, chunking: { words: 1 } }
const turns = {
  waiting: () => words,
  streaming: () => words,
  calling: (tools) => call(tools, "long-running-operation", { duration: 60, steps: 5 }),
  approving: (tools) => call(tools, "toggle-simulated-logging", {})
}
let state = "waiting"
const model = SimulatedModel.fromFunction(({ tools }) => turns[state](tools), "a model for the benchmark")

const main = Effect.gen(function* () {
  const { baseUrl, control } = yield* Simulator.start({ model })
  yield* control.loadAsUser("qwen/qwen3-4b-2507", { contextLength: 32_768 })
  const answer = (message) =>
    Effect.gen(function* () {
      if (message.idle) {
        // like LM Studio, it first finishes the prompt it is processing
        const idle = control.until(({ instances }) => instances.every(({ status }) => status === "idle"))
        return { busy: (yield* Effect.timeoutOption(idle, "5 seconds"))._tag === "None" }
      }
      state = message.state
      yield* control.setSettings({ promptProcessing: state === "waiting" ? "2 seconds" : 0 })
      return {}
    })
  return { baseUrl, answer }
})

standIn(main)
