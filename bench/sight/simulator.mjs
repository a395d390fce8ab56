// LM Studio with a model of each form of calls, both in a context of 4096, and an embedding model that is on disk. It ends
// every run with its first reply, and gives out what the run was told in its first request.
import * as Simulator from "@lms-bridge/simulator/Simulator"
import * as SimulatedModel from "@lms-bridge/simulator/SimulatedModel"
import { model } from "../../packages/simulator/src/state/Catalogue.ts"
import * as TokenCount from "../../packages/core/src/lmstudio/TokenCount.ts"
import * as Effect from "effect/Effect"
import { standIn } from "../standIn.mjs"

let first

const answering = SimulatedModel.fromFunction(({ answerSchema, messages, tools }) => {
  first ??= { messages: messages.map(({ role, text }) => ({ role, text })), tools }
  return { text: answerSchema === undefined ? "All done." : '{"tool": "answer", "arguments": {"text": "All done."}}' }
}, "a model for the benchmark")

const models = [
  model("qwen2.5-coder-1.5b-instruct", { sizeBytes: 1_117_320_768 }),
  model("qwen/qwen3-4b-2507"),
  model("text-embedding-all-minilm-l6-v2", { type: "embedding", sizeBytes: 45_000_000, maxContextLength: 512 })
]

const main = Effect.gen(function* () {
  const { baseUrl, control, lmsBinary } = yield* Simulator.start({ model: answering, models })
  yield* control.loadAsUser("qwen2.5-coder-1.5b-instruct", { contextLength: 4096 })
  yield* control.loadAsUser("qwen/qwen3-4b-2507", { contextLength: 4096 })
  return {
    baseUrl,
    lmsBinary,
    answer: ({ count }) =>
      Effect.sync(() => {
        if (count !== undefined) return count.map(TokenCount.ofText)
        const taken = first ?? { messages: [], tools: [] }
        first = undefined
        return taken
      })
  }
})

standIn(main)
