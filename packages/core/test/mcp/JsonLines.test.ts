import { assert, describe, it } from "@effect/vitest"
import * as JsonLines from "@lms-bridge/core/mcp/JsonLines"
import { FastCheck as fc, Option } from "effect"

const encoder = new TextEncoder()

describe("JsonLines", () => {
  it.prop(
    "finds the same lines however the bytes are cut",
    [
      fc.array(fc.string({ unit: "grapheme" }).map((text) => text.replaceAll(/[\r\n]/g, " "))),
      fc.array(fc.integer({ min: 1, max: 7 }))
    ],
    ([lines, cuts]) => {
      const bytes = encoder.encode(lines.map((line) => `${line}\n`).join(""))
      const { push } = JsonLines.makeSplitter()
      const found: Array<string> = []
      let start = 0
      for (let turn = 0; start < bytes.length; turn++) {
        const size = cuts[turn % Math.max(1, cuts.length)] ?? 3
        found.push(...push(bytes.subarray(start, start + size)))
        start += size
      }
      assert.deepStrictEqual(found, lines)
    }
  )

  it("takes CRLF, and waits for the end of a line", () => {
    const { push } = JsonLines.makeSplitter()
    assert.deepStrictEqual(push(encoder.encode("a\r\nb")), ["a"])
    assert.deepStrictEqual(push(encoder.encode("c\n")), ["bc"])
  })

  it("drops a line that is too long, and goes on with the next", () => {
    const { push } = JsonLines.makeSplitter(10)
    assert.deepStrictEqual(push(encoder.encode("x".repeat(11))), [])
    assert.deepStrictEqual(push(encoder.encode("x".repeat(11))), [])
    assert.deepStrictEqual(push(encoder.encode("end\nnext\n")), ["next"])
  })

  it("takes requests, notifications, results and errors for messages, and nothing else", () => {
    const message = (json: unknown) => Option.isSome(JsonLines.decode(JSON.stringify(json)))
    assert.isTrue(message({ jsonrpc: "2.0", id: 1, method: "ping" }))
    assert.isTrue(message({ jsonrpc: "2.0", method: "notifications/x" }))
    assert.isTrue(message({ jsonrpc: "2.0", id: "a", result: {} }))
    assert.isTrue(message({ jsonrpc: "2.0", id: 1, error: { code: 1, message: "x" } }))
    for (const other of [{ id: 1 }, [], 5, null, "text"]) assert.isFalse(message(other))
    assert.isTrue(Option.isNone(JsonLines.decode("Server listening")))
  })

  it("forgives null where the specification has nothing", () => {
    const { result, error } = Option.getOrThrow(
      JsonLines.decode('{"jsonrpc":"2.0","id":1,"error":null,"result":{"_meta":null,"nextCursor":null,"content":null}}')
    ) as { result: unknown; error?: unknown }
    assert.deepStrictEqual(result, { content: null })
    assert.isUndefined(error)
  })
})
