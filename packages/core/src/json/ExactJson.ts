/**
 * JSON that changes no number. A number that a double cannot represent is kept as written; everything else is as
 * `JSON.parse` and `JSON.stringify` do it.
 */
import * as Data from "effect/Data"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"

/** A number in its original digits, because a double would change them. */
export class ExactNumber extends Data.Class<{ readonly text: string }> {
  /** For `JSON.stringify`: the digits as a number where the engine supports it (`JSON.rawJSON`), else as a string. */
  toJSON(): unknown {
    return rawJson === undefined ? this.text : rawJson(this.text)
  }
  override toString() {
    return this.text
  }
}

/** The number that a JSON numeral stands for. */
export const numberOf = (numeral: string): number | ExactNumber => {
  const number = Number(numeral)
  return Number.isFinite(number) && !Object.is(number, -0) && sameDecimal(numeral, String(number))
    ? number
    : new ExactNumber({ text: numeral })
}

/** The value, or the parser's error when the text is not JSON. */
export const parse = (text: string): Either.Either<unknown, string> =>
  Either.try({
    try: () => {
      const value: unknown = JSON.parse(text)
      if (isTooDeep(text)) throw new RangeError(`It is nested more than ${mostLevels} levels deep.`)
      if (!mayLose.test(text)) return value
      let lost = false
      // the same text again, with strings in place of the numbers that would change
      const masked = text.replaceAll(token, (found) => {
        if (found.startsWith('"') || typeof numberOf(found) === "number") return found
        lost = true
        return `"${found}"`
      })
      return lost ? withExact(value, JSON.parse(masked)) : value
    },
    catch: (cause) => (Predicate.isError(cause) ? cause.message : String(cause))
  })

/** More than people and programs nest, and few enough for recursion. */
export const mostLevels = 500

/** Whether a JSON text, with or without comments, is nested deeper than that. */
export const isTooDeep = (text: string): boolean => {
  // each level takes two characters, an opening and a closing bracket
  if (text.length < 2 * mostLevels) return false
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const character = text.charCodeAt(at)
    if (character === quote) at = closingQuote(text, at)
    // `[` and `{`, `]` and `}`
    else if (character === 0x5b || character === 0x7b) {
      if (++depth > mostLevels) return true
    } else if (character === 0x5d || character === 0x7d) depth--
  }
  return false
}

/** As `JSON.stringify`, with the digits of exact numbers. "" for a value that JSON cannot express. */
export const stringify = (value: unknown, space = 0): string =>
  holdsExact(value) ? written(value, space === 0 ? "" : "\n", space) : (JSON.stringify(value, null, space) ?? "")

/** JSON in which equal values have equal texts, whatever the order of their keys. "" for what JSON cannot express. */
export const canonical = (value: unknown, space?: number): string => stringify(sorted(value), space)

/** The value with the nearest double in place of each exact number, for comparing only. */
export const approximate = (value: unknown): unknown => (holdsExact(value) ? withDoubles(value) : value)

/** As `Schema.parseJson`, with exact numbers. */
export const fromJson = <A, I, R>(schema: Schema.Schema<A, I, R>, space = 0): Schema.Schema<A, string, R> =>
  Schema.compose(
    Schema.transformOrFail(Schema.String, Schema.Unknown, {
      strict: true,
      decode: (text, _, ast) => Either.mapLeft(parse(text), (problem) => new ParseResult.Type(ast, text, problem)),
      encode: (value, _, ast) =>
        Either.try({
          try: () => stringify(value, space),
          catch: () => new ParseResult.Type(ast, value, "cannot be written as JSON")
        })
    }),
    schema,
    { strict: false }
  )

/** The JSON type of a value. */
export const kindOf = (value: unknown): string =>
  value instanceof ExactNumber
    ? "number"
    : value === null
      ? "null"
      : Array.isArray(value)
        ? "array"
        : value === undefined
          ? "nothing"
          : typeof value

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const sorted = (value: unknown): unknown => {
  if (value instanceof ExactNumber) return value
  if (Array.isArray(value)) return value.map(sorted)
  if (!Predicate.isRecord(value) || (Predicate.hasProperty(value, "toJSON") && Predicate.isFunction(value.toJSON))) {
    return value
  }
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
      .map(([key, item]) => [key, sorted(item)])
  )
}

const rawOf: unknown = Reflect.get(JSON, "rawJSON")
const rawJson = Predicate.isFunction(rawOf) ? (text: string): unknown => rawOf.call(JSON, text) : undefined

/** Sixteen digits, an exponent or a negative zero; any other number is safe. */
const mayLose = /\d[\d.]{15}|\d[eE]|-0/

const token = /"(?:[^"\\]|\\[\s\S])*"|-?\d[\d.eE+-]*/g

/** Whether two numerals are the same number: the digits without outer zeros, and the place of the decimal point. */
const sameDecimal = (left: string, right: string) => left === right || normal(left) === normal(right)

const normal = (numeral: string): string => {
  const [mantissa = "", exponent = "0"] = numeral.toLowerCase().split("e")
  const [whole = "", fraction = ""] = mantissa.replace("-", "").split(".")
  const digits = `${whole}${fraction}`
  const [first, last] = [firstOther(digits), lastOther(digits)]
  if (first === -1) return "0"
  const point = BigInt(exponent) - BigInt(fraction.length) + BigInt(digits.length - 1 - last)
  return `${numeral.startsWith("-") ? "-" : ""}${digits.slice(first, last + 1)}e${point}`
}

const firstOther = (digits: string): number => {
  for (let at = 0; at < digits.length; at++) if (digits[at] !== "0") return at
  return -1
}

const lastOther = (digits: string): number => {
  for (let at = digits.length - 1; at >= 0; at--) if (digits[at] !== "0") return at
  return -1
}

const quote = 0x22

/** The index of the quotation mark that closes the one at `open`; the length of the text when none does. */
const closingQuote = (text: string, open: number): number => {
  for (let at = text.indexOf('"', open + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let backslashes = 0
    while (text[at - 1 - backslashes] === "\\") backslashes++
    if (backslashes % 2 === 0) return at
  }
  return text.length
}

const isHolder = (value: unknown): value is object => typeof value === "object" && value !== null

/** Both were parsed from the same text except for its numbers, so they have the same shape. Not recursive. */
const withExact = (value: unknown, masked: unknown): unknown => {
  const root = { value }
  const open: Array<readonly [object, object]> = [[root, { value: masked }]]
  for (let pair = open.pop(); pair !== undefined; pair = open.pop()) {
    const [plain, words] = pair
    for (const key of Object.keys(plain)) {
      const item: unknown = Reflect.get(plain, key)
      const word: unknown = Reflect.get(words, key)
      if (typeof item === "number" && typeof word === "string") Reflect.set(plain, key, numberOf(word))
      if (isHolder(item) && isHolder(word)) open.push([item, word])
    }
  }
  return root.value
}

const holdsExact = (value: unknown): boolean => {
  const open: Array<unknown> = [value]
  const seen = new Set<object>()
  while (open.length > 0) {
    const item = open.pop()
    if (item instanceof ExactNumber) return true
    if (!isHolder(item) || seen.has(item)) continue
    seen.add(item)
    for (const inner of Object.values(item)) if (isHolder(inner)) open.push(inner)
  }
  return false
}

const withDoubles = (value: unknown): unknown => {
  if (value instanceof ExactNumber) return Number(value.text)
  if (Array.isArray(value)) return value.map(withDoubles)
  return Predicate.isRecord(value)
    ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withDoubles(item)]))
    : value
}

const written = (given: unknown, line: string, space: number): string => {
  if (given instanceof ExactNumber) return given.text
  const value: unknown =
    Predicate.hasProperty(given, "toJSON") && Predicate.isFunction(given.toJSON) ? given.toJSON() : given
  const inner = line === "" ? "" : line + " ".repeat(space)
  const within = (parts: ReadonlyArray<string>, [begin, end]: readonly [string, string]) =>
    parts.length === 0 ? begin + end : `${begin}${inner}${parts.join(`,${inner}`)}${line}${end}`
  if (Array.isArray(value))
    return within(
      value.map((item) => written(item, inner, space) || "null"),
      ["[", "]"]
    )
  if (!Predicate.isRecord(value)) return JSON.stringify(value) ?? ""
  const members = Object.entries(value).flatMap(([key, item]) => {
    const text = written(item, inner, space)
    return text === "" ? [] : [`${JSON.stringify(key)}:${line === "" ? "" : " "}${text}`]
  })
  return within(members, ["{", "}"])
}
