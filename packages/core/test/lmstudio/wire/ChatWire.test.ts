import { assert, describe, it } from "@effect/vitest"
import type { ChatMessage } from "#src/lmstudio/Chat.ts"
import { decodeReply, encodeRequest } from "#src/lmstudio/wire/ChatWire.ts"
import { Count, open, openArray } from "#src/schema/Fields.ts"
import { Either, FastCheck as fc, Schema } from "effect"

const encodeMessages = (...messages: ReadonlyArray<ChatMessage>) => encodeRequest({ model: "m", messages }).messages

describe("ChatWire", () => {
  it("accepts text in parts, and separates the thoughts among them", () => {
    const delta = (content: unknown) => {
      const frame = decodeReply({ choices: [{ delta: { content } }] })
      const said = frame._tag === "Chunk" ? frame.chunk.choices[0]?.delta : undefined
      return [said?.content, said?.reasoning_content]
    }
    assert.deepStrictEqual(delta([{ type: "text", text: "a " }, { type: "output_text", text: "b" }, " c"]), [
      "a b c",
      undefined
    ])
    assert.deepStrictEqual(
      delta([
        { type: "thinking", thinking: [{ type: "text", text: "hm" }] },
        { type: "reasoning", text: "m" },
        { type: "text", text: "a" }
      ]),
      ["a", "hmm"]
    )
    assert.deepStrictEqual(delta([null, 1, { type: "text" }, { type: 1, text: [[]] }]), [undefined, undefined])
  })

  it("omits options that are not set, and always streams with usage", () => {
    assert.deepStrictEqual(encodeRequest({ model: "m", messages: [], tools: [], temperature: undefined }), {
      model: "m",
      messages: [],
      stream: true,
      stream_options: { include_usage: true }
    })
  })

  it("sends tool_choice as a string, a schema as json_schema, and the TTL in seconds", () => {
    const body = encodeRequest({
      model: "m",
      messages: [],
      tools: [{ name: "read", description: "Reads", parameters: { type: "object" } }],
      toolChoice: "required",
      maxTokens: 10,
      topP: 0.5,
      stop: ["x"],
      seed: 1,
      responseSchema: { name: "answer", schema: { type: "object" } },
      ttlSeconds: 300
    })
    assert.deepInclude(body, {
      tools: [{ type: "function", function: { name: "read", description: "Reads", parameters: { type: "object" } } }],
      tool_choice: "required",
      max_tokens: 10,
      top_p: 0.5,
      stop: ["x"],
      seed: 1,
      response_format: {
        type: "json_schema",
        json_schema: { name: "answer", strict: true, schema: { type: "object" } }
      },
      ttl: 300
    })
  })

  it("never sends an empty tool id (H11): calls get one, and their results get the same one, in order", () => {
    assert.deepStrictEqual(
      encodeMessages(
        {
          role: "assistant",
          content: "",
          toolCalls: [
            { id: "", name: "a", arguments: "{}" },
            { id: "7", name: "b", arguments: "{}" },
            { id: "", name: "c", arguments: "{}" }
          ]
        },
        { role: "tool", toolCallId: "", content: "of a" },
        { role: "tool", toolCallId: "7", content: "of b" },
        { role: "tool", toolCallId: "", content: "of c" }
      ),
      [
        {
          role: "assistant",
          content: "",
          tool_calls: [
            { id: "call_0_0", type: "function", function: { name: "a", arguments: "{}" } },
            { id: "7", type: "function", function: { name: "b", arguments: "{}" } },
            { id: "call_0_2", type: "function", function: { name: "c", arguments: "{}" } }
          ]
        },
        { role: "tool", tool_call_id: "call_0_0", content: "of a" },
        { role: "tool", tool_call_id: "7", content: "of b" },
        { role: "tool", tool_call_id: "call_0_2", content: "of c" }
      ]
    )
  })

  it("sends images as data URLs, and no tool_calls where there are none", () => {
    assert.deepStrictEqual(
      encodeMessages(
        { role: "system", content: "s" },
        {
          role: "user",
          content: [
            { type: "text", text: "what is it?" },
            { type: "image", dataUrl: "data:image/png;base64,AA==" }
          ]
        },
        { role: "assistant", content: "a cat", toolCalls: [] }
      ),
      [
        { role: "system", content: "s" },
        {
          role: "user",
          content: [
            { type: "text", text: "what is it?" },
            { type: "image_url", image_url: { url: "data:image/png;base64,AA==" } }
          ]
        },
        { role: "assistant", content: "a cat" }
      ]
    )
  })

  it("reads how much of the prompt the engine had read before, in either place", () => {
    const usage = { prompt_tokens: 90, completion_tokens: 5 }
    const reused = (body: object) => {
      const read = decodeReply({ choices: [], ...body })
      return read._tag === "Chunk" ? read.chunk.usage?.reusedTokens : assert.fail(read._tag)
    }
    assert.strictEqual(reused({ usage: { ...usage, prompt_tokens_details: { cached_tokens: 80 } } }), 80)
    assert.strictEqual(reused({ usage, timings: { cache_n: 70, prompt_n: 20 } }), 70)
    assert.isUndefined(reused({ usage, timings: { cache_n: "many" } }))
  })

  it("decodes replies by hand exactly as a schema would, whatever is in their fields", () => {
    fc.assert(
      fc.property(body, (value) => {
        const read = decodeReply(value)
        const bySchema = Either.getOrUndefined(Schema.decodeUnknownEither(Chunk)(value))
        assert.strictEqual(read._tag, bySchema === undefined ? "Noise" : "Chunk")
        if (read._tag !== "Chunk") return
        assert.deepStrictEqual(withoutUsage(read.chunk), withoutUsage(bySchema))
        assert.strictEqual(read.chunk.usage?.inputTokens, bySchema?.usage && (bySchema.usage.prompt_tokens ?? 0))
        assert.strictEqual(read.chunk.usage?.outputTokens, bySchema?.usage && (bySchema.usage.completion_tokens ?? 0))
        const reasoning = bySchema?.usage?.completion_tokens_details?.reasoning_tokens
        assert.strictEqual(read.chunk.usage?.reasoningTokens, reasoning)
      }),
      { numRuns: 500 }
    )
  })
})

const Index = Schema.Union(
  Schema.NonNegativeInt,
  Schema.compose(Schema.String.pipe(Schema.pattern(/^\d{1,4}$/)), Schema.NumberFromString)
)

const Arguments = Schema.Union(
  Schema.String,
  Schema.transform(Schema.Record({ key: Schema.String, value: Schema.Unknown }), Schema.String, {
    strict: true,
    decode: (value) => JSON.stringify(value),
    encode: () => ({})
  })
)

const Delta = Schema.Struct({
  content: open(Schema.String),
  reasoning_content: open(Schema.String),
  reasoning: open(Schema.String),
  tool_calls: openArray(
    Schema.Struct({
      index: open(Index),
      id: open(Schema.String),
      function: open(Schema.Struct({ name: open(Schema.String), arguments: open(Arguments) }))
    })
  )
})

const Chunk = Schema.Struct({
  id: open(Schema.String),
  model: open(Schema.String),
  choices: openArray(Schema.Struct({ delta: open(Delta), message: open(Delta), finish_reason: open(Schema.String) })),
  usage: open(
    Schema.Struct({
      prompt_tokens: Count,
      completion_tokens: Count,
      completion_tokens_details: open(Schema.Struct({ reasoning_tokens: Count }))
    })
  )
})

/** As in JSON: an undefined field is absent. */
const withoutUsage = (chunk: object | undefined): unknown => JSON.parse(JSON.stringify({ ...chunk, usage: undefined }))

/** Mostly a fitting value, sometimes any value. */
const mostly = (fit: fc.Arbitrary<unknown>) => fc.oneof({ weight: 4, arbitrary: fit }, fc.jsonValue({ maxDepth: 1 }))

const counts = mostly(fc.oneof(fc.integer({ min: -2, max: 9 }), fc.double()))

const delta = mostly(
  fc.record(
    {
      // parts have their own test
      content: mostly(fc.string()).map((value) => (Array.isArray(value) ? value.length : value)),
      reasoning_content: mostly(fc.string()),
      reasoning: mostly(fc.string()),
      tool_calls: mostly(
        fc.array(
          mostly(
            fc.record(
              {
                index: counts,
                id: mostly(fc.string()),
                function: mostly(
                  fc.record({ name: mostly(fc.string()), arguments: mostly(fc.string()) }, { requiredKeys: [] })
                )
              },
              { requiredKeys: [] }
            )
          ),
          { maxLength: 3 }
        )
      )
    },
    { requiredKeys: [] }
  )
)

const body = mostly(
  fc.record(
    {
      id: mostly(fc.string()),
      model: mostly(fc.string()),
      choices: mostly(
        fc.array(
          mostly(fc.record({ delta, message: delta, finish_reason: mostly(fc.string()) }, { requiredKeys: [] })),
          { maxLength: 3 }
        )
      ),
      usage: mostly(
        fc.record(
          {
            prompt_tokens: counts,
            completion_tokens: counts,
            completion_tokens_details: mostly(fc.record({ reasoning_tokens: counts }, { requiredKeys: [] }))
          },
          { requiredKeys: [] }
        )
      )
    },
    { requiredKeys: [] }
  )
)
