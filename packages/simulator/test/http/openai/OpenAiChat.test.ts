import * as GrammarCheck from "#src/model/GrammarCheck.ts"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { SimulatorControl } from "#src/SimulatorControl.ts"
import * as SimulatorLayers from "#src/SimulatorLayers.ts"
import type { TurnInput } from "#src/model/Script.ts"
import type { Settings } from "#src/Settings.ts"
import { atPath, chat, eventsOf, keysOf, post } from "../../asked.ts"

const model = "qwen/qwen3-8b"

/** A simulator with one loaded model whose next answers are these turns. */
const answering = (turns: ReadonlyArray<TurnInput>, settings: Partial<Settings> = {}) =>
  SimulatorLayers.layer({ settings, script: turns })

const weather = {
  type: "function",
  function: { name: "get_weather", description: "Weather", parameters: { type: "object", properties: {} } }
}

describe("/v1/chat/completions", () => {
  it.scoped("C2: a whole reply has the recorded fields in the recorded order", () =>
    Effect.gen(function* () {
      const { at, body, status, textAt } = yield* chat(model)
      assert.strictEqual(status, 200)
      assert.deepStrictEqual(keysOf(body), [
        "id",
        "object",
        "created",
        "model",
        "choices",
        "usage",
        "stats",
        "system_fingerprint"
      ])
      assert.match(textAt("id"), /^chatcmpl-[0-9a-z]{21}$/)
      assert.strictEqual(at("object"), "chat.completion")
      assert.strictEqual(at("system_fingerprint"), model)
      assert.deepStrictEqual(at("stats"), {})
      assert.deepStrictEqual(at("choices"), [
        {
          index: 0,
          message: { role: "assistant", content: "Hello there", reasoning_content: "", tool_calls: [] },
          logprobs: null,
          finish_reason: "stop"
        }
      ])
      assert.deepStrictEqual(at("usage"), {
        prompt_tokens: 5,
        completion_tokens: 3,
        total_tokens: 8,
        completion_tokens_details: { reasoning_tokens: 0 }
      })
    }).pipe(Effect.provide(answering([{ text: "Hello there" }])))
  )

  it.scoped("C2: a tool call has a decimal id, JSON arguments, empty content and finish_reason tool_calls", () =>
    Effect.gen(function* () {
      const { at, textAt } = yield* chat(model, { tools: [weather] })
      assert.strictEqual(at("choices.0.finish_reason"), "tool_calls")
      assert.strictEqual(at("choices.0.message.content"), "")
      assert.deepStrictEqual(keysOf(at("choices.0.message.tool_calls.0")), ["type", "id", "function"])
      assert.match(textAt("choices.0.message.tool_calls.0.id"), /^\d{9}$/)
      assert.deepStrictEqual(at("choices.0.message.tool_calls.0.function"), {
        name: "get_weather",
        arguments: '{"city":"Oslo"}'
      })
    }).pipe(Effect.provide(answering([{ toolCalls: [{ name: "get_weather", arguments: { city: "Oslo" } }] }])))
  )

  it.scoped("C2: 0.3.x tool-call replies have no content key", () =>
    Effect.gen(function* () {
      const { at } = yield* chat(model, { tools: [weather] })
      assert.notInclude(keysOf(at("choices.0.message")), "content")
    }).pipe(Effect.provide(answering([{ toolCalls: [{ name: "get_weather" }] }], { toolCallsWithoutContent: true })))
  )

  it.scoped("C2: a stream is role first, pieces, an empty delta with the reason, [DONE]", () =>
    Effect.gen(function* () {
      const { headers, text } = yield* chat(model, { stream: true })
      assert.include(headers["content-type"], "text/event-stream")
      const events = eventsOf(text)
      assert.deepStrictEqual(
        events.map((event) => (event.data === "[DONE]" ? "[DONE]" : event.at("choices.0"))),
        [
          { index: 0, delta: { role: "assistant", content: "One two three" }, logprobs: null, finish_reason: null },
          { index: 0, delta: { content: " four five" }, logprobs: null, finish_reason: null },
          { index: 0, delta: {}, logprobs: null, finish_reason: "stop" },
          "[DONE]"
        ]
      )
      const chunks = events.slice(0, -1)
      assert.strictEqual(new Set(chunks.map((event) => event.at("id"))).size, 1)
      assert.isTrue(chunks.every((event) => event.at("object") === "chat.completion.chunk"))
      assert.isTrue(chunks.every((event) => event.at("system_fingerprint") === model))
    }).pipe(Effect.provide(answering([{ text: "One two three four five" }])))
  )

  it.scoped("C2: with include_usage the chunk before [DONE] has no choices but the usage", () =>
    Effect.gen(function* () {
      const { text } = yield* chat(model, { stream: true, stream_options: { include_usage: true } })
      const [usage] = eventsOf(text).slice(-2)
      assert.deepStrictEqual(usage?.at("choices"), [])
      assert.strictEqual(usage?.at("usage.completion_tokens"), 1)
    }).pipe(Effect.provide(answering([{ text: "Hi" }])))
  )

  it.scoped("C2: tool deltas give index, id and name first, then only arguments", () =>
    Effect.gen(function* () {
      const { text } = yield* chat(model, { stream: true, tools: [weather] })
      const deltas = eventsOf(text).flatMap((event) => event.at("choices.0.delta.tool_calls.0") ?? [])
      assert.deepStrictEqual(keysOf(deltas[0]), ["index", "id", "type", "function"])
      assert.deepStrictEqual(atPath(deltas[0], "function"), { name: "get_weather", arguments: "" })
      assert.deepStrictEqual(keysOf(deltas[1]), ["index", "function"])
      const merged = deltas.map((delta) => atPath(delta, "function.arguments")).join("")
      assert.strictEqual(merged, '{"city":"Reykjavik, Iceland","unit":"celsius"}')
      assert.isAbove(deltas.length, 2)
    }).pipe(
      Effect.provide(
        answering([
          { toolCalls: [{ name: "get_weather", arguments: { city: "Reykjavik, Iceland", unit: "celsius" } }] }
        ])
      )
    )
  )

  it.scoped("H12: older builds repeat an empty name and null ids in every later tool delta", () =>
    Effect.gen(function* () {
      const { text } = yield* chat(model, { stream: true, tools: [weather] })
      const deltas = eventsOf(text).flatMap((event) => event.at("choices.0.delta.tool_calls.0") ?? [])
      assert.deepStrictEqual(deltas[1], {
        index: 0,
        id: null,
        type: null,
        function: { name: "", arguments: '{"a":1}' }
      })
    }).pipe(
      Effect.provide(
        answering([{ toolCalls: [{ name: "get_weather", arguments: { a: 1 } }], chunking: { emptyNames: true } }])
      )
    )
  )

  it.scoped("H14: thinking is in reasoning_content, in reasoning for gpt-oss, or in tags when not separated", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      const first = yield* chat(model)
      assert.strictEqual(first.at("choices.0.message.reasoning_content"), "Hm.")
      const second = yield* chat("openai/gpt-oss-20b")
      assert.strictEqual(second.at("choices.0.message.reasoning"), "Hm.")
      assert.notInclude(keysOf(second.at("choices.0.message")), "reasoning_content")
      yield* control.setSettings({ separateReasoning: false })
      const third = yield* chat(model)
      assert.strictEqual(third.at("choices.0.message.content"), "<think>\nHm.\n</think>\n\nYes.")
      assert.strictEqual(third.at("usage.completion_tokens_details.reasoning_tokens"), 1)
    }).pipe(Effect.provide(answering(Array.from({ length: 3 }, () => ({ text: "Yes.", reasoning: "Hm." })))))
  )

  it.scoped("H14: in a stream the tags are pieces of content, opened and closed once", () =>
    Effect.gen(function* () {
      const { text } = yield* chat(model, { stream: true })
      const content = eventsOf(text)
        .map((event) => event.at("choices.0.delta.content") ?? "")
        .join("")
      assert.strictEqual(content, "<think>\nHm, let me see now.\n</think>\n\nYes.")
    }).pipe(Effect.provide(answering([{ text: "Yes.", reasoning: "Hm, let me see now.", reasoningIn: "think" }])))
  )

  it.scoped("H14: thinking that nothing follows is closed too", () =>
    Effect.gen(function* () {
      const { text } = yield* chat(model, { stream: true })
      const content = eventsOf(text)
        .map((event) => event.at("choices.0.delta.content") ?? "")
        .join("")
      assert.strictEqual(content, "<think>\nHm.\n</think>\n\n")
    }).pipe(Effect.provide(answering([{ reasoning: "Hm.", reasoningIn: "think" }])))
  )

  it.scoped("C2, H27: an object as tool_choice is refused with its own message", () =>
    Effect.gen(function* () {
      const { body, status } = yield* chat(model, { tool_choice: { type: "function", function: { name: "x" } } })
      assert.strictEqual(status, 400)
      assert.deepStrictEqual(body, {
        error: "Invalid tool_choice type: 'object'. Supported string values: none, auto, required"
      })
    }).pipe(Effect.provide(answering([])))
  )

  it.scoped("C2, H27: json_object is refused, json_schema is answered as a JSON string", () =>
    Effect.gen(function* () {
      const refused = yield* chat(model, { response_format: { type: "json_object" } })
      assert.strictEqual(refused.status, 400)
      assert.deepStrictEqual(refused.body, { error: "'response_format.type' must be 'json_schema' or 'text'" })
      const schema = { type: "object", properties: { ok: { type: "boolean" } }, required: ["ok"] }
      const answer = yield* chat(model, { response_format: { type: "json_schema", json_schema: { schema } } })
      assert.strictEqual(answer.at("choices.0.message.content"), '{"ok":false}')
    }).pipe(Effect.provide(SimulatorLayers.layer()))
  )

  it.scoped("C2, H26: schemas of which the engine makes no grammar are refused, as deep as they are", () =>
    Effect.gen(function* () {
      const ask = (answer: object) =>
        chat(model, {
          response_format: {
            type: "json_schema",
            json_schema: { schema: { type: "object", properties: { answer }, required: ["answer"] } }
          }
        })
      for (const answer of [
        { oneOf: [{ type: "string" }, { type: "integer" }] },
        { type: "array", items: { type: "string", maxLength: 65_536 } }
      ]) {
        const { at, status } = yield* ask(answer)
        assert.strictEqual(status, 400)
        assert.strictEqual(at("error.message"), "failed to parse grammar")
      }
      for (const answer of [
        { enum: ["oneOf"] },
        { anyOf: [{ const: "a" }, { type: "integer" }] },
        { type: "object", properties: { oneOf: { type: "string", maxLength: 4000 } } },
        { type: ["string", "null"] }
      ]) {
        assert.strictEqual((yield* ask(answer)).status, 200)
      }
    }).pipe(Effect.provide(SimulatorLayers.layer()))
  )

  it("J: MLX makes no grammar of a list of types", () => {
    const schema = { type: "object", properties: { answer: { type: ["string", "null"] } } }
    assert.strictEqual(GrammarCheck.refusal(schema, "mlx"), "failed to parse grammar")
    assert.isUndefined(GrammarCheck.refusal(schema, "gguf"))
  })

  it.scoped("C2: unknown keys are ignored, and developer means system", () =>
    Effect.gen(function* () {
      const { status } = yield* post("/v1/chat/completions", {
        model,
        messages: [
          { role: "developer", content: "Be brief" },
          { role: "user", content: "Hi" }
        ],
        frobnicate: true
      })
      assert.strictEqual(status, 200)
    }).pipe(Effect.provide(answering([{ text: "Hi" }])))
  )

  it.scoped("C5, H11: an empty tool id in the history refuses the whole request", () =>
    Effect.gen(function* () {
      const { body, status } = yield* post("/v1/chat/completions", {
        model,
        messages: [
          { role: "user", content: "Hi" },
          {
            role: "assistant",
            content: "",
            tool_calls: [{ id: "", type: "function", function: { name: "x", arguments: "" } }]
          }
        ]
      })
      assert.strictEqual(status, 400)
      assert.deepStrictEqual(body, {
        error: "Invalid 'messages' in payload. Please check the structure of your 'messages' and try again"
      })
    }).pipe(Effect.provide(answering([])))
  )

  it.scoped("H11: a script can deliver a call with an empty id and no arguments", () =>
    Effect.gen(function* () {
      const { at } = yield* chat(model, { tools: [weather] })
      assert.deepStrictEqual(at("choices.0.message.tool_calls"), [
        { type: "function", id: "", function: { name: "", arguments: "" } }
      ])
    }).pipe(Effect.provide(answering([{ toolCalls: [{ name: "", arguments: "", id: "" }] }])))
  )

  it.scoped("H13: arguments may be invalid or truncated JSON", () =>
    Effect.gen(function* () {
      const { at } = yield* chat(model, { tools: [weather] })
      assert.strictEqual(at("choices.0.message.tool_calls.0.function.arguments"), '{"city": "Os')
    }).pipe(Effect.provide(answering([{ toolCalls: [{ name: "get_weather", arguments: '{"city": "Os' }] }])))
  )

  it.scoped("H8: a call that could not be parsed is dropped: no calls, no content, stop", () =>
    Effect.gen(function* () {
      const { at } = yield* chat(model, { tools: [weather] })
      assert.deepStrictEqual(at("choices.0.message.tool_calls"), [])
      assert.strictEqual(at("choices.0.message.content"), "")
      assert.strictEqual(at("choices.0.finish_reason"), "stop")
    }).pipe(Effect.provide(answering([{ toolCalls: [{ name: "get_weather" }], dropCalls: true }])))
  )

  it.scoped("C2: max_tokens ends the reply with length, a stop string ends it with stop", () =>
    Effect.gen(function* () {
      const short = yield* chat(model, { max_tokens: 2 })
      assert.strictEqual(short.at("choices.0.finish_reason"), "length")
      assert.strictEqual(short.at("choices.0.message.content"), "One two ")
      const stopped = yield* chat(model, { stop: ["three"], max_tokens: -1 })
      assert.strictEqual(stopped.at("choices.0.finish_reason"), "stop")
      assert.strictEqual(stopped.at("choices.0.message.content"), "One two ")
    }).pipe(Effect.provide(answering([{ text: "One two three" }, { text: "One two three" }])))
  )
})
