import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import type { TurnInput } from "#src/model/Script.ts"
import type { Settings } from "#src/Settings.ts"
import * as SimulatorLayers from "#src/SimulatorLayers.ts"
import { eventsOf, keysOf, post } from "../../asked.ts"

const model = "openai/gpt-oss-20b"
const respond = (body: object) => post("/v1/responses", { model, input: "Hi", ...body })
const answering = (script: ReadonlyArray<TurnInput>, settings: Partial<Settings> = {}) =>
  SimulatorLayers.layer({ script, settings })
const add = {
  type: "function",
  name: "add",
  description: "Adds",
  parameters: { type: "object", properties: {} },
  strict: false
}

/** Every field of a recorded body, in order. */
const fields = [
  "id",
  "object",
  "created_at",
  "completed_at",
  "status",
  "incomplete_details",
  "model",
  "previous_response_id",
  "instructions",
  "output",
  "error",
  "tools",
  "tool_choice",
  "truncation",
  "parallel_tool_calls",
  "text",
  "top_p",
  "presence_penalty",
  "frequency_penalty",
  "top_logprobs",
  "temperature",
  "reasoning",
  "usage",
  "max_output_tokens",
  "max_tool_calls",
  "store",
  "background",
  "service_tier",
  "metadata",
  "safety_identifier",
  "prompt_cache_key"
]

describe("/v1/responses", () => {
  it.scoped("C4: a whole body has every recorded field", () =>
    Effect.gen(function* () {
      const { at, body, status, textAt } = yield* respond({})
      assert.strictEqual(status, 200)
      assert.deepStrictEqual(keysOf(body), fields)
      assert.match(textAt("id"), /^resp_[0-9a-f]{48}$/)
      assert.deepStrictEqual(keysOf(at("output.0")), ["id", "type", "status", "summary", "content"])
      assert.deepStrictEqual(at("output.0.content"), [{ type: "reasoning_text", text: "Hm." }])
      assert.deepStrictEqual(keysOf(at("output.1")), ["id", "type", "status", "content", "role"])
      assert.deepStrictEqual(at("output.1.content"), [
        { type: "output_text", text: "Hello", annotations: [], logprobs: [] }
      ])
      assert.deepStrictEqual(keysOf(at("usage")), [
        "input_tokens",
        "output_tokens",
        "total_tokens",
        "input_tokens_details",
        "output_tokens_details"
      ])
    }).pipe(Effect.provide(answering([{ text: "Hello", reasoning: "Hm." }])))
  )

  it.scoped("C4: function calls are items with a call id, and the status is completed", () =>
    Effect.gen(function* () {
      const { at, textAt } = yield* respond({ tools: [add] })
      assert.strictEqual(at("status"), "completed")
      assert.deepStrictEqual(keysOf(at("output.0")), ["id", "call_id", "type", "name", "arguments", "status"])
      assert.match(textAt("output.0.call_id"), /^call_\d+$/)
      assert.strictEqual(at("output.0.arguments"), '{"a":2,"b":3}')
    }).pipe(Effect.provide(answering([{ toolCalls: [{ name: "add", arguments: { a: 2, b: 3 } }] }])))
  )

  it.scoped("C4: the outputs of calls chain by previous_response_id, and cached input counts as 0", () =>
    Effect.gen(function* () {
      const first = yield* respond({ tools: [add] })
      const second = yield* respond({
        previous_response_id: first.at("id"),
        input: [{ type: "function_call_output", call_id: first.at("output.0.call_id"), output: "5" }]
      })
      assert.strictEqual(second.at("output.0.content.0.text"), "It is 5")
      assert.strictEqual(second.at("usage.input_tokens"), 0)
    }).pipe(
      Effect.provide(
        answering([
          { toolCalls: [{ name: "add", arguments: { a: 2, b: 3 } }] },
          { text: "It is 5", expect: { lastRole: "tool", lastMessageContains: "5" } }
        ])
      )
    )
  )

  it.scoped("C4: the stream has the recorded order, numbers from 0, and no [DONE]", () =>
    Effect.gen(function* () {
      const { text } = yield* respond({ stream: true })
      const events = eventsOf(text)
      const types = events.map((event) => event.event?.replace("response.", ""))
      assert.deepStrictEqual(
        types.filter((type, index) => types[index - 1] !== type),
        [
          "created",
          "in_progress",
          "output_item.added",
          "content_part.added",
          "reasoning_text.delta",
          "reasoning_text.done",
          "content_part.done",
          "output_item.done",
          "output_item.added",
          "content_part.added",
          "output_text.delta",
          "output_text.done",
          "content_part.done",
          "output_item.done",
          "completed"
        ]
      )
      assert.deepStrictEqual(
        events.map((event) => event.at("sequence_number")),
        events.map((_, index) => index)
      )
      assert.isTrue(events.every((event) => event.at("type") === event.event))
      assert.notInclude(text, "[DONE]")
      assert.deepStrictEqual(keysOf(events.at(-1)?.at("response")), fields)
      assert.strictEqual(events[0]?.at("response.status"), "in_progress")
      assert.strictEqual(events.at(-1)?.at("response.output.1.content.0.text"), "1, 2, 3 and 4")
    }).pipe(Effect.provide(answering([{ text: "1, 2, 3 and 4", reasoning: "Just output 1 2 3 4." }])))
  )

  it.scoped("C4: function-call arguments are streamed as deltas and repeated whole at the end", () =>
    Effect.gen(function* () {
      const events = eventsOf((yield* respond({ stream: true, tools: [add] })).text)
      const deltas = events.filter((event) => event.event === "response.function_call_arguments.delta")
      const done = events.find((event) => event.event === "response.function_call_arguments.done")
      assert.strictEqual(deltas.map((event) => event.at("delta")).join(""), done?.at("arguments"))
      assert.strictEqual(done?.at("item_id"), events.at(-1)?.at("response.output.0.id"))
    }).pipe(Effect.provide(answering([{ toolCalls: [{ name: "add", arguments: { a: 200_000, b: 300_000 } }] }])))
  )

  it.scoped("C4: max_output_tokens limits the reply, max_tokens is an unknown key and does not", () =>
    Effect.gen(function* () {
      const bounded = yield* respond({ max_output_tokens: 2 })
      assert.strictEqual(bounded.at("output.0.content.0.text"), "One two ")
      assert.strictEqual(bounded.at("max_output_tokens"), 2)
      const unbounded = yield* respond({ max_tokens: 2 })
      assert.strictEqual(unbounded.at("output.0.content.0.text"), "One two three")
      assert.strictEqual(unbounded.at("max_output_tokens"), null)
    }).pipe(Effect.provide(answering([{ text: "One two three" }, { text: "One two three" }])))
  )

  it.scoped("H31: a schema in text.format is silently ignored", () =>
    Effect.gen(function* () {
      const { at } = yield* respond({
        text: { format: { type: "json_schema", name: "x", schema: { type: "object" } } }
      })
      assert.strictEqual(at("output.0.content.0.text"), "Prose.")
      assert.deepStrictEqual(at("text"), { format: { type: "text" } })
    }).pipe(Effect.provide(answering([{ text: "Prose." }])))
  )

  it.scoped("H33: top_p may be false", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* respond({})).at("top_p"), false)
    }).pipe(Effect.provide(answering([{ text: "Hi" }], { oddResponses: true })))
  )

  it.scoped("C4: an unknown previous_response_id, and one of a reply that was not stored", () =>
    Effect.gen(function* () {
      const unstored = yield* respond({ store: false })
      const { body, status } = yield* respond({ previous_response_id: unstored.at("id") })
      assert.strictEqual(status, 400)
      assert.deepStrictEqual(body, {
        error: {
          message: `Prediction history node with id '${unstored.textAt("id")}' not found while attempting to build chat history chain that includes this node.`,
          type: "invalid_request_error",
          param: "previous_response_id",
          code: "previous_response_not_found"
        }
      })
    }).pipe(Effect.provide(answering([{ text: "Hi" }])))
  )

  it.scoped("H32: overflow is a 500 object here, where chat completions have a 400 string", () =>
    Effect.gen(function* () {
      const { at, status } = yield* respond({ input: "x".repeat(5000 * 4) })
      assert.strictEqual(status, 500)
      assert.strictEqual(at("error.type"), "internal_error")
      assert.strictEqual(at("error.code"), "unknown")
    }).pipe(Effect.provide(answering([{}])))
  )

  it.scoped("H18: a corrupt state store fails every call", () =>
    Effect.gen(function* () {
      const { status, textAt } = yield* respond({})
      assert.strictEqual(status, 500)
      assert.include(textAt("error.message"), "not found in shard 'pack-0001'")
    }).pipe(Effect.provide(answering([], { historyCorrupt: true })))
  )

  it.scoped("an engine failure within a stream is an error event, and nothing follows", () =>
    Effect.gen(function* () {
      const events = eventsOf((yield* respond({ stream: true })).text)
      assert.strictEqual(events.at(-1)?.event, "error")
      assert.include(String(events.at(-1)?.at("message")), "crashed")
    }).pipe(Effect.provide(answering([{ text: "One two three four", crashAfterPieces: 1 }])))
  )
})
