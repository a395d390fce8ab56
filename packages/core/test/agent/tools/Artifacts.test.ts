import { assert, describe, it } from "@effect/vitest"
import { makeStore, read, type ReadRange } from "#src/agent/tools/Artifacts.ts"
import { search } from "#src/agent/tools/ArtifactSearch.ts"
import { Either } from "effect"

const lines = Array.from({ length: 1000 }, (_, index) => `line ${index + 1}`).join("\n")

const part = (text: string, range: ReadRange, maxBytes = 10_000) => Either.getOrThrow(read("r1", text, range, maxBytes))
const hits = (text: string, pattern: string, max?: number, maxBytes = 10_000) =>
  Either.getOrThrow(search("r1", text, { pattern, max }, maxBytes))

describe("Artifacts", () => {
  it("reads lines, and says which they are and how to continue", () => {
    assert.strictEqual(
      part(lines, { line: 3, lines: 2 }),
      'r1, lines 3 to 4 of 1000:\nline 3\nline 4\n[Go on with "line": 5.]'
    )
    assert.strictEqual(
      part(lines, { line: -2 }),
      "r1, lines 999 to 1000 of 1000:\nline 999\nline 1000\n[This is the end.]"
    )
    assert.strictEqual(
      read("r1", lines, { line: 1001 }, 100).pipe(Either.flip, Either.getOrThrow),
      "r1 has only 1000 lines."
    )
  })

  it("shows no more than fits, in whole lines, and reaches every line by continuing", () => {
    let line = 1
    const seen: Array<string> = []
    for (let page = 0; page < 100; page++) {
      const text = part(lines, { line, lines: 500 }, 300)
      const [, ...rest] = text.split("\n")
      const next = rest.pop()
      seen.push(...rest)
      const match = /"line": (\d+)/.exec(next ?? "")
      if (match === null) break
      line = Number(match[1])
    }
    assert.strictEqual(seen.join("\n"), lines)
  })

  it("reads a line that is too long by its characters", () => {
    const text = `short\n${"0123456789".repeat(100)}`
    const first = part(text, { line: 2 }, 100)
    assert.include(first, 'Line 2 goes on: ask with "line": 2, "character": 101.')
    assert.include(part(text, { line: 2, character: 991 }, 100), ":\n0123456789\n[This is the end.]")
    assert.isTrue(Either.isLeft(read("r1", text, { line: 2, character: 5000 }, 100)))
  })

  it("reads a part of JSON by pointer, or says what is there instead", () => {
    const text = JSON.stringify({ "a/b": [{ x: 1 }, { x: 2 }] })
    assert.strictEqual(part(text, { pointer: "/a~1b/1/x" }), "r1 at /a~1b/1/x:\n2")
    assert.include(Either.getOrThrow(Either.flip(read("r1", text, { pointer: "/a~1b/2" }, 100))), "a list of 2")
    assert.include(Either.getOrThrow(Either.flip(read("r1", text, { pointer: "/c" }, 100))), "keys a/b")
    assert.include(Either.getOrThrow(Either.flip(read("r1", "{", { pointer: "/c" }, 100))), "not JSON")
  })

  it("keeps the newest within the limit; what is written again takes the room of one", () => {
    const store = makeStore(10)
    for (const text of ["12345", "54321", "12345"]) store.put("r1", text)
    store.put("r2", "67890")
    assert.deepStrictEqual(store.ids(), ["r1", "r2"])
    store.put("r3", "x")
    assert.deepStrictEqual(store.ids(), ["r2", "r3"])
  })

  it("finds matching lines with their numbers, each once", () => {
    assert.strictEqual(hits(lines, "^line 99$"), "1 matching line in r1:\n99: line 99")
    assert.strictEqual(
      hits(lines, "LINE 1\\d\\b", 3),
      "10 matching lines in r1, the first 3:\n10: line 10\n11: line 11\n12: line 12"
    )
    assert.strictEqual(hits("a a a\n\na", "a"), "2 matching lines in r1:\n1: a a a\n3: a")
    assert.strictEqual(hits("a\n\nb", "^$"), "1 matching line in r1:\n2: ")
    assert.strictEqual(hits(lines, "nothing"), "No line matches /nothing/ in r1.")
  })

  it("shows a long line around its match", () => {
    const shown = hits(`${"x".repeat(5000)}needle${"y".repeat(5000)}`, "needle")
    assert.include(shown, "needle")
    assert.isBelow(shown.length, 400)
  })

  it("reports an invalid pattern, and does not hang on a malicious one", () => {
    assert.include(Either.getOrThrow(Either.flip(search("r1", "a", { pattern: "(" }, 100))), "cannot be used")
    assert.include(Either.getOrThrow(Either.flip(search("r1", "a", { pattern: "(?=a)" }, 100))), "RE2 syntax")
    assert.include(hits("a".repeat(20_000), "(a+)+$ b"), "No line matches")
  })

  it("drops the oldest texts when the limit is exceeded", () => {
    const store = makeStore(10)
    store.put("r1", "12345")
    store.put("r2", "12345")
    store.put("r3", "1")
    assert.deepStrictEqual(store.ids(), ["r2", "r3"])
    store.put("r4", "a text that is too long by itself")
    assert.deepStrictEqual(store.ids(), ["r4"])
    assert.strictEqual(store.get("r4")?.length, 33)
  })
})
