import { assert, describe, it } from "@effect/vitest"
import * as JsonLines from "#src/mcp/reading/JsonLines.ts"
import { FastCheck as fc } from "effect"

const encoder = new TextEncoder()

describe("JsonLines", () => {
  it.prop(
    "finds the same lines however the bytes are split",
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

  it("accepts CRLF, and waits for the end of a line", () => {
    const { push } = JsonLines.makeSplitter()
    assert.deepStrictEqual(push(encoder.encode("a\r\nb")), ["a"])
    assert.deepStrictEqual(push(encoder.encode("c\n")), ["bc"])
  })

  it("drops a line that is too long, reports its beginning, and continues with the next", () => {
    const told: Array<string> = []
    const { push } = JsonLines.makeSplitter(10, (beginning) => told.push(beginning))
    assert.deepStrictEqual(push(encoder.encode("x".repeat(11))), [])
    assert.deepStrictEqual(push(encoder.encode("x".repeat(11))), [])
    assert.deepStrictEqual(push(encoder.encode("end\nnext\n")), ["next"])
    assert.deepStrictEqual(told, ["x".repeat(11)])
  })
})
