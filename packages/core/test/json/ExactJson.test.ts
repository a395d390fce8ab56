import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"
import { describe, expect, it } from "vitest"
import {
  approximate,
  canonical,
  ExactNumber,
  isTooDeep,
  mostLevels,
  parse,
  stringify
} from "../../src/json/ExactJson.ts"

const again = (text: string, space = 0) => stringify(Either.getOrThrow(parse(text)), space)

describe("ExactJson", () => {
  it.each([
    '{"id":725653563933458432}',
    '{"id":-9223372036854775808,"of":[18446744073709551615,"18446744073709551615",{"x":0.1234567890123456789}]}',
    "[1e400,-1e-400,-0,-0.0,9007199254740993]",
    '{"__proto__":{"a":9007199254740993},"\\"725653563933458433":"725653563933458433 \\" 9007199254740993"}'
  ])("writes again what was read: %s", (text) => expect(again(text)).toBe(text))

  it("keeps plain numbers plain", () => {
    const text = '{"a":1.0,"b":1e3,"c":18446744073709552000,"d":0.10,"e":1.7976931348623157e308,"f":1234567890123456}'
    expect(parse(text)).toEqual(Either.right(JSON.parse(text)))
  })

  it("indents and sorts as JSON.stringify does", () => {
    expect(again('{"b":[],"a":{"n":9007199254740993,"m":[1,{}]}}', 2)).toBe(
      '{\n  "b": [],\n  "a": {\n    "n": 9007199254740993,\n    "m": [\n      1,\n      {}\n    ]\n  }\n}'
    )
    expect(canonical(Either.getOrThrow(parse('{"b":9007199254740993,"a":1}')))).toBe('{"a":1,"b":9007199254740993}')
  })

  it("never lets plain JSON.stringify change a number", () => {
    const text = JSON.stringify({ id: new ExactNumber({ text: "725653563933458432" }) })
    expect(text).toMatch(/^\{"id":"?725653563933458432"?\}$/)
  })

  it("accepts nesting up to the limit, and no deeper", () => {
    const nested = (levels: number) => `${'{"a":['.repeat(levels / 2)}"]{\\"[["${"]}".repeat(levels / 2)}`
    expect(again(nested(mostLevels))).toBe(nested(mostLevels))
    const numbers = `${"[".repeat(mostLevels)}9007199254740993${"]".repeat(mostLevels)}`
    expect(again(numbers)).toBe(numbers)
    for (const levels of [mostLevels + 2, 200_000]) {
      expect(Either.getLeft(parse(nested(levels)))).toEqual(Option.some(expect.any(String)))
      expect(isTooDeep(nested(levels))).toBe(true)
    }
  })

  it("does not count brackets within strings", () => {
    const text = JSON.stringify({ a: "[{".repeat(2000), b: "\\", c: '\\"' + "[".repeat(2000) })
    expect(isTooDeep(text)).toBe(false)
    expect(again(text)).toBe(text)
  })

  it("approximates exact numbers by doubles for comparing", () => {
    expect(approximate({ a: [new ExactNumber({ text: "9007199254740993" })], b: "x" })).toEqual({
      a: [9007199254740992],
      b: "x"
    })
  })

  it("equals JSON.parse for all JSON written by JavaScript, and fails for everything else", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.json(), (text) => {
        expect(again(text)).toBe(again(again(text)))
        expect(approximate(Either.getOrThrow(parse(text)))).toEqual(JSON.parse(text))
      })
    )
    FastCheck.assert(
      FastCheck.property(FastCheck.string(), FastCheck.bigInt(), (text, number) => {
        parse(`${text}${number}`)
        expect(again(`{"n":[${number}]}`)).toBe(`{"n":[${number}]}`)
      })
    )
  })
})
