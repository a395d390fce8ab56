import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, TestClock } from "effect"
import type { TurnInput } from "#src/model/Script.ts"
import type { Settings } from "#src/Settings.ts"
import { SimulatorControl } from "#src/SimulatorControl.ts"
import * as SimulatorLayers from "#src/SimulatorLayers.ts"
import { background, eventsOf, keysOf, post } from "../../asked.ts"

const model = "qwen/qwen3-8b"
const chat = (body: object) => post("/api/v1/chat", { model, input: "Hi", ...body })
const answering = (script: ReadonlyArray<TurnInput>, settings: Partial<Settings> = {}) =>
  SimulatorLayers.layer({ script, settings })
const unloaded = { loadTime: "4 seconds" } as const

describe("native v1 chat", () => {
  it.scoped("A1: the reply names the instance, its output items in order, stats and a response id", () =>
    Effect.gen(function* () {
      const { at, body, status, textAt } = yield* chat({})
      assert.strictEqual(status, 200)
      assert.deepStrictEqual(keysOf(body), ["model_instance_id", "output", "stats", "response_id"])
      assert.strictEqual(at("model_instance_id"), model)
      assert.deepStrictEqual(at("output"), [
        { type: "reasoning", content: "Hm." },
        { type: "message", content: "Hello there, friend" }
      ])
      assert.deepStrictEqual(keysOf(at("stats")), [
        "input_tokens",
        "total_output_tokens",
        "reasoning_output_tokens",
        "tokens_per_second",
        "time_to_first_token_seconds",
        "model_load_time_seconds"
      ])
      assert.match(textAt("response_id"), /^resp_[0-9a-f]{48}$/)
    }).pipe(Effect.provide(answering([{ text: "Hello there, friend", reasoning: "Hm." }])))
  )

  it.scoped("A1: store:false gives no id; a loaded model gives no load time", () =>
    Effect.gen(function* () {
      yield* chat({})
      const { at, body } = yield* chat({ store: false })
      assert.notInclude(keysOf(body), "response_id")
      assert.notInclude(keysOf(at("stats")), "model_load_time_seconds")
    }).pipe(Effect.provide(answering([{ text: "a" }, { text: "b" }])))
  )

  it.scoped("A1: thinking until the token limit leaves only a reasoning item", () =>
    Effect.gen(function* () {
      const { at } = yield* chat({ max_output_tokens: 2 })
      assert.deepStrictEqual(at("output"), [{ type: "reasoning", content: "Let me t" }])
    }).pipe(Effect.provide(answering([{ text: "Yes", reasoning: "Let me think about it" }])))
  )

  it.scoped("A1: the conversation continues from previous_response_id", () =>
    Effect.gen(function* () {
      const first = yield* chat({ input: "My name is Ada" })
      const second = yield* chat({ input: "What is my name?", previous_response_id: first.at("response_id") })
      assert.strictEqual(second.status, 200)
      const fourMessages = 4 * 3 + Math.ceil(14 / 4) + Math.ceil(9 / 4) + Math.ceil(16 / 4)
      assert.strictEqual(second.at("stats.input_tokens"), fourMessages)
    }).pipe(Effect.provide(answering([{ text: "Hello Ada" }, { text: "Ada" }])))
  )

  it.scoped("A1: an unknown id, and one without resp_", () =>
    Effect.gen(function* () {
      const unknown = yield* chat({ previous_response_id: "resp_0" })
      assert.strictEqual(unknown.status, 400)
      assert.deepStrictEqual(unknown.body, {
        error: {
          type: "invalid_request",
          message:
            "Could not find stored response for previous_response_id 'resp_0'. Please ensure the ID is correct. Current previous response auto-deletion policy: Responses older than 30 days are automatically deleted.",
          code: "invalid_value",
          param: "previous_response_id"
        }
      })
      const malformed = yield* chat({ previous_response_id: "abc" })
      assert.strictEqual(malformed.at("error.param"), "previous_response_id")
    }).pipe(Effect.provide(answering([])))
  )

  it.scoped("H18: a corrupt state store fails every call with a 500", () =>
    Effect.gen(function* () {
      const { status, textAt } = yield* chat({})
      assert.strictEqual(status, 500)
      assert.match(textAt("error.message"), /^Prediction history node with id '.+' not found in shard 'pack-0001'/)
    }).pipe(Effect.provide(answering([], { historyCorrupt: true })))
  )

  for (const key of ["stop", "max_tokens", "tools", "ttl", "logprobs", "messages"]) {
    it.scoped(`H30: the key ${key} is refused`, () =>
      Effect.gen(function* () {
        const { at, status } = yield* chat({ [key]: 1 })
        assert.strictEqual(status, 400)
        assert.strictEqual(at("error.message"), `Unrecognized key(s) in object: '${key}'`)
        assert.strictEqual(at("error.code"), "unrecognized_keys")
      }).pipe(Effect.provide(answering([])))
    )
  }

  it.scoped("A9: an unknown model is a 404, and no other model answers", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      yield* control.loadAsUser(model)
      const { at, status, textAt } = yield* chat({ model: "default" })
      assert.strictEqual(status, 404)
      assert.match(textAt("error.message"), /^Invalid model identifier "default"/)
      assert.strictEqual(at("error.type"), "invalid_request")
      assert.strictEqual(at("error.code"), "model_not_found")
    }).pipe(Effect.provide(answering([])))
  )

  it.scoped("A1: reasoning on a model without it is refused with the model's path", () =>
    Effect.gen(function* () {
      const { at, status } = yield* chat({ model: "qwen/qwen3-4b-2507", reasoning: "high" })
      assert.strictEqual(status, 400)
      assert.deepStrictEqual(at("error"), {
        type: "invalid_request",
        message:
          "Model 'lmstudio-community/Qwen3-4B-Instruct-2507-GGUF/Qwen3-4B-Instruct-2507-Q4_K_M.gguf' does not support reasoning configuration.",
        code: "invalid_value",
        param: "reasoning"
      })
    }).pipe(Effect.provide(answering([])))
  )

  it.scoped("A1: input accepts text, message and image items", () =>
    Effect.gen(function* () {
      const items = [
        { type: "text", content: "What is this?" },
        { type: "message", content: "Please." },
        { type: "image", data_url: "data:image/png;base64,AAAA" }
      ]
      assert.strictEqual((yield* chat({ input: items })).status, 200)
      assert.strictEqual((yield* chat({ input: [{ type: "input_text", text: "x" }] })).status, 400)
    }).pipe(Effect.provide(answering([{ text: "A cat" }])))
  )

  it.scoped("A1: overflow is a 500 internal_error with code unknown", () =>
    Effect.gen(function* () {
      const { at, status, textAt } = yield* chat({ input: "x".repeat(5000 * 4) })
      assert.strictEqual(status, 500)
      assert.include(textAt("error.message"), "greater than the context length")
      assert.strictEqual(at("error.type"), "internal_error")
      assert.strictEqual(at("error.code"), "unknown")
    }).pipe(Effect.provide(answering([{}])))
  )

  it.scoped("A1: context_length is used when the request loads the model", () =>
    Effect.gen(function* () {
      yield* chat({ context_length: 16_384 })
      const control = yield* SimulatorControl
      assert.strictEqual((yield* control.snapshot).instances[0]?.contextLength, 16_384)
    }).pipe(Effect.provide(answering([{ text: "Hi" }])))
  )

  it.scoped("A2: the stream of a loading request, from chat.start over load and prompt to chat.end", () =>
    Effect.gen(function* () {
      const fiber = yield* background(chat({ stream: true }))
      yield* TestClock.adjust("10 seconds")
      const events = eventsOf((yield* Fiber.join(fiber)).text)
      const types = events.map((event) => event.event)
      const once = types.filter((type, index) => types[index - 1] !== type)
      assert.deepStrictEqual(once, [
        "chat.start",
        "model_load.start",
        "model_load.progress",
        "model_load.end",
        "prompt_processing.start",
        "prompt_processing.progress",
        "prompt_processing.end",
        "reasoning.start",
        "reasoning.delta",
        "reasoning.end",
        "message.start",
        "message.delta",
        "message.end",
        "chat.end"
      ])
      assert.isTrue(events.every((event) => event.at("type") === event.event))
      const progress = events.flatMap((event) => (event.event === "model_load.progress" ? [event.at("progress")] : []))
      assert.strictEqual(progress[0], 0)
      assert.isAbove(progress.length, 10)
      assert.deepStrictEqual(events.at(-1)?.at("result.output"), [
        { type: "reasoning", content: "Hm." },
        { type: "message", content: "Hello there, friend" }
      ])
      assert.strictEqual(events.at(-1)?.at("result.stats.model_load_time_seconds"), 4)
      assert.isString(events.at(-1)?.at("result.response_id"))
    }).pipe(Effect.provide(answering([{ text: "Hello there, friend", reasoning: "Hm." }], unloaded)))
  )

  it.scoped("A2: prompt_processing.end may come twice", () =>
    Effect.gen(function* () {
      const events = eventsOf((yield* chat({ stream: true })).text)
      assert.lengthOf(
        events.filter((event) => event.event === "prompt_processing.end"),
        2
      )
    }).pipe(Effect.provide(answering([{ text: "Hi" }], { promptEndTwice: true })))
  )

  it.scoped("A2: an error event does not end the stream: chat.end has what there was", () =>
    Effect.gen(function* () {
      const events = eventsOf((yield* chat({ stream: true })).text)
      const [error, end] = events.slice(-2)
      assert.strictEqual(error?.event, "error")
      assert.deepStrictEqual(error?.at("error"), {
        type: "internal_error",
        message: "received prediction-error",
        code: "unknown"
      })
      assert.strictEqual(end?.event, "chat.end")
      assert.deepStrictEqual(end?.at("result.output"), [{ type: "message", content: "One two three" }])
    }).pipe(
      Effect.provide(
        answering([{ text: "One two three four", error: { message: "received prediction-error", afterPieces: 1 } }])
      )
    )
  )

  it.scoped("A2: a failed load is reported in-band as model_load_failed", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      yield* control.scriptLoads(model, [{ _tag: "Sigabrt" }])
      const events = eventsOf((yield* chat({ stream: true })).text)
      const error = events.find((event) => event.event === "error")
      assert.strictEqual(error?.at("error.type"), "model_load_failed")
      assert.strictEqual(events.at(-1)?.event, "chat.end")
    }).pipe(Effect.provide(answering([])))
  )

  it.scoped("A2: a tool call of a plugin is reported with its arguments", () =>
    Effect.gen(function* () {
      const events = eventsOf((yield* chat({ stream: true })).text)
      const success = events.find((event) => event.event === "tool_call.success")
      assert.deepStrictEqual(success?.at("arguments"), { q: "x" })
      assert.strictEqual(success?.at("tool"), "search")
    }).pipe(Effect.provide(answering([{ toolCalls: [{ name: "search", arguments: { q: "x" } }] }])))
  )

  it.scoped("A2: the socket may close without chat.end", () =>
    Effect.gen(function* () {
      const failure = yield* Effect.flip(chat({ stream: true }))
      assert.strictEqual(failure._tag, "ResponseError")
    }).pipe(Effect.provide(answering([{ text: "One two three four", cutAfterPieces: 1 }])))
  )
})
