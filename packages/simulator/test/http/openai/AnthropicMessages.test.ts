import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as SimulatorLayers from "#src/SimulatorLayers.ts"
import { eventsOf, get, post } from "../../asked.ts"

const model = "qwen/qwen3-8b"
const send = (body: object) =>
  post("/v1/messages", { model, max_tokens: 100, messages: [{ role: "user", content: "Hi" }], ...body })

describe("/v1/messages", () => {
  it.scoped("D: a whole message has text and tool_use blocks and a stop_reason", () =>
    Effect.gen(function* () {
      const { at } = yield* send({ tool_choice: { type: "any" } })
      assert.strictEqual(at("type"), "message")
      assert.deepStrictEqual(at("content.0"), { type: "text", text: "Let me see." })
      assert.deepStrictEqual(at("content.1.input"), { a: 1 })
      assert.strictEqual(at("stop_reason"), "tool_use")
    }).pipe(
      Effect.provide(
        SimulatorLayers.layer({ script: [{ text: "Let me see.", toolCalls: [{ name: "add", arguments: { a: 1 } }] }] })
      )
    )
  )

  it.scoped("D: the stream has the six kinds of event, an empty last delta, and no thinking", () =>
    Effect.gen(function* () {
      const events = eventsOf((yield* send({ stream: true })).text)
      assert.deepStrictEqual(
        events.map((event) => event.event),
        [
          "message_start",
          "content_block_start",
          "content_block_delta",
          "content_block_delta",
          "content_block_stop",
          "message_delta",
          "message_stop"
        ]
      )
      assert.deepStrictEqual(
        events.map((event) => event.at("delta.text")).filter((text) => text !== undefined),
        ["Hello", ""]
      )
      assert.strictEqual(events.at(-2)?.at("delta.stop_reason"), "end_turn")
    }).pipe(Effect.provide(SimulatorLayers.layer({ script: [{ text: "Hello", reasoning: "Hm." }] })))
  )

  it.scoped("D: x-api-key counts as a token here, and only here", () =>
    Effect.gen(function* () {
      const token = "sk-lm-abcdefgh:abcdefghijklmnopqrst"
      const body = { model, max_tokens: 9, messages: [{ role: "user", content: "Hi" }] }
      assert.strictEqual((yield* post("/v1/messages", body)).status, 401)
      assert.strictEqual((yield* post("/v1/messages", body, { "x-api-key": token })).status, 200)
      assert.strictEqual((yield* get("/v1/models", { "x-api-key": token })).status, 401)
    }).pipe(
      Effect.provide(
        SimulatorLayers.layer({
          settings: { authRequired: true, tokens: ["sk-lm-abcdefgh:abcdefghijklmnopqrst"] },
          script: [{ text: "Hi" }]
        })
      )
    )
  )
})
