import { assert, describe, it } from "@effect/vitest"
import type { ChatMessage } from "@lms-bridge/core/lmstudio/Chat"
import { encodeRequest } from "@lms-bridge/core/lmstudio/wire/ChatWire"

const encodeMessages = (...messages: ReadonlyArray<ChatMessage>) => encodeRequest({ model: "m", messages }).messages

describe("ChatWire", () => {
  it("leaves out what was not asked for, and always streams with usage", () => {
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

  it("never sends an empty tool id (H11): calls get one, and their results the same one in their order", () => {
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
})
