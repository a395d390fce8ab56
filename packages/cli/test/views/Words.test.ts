import { assert, describe, it } from "@effect/vitest"
import * as Table from "#src/views/Table.ts"
import * as Words from "#src/views/Words.ts"

describe("Words", () => {
  it("writes times and sizes as people do", () => {
    assert.deepStrictEqual([0, 12.4, 999, 1000, 3420, 42_000, 600_000, 7_200_000].map(Words.duration), [
      "0 ms",
      "12 ms",
      "999 ms",
      "1 s",
      "3.4 s",
      "42 s",
      "10 min",
      "2 h"
    ])
    assert.deepStrictEqual([0, 312, 1024, 4200, 5 * 2 ** 30].map(Words.bytes), [
      "0 B",
      "312 B",
      "1 KiB",
      "4.1 KiB",
      "5 GiB"
    ])
    assert.deepStrictEqual([Words.count(1, "tool"), Words.count(0, "retry", "retries")], ["1 tool", "0 retries"])
  })

  it("leaves no control characters in a foreign text", () => {
    assert.strictEqual(Words.oneLine("a\u001b[2Jb\r\nc\u009bd\u202ee"), "a [2Jb c d e")
    assert.strictEqual(Words.harmless("a\u001b]0;title\u0007\n\tb"), "a]0;title\n\tb")
    assert.notMatch(Words.json({ text: "\u001b[31m\u009b" }, 100), /[\u0000-\u001f\u007f-\u009f]/)
  })

  it("cuts by characters and marks the cut", () => {
    assert.strictEqual(Words.oneLine("abcdef", 4), "abc…")
    assert.strictEqual(Words.oneLine("🙂🙂🙂", 3), "🙂🙂🙂")
    assert.strictEqual(Words.oneLine("🙂🙂🙂🙂", 3), "🙂🙂…")
  })
})

describe("Table", () => {
  it("aligns columns and leaves out empty ones", () => {
    assert.strictEqual(
      Table.render(
        ["NAME", "NOTHING", "SIZE"],
        [
          ["a", "", "1 B"],
          ["longer", "", ""]
        ]
      ),
      "NAME    SIZE\na       1 B\nlonger"
    )
  })

  it("keeps a cell on its line", () => {
    assert.strictEqual(Table.render(["A"], [["x\ny\u001b[2J"]]), "A\nx y [2J")
  })
})
