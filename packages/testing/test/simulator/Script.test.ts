import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Script from "@lms-bridge/testing/simulator/Script"
import * as SimulatedModel from "@lms-bridge/testing/simulator/SimulatedModel"
import { SimulatorControl } from "@lms-bridge/testing/simulator/SimulatorControl"
import * as SimulatorLayers from "@lms-bridge/testing/simulator/SimulatorLayers"
import { chat } from "./asked.ts"

describe("a script", () => {
  it.effect("is an array of turns, or an object that names them", () =>
    Effect.gen(function* () {
      const plain = yield* Script.decode('[{"text":"Hi"}]')
      assert.deepStrictEqual(plain, [Script.text("Hi")])
      const named = yield* Script.decode('{"name":"greeting","turns":[{"toolCalls":[{"name":"echo"}]}]}')
      assert.deepInclude(named, { name: "greeting" })
    })
  )

  for (const [what, text] of [
    ["no JSON", "[{"],
    ["an unknown field", '[{"txt":"Hi"}]'],
    ["a wrong type", '[{"text":5}]'],
    ["no turns", "{}"]
  ] as const) {
    it.effect(`is refused with ${what}`, () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* Effect.flip(Script.decode(text)))._tag, "ParseError")
      })
    )
  }

  it.effect("is answered turn by turn, and its end is a clear failure", () =>
    Effect.gen(function* () {
      const model = yield* SimulatedModel.scripted([{ text: "One" }, { text: "Two" }])
      const prompt: SimulatedModel.Prompt = { model: "m", messages: [], tools: [], toolChoice: "auto" }
      assert.strictEqual((yield* model.answer(prompt)).text, "One")
      assert.strictEqual((yield* model.answer(prompt)).text, "Two")
      const fault = yield* Effect.flip(model.answer(prompt))
      assert.strictEqual(
        fault.message,
        "The script has 2 turns and this is request 3. Add a turn, or find out why the model was asked again."
      )
    })
  )

  it.effect("can insist on the tools that are offered", () =>
    Effect.gen(function* () {
      const model = yield* SimulatedModel.scripted([{ text: "One", expect: { tools: ["echo"] } }])
      const fault = yield* Effect.flip(model.answer({ model: "m", messages: [], tools: [], toolChoice: "auto" }))
      assert.strictEqual(fault.message, "Turn 1 expects the tool echo, but offered were: none.")
    })
  )

  it.scoped("can be given to a running simulator, and taken away again", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      assert.strictEqual(yield* control.whoAnswers, "a rule-based stand-in, not a language model")
      yield* control.scriptModel([{ text: "Scripted" }])
      assert.strictEqual((yield* chat("qwen/qwen3-8b")).at("choices.0.message.content"), "Scripted")
      yield* control.setModel(SimulatedModel.fromFunction(({ model }) => ({ text: `I am ${model}` }), "a parrot"))
      assert.strictEqual((yield* chat("qwen/qwen3-8b")).at("choices.0.message.content"), "I am qwen/qwen3-8b")
      assert.strictEqual(yield* control.whoAnswers, "a parrot")
    }).pipe(Effect.provide(SimulatorLayers.layer()))
  )
})
