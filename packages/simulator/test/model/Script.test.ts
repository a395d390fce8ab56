import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Script from "#src/model/Script.ts"
import * as SimulatedModel from "#src/model/SimulatedModel.ts"
import { SimulatorControl } from "#src/SimulatorControl.ts"
import * as SimulatorLayers from "#src/SimulatorLayers.ts"
import { chat } from "../asked.ts"

describe("a script", () => {
  it.effect("is an array of turns, or an object that names them", () =>
    Effect.gen(function* () {
      const plain = yield* Script.decode('[{"text":"Hi"}]')
      assert.deepStrictEqual(plain, [Script.text("Hi")])
      const named = yield* Script.decode('{"name":"greeting","turns":[{"toolCalls":[{"name":"echo"}]}]}')
      assert.deepInclude(named, { name: "greeting" })
    })
  )

  for (const [what, text, sentence] of [
    [
      "an unknown field",
      '[{"text":"Hi","finish":"stop"}]',
      /^\[0\]\.finish is not a field, allowed: text, reasoning, /
    ],
    ["a wrong type", '{"turns":[{"text":5}]}', /^turns\[0\]\.text got 5, allowed: string$/],
    ["a number out of range", '[{},{"delayMs":-1}]', /^\[1\]\.delayMs got -1, allowed: a non-negative number$/],
    [
      "a word that is not one of the choices",
      '[{"reasoningIn":"x"}]',
      /^\[0\]\.reasoningIn got "x", allowed: "reasoning_content" or "reasoning" or "think"$/
    ],
    [
      "arguments that are neither a string nor an object",
      '[{"toolCalls":[{"name":"echo","arguments":5}]}]',
      /^\[0\]\.toolCalls\[0\]\.arguments got 5, allowed: string or an object$/
    ],
    ["several mistakes", '[{"text":5},{"toolCalls":[{}]}]', /^\[0\]\.text got 5, allowed: string \(and 1 more\)$/],
    ["no turns", "{}", /^turns is missing$/],
    ["a bare value", "5", /^got 5, allowed: an array of turns or \{"name", "turns"\}$/],
    ["invalid JSON", "[{", /^it is not JSON: /]
  ] as const) {
    it.effect(`is refused with ${what}, in one line that says where`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(Script.decode(text))
        assert.strictEqual(error._tag, "ScriptInvalid")
        assert.match(error.message, sentence)
        assert.notInclude(error.message, "\n")
      })
    )
  }

  it.effect("is played turn by turn, and its end is a clear failure", () =>
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

  it.effect("can require the offered tools", () =>
    Effect.gen(function* () {
      const model = yield* SimulatedModel.scripted([{ text: "One", expect: { tools: ["echo"] } }])
      const fault = yield* Effect.flip(model.answer({ model: "m", messages: [], tools: [], toolChoice: "auto" }))
      assert.strictEqual(fault.message, "Turn 1 expects the tool echo, but offered were: none.")
    })
  )

  it.scoped("can be given to a running simulator, and removed again", () =>
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
