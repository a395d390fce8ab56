import * as Either from "effect/Either"
import { describe, expect, it } from "vitest"
import * as ForeignPattern from "../../src/names/ForeignPattern.ts"
import { namePattern } from "../../src/names/namePattern.ts"

describe("untrusted expressions", () => {
  // a backtracking engine would not terminate on these
  it("terminate on names that almost match", () => {
    expect(namePattern(`${"*a".repeat(200)}*b`).test("a".repeat(20_000))).toBe(false)
    expect(Either.getOrThrow(ForeignPattern.make("^(a+)+$"))(`${"a".repeat(5000)}!`)).toBe(false)
  })

  it.each([
    ["read_*", "READ_file", true],
    ["*file", "read_file", true],
    ["a*a", "a", false],
    ["*a*b*", "xaxbx", true],
    ["a.b", "axb", false],
    ["*", "", true]
  ])("%s on %s: %s", (pattern, name, expected) => expect(namePattern(pattern).test(name)).toBe(expected))

  it.each(["(?=x)", String.raw`(a)\1`, "("])("report that %s cannot be used", (pattern) =>
    expect(Either.isLeft(ForeignPattern.make(pattern))).toBe(true)
  )
})
