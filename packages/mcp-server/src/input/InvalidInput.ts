/**
 * Describes what is wrong with the arguments of a call. Pure.
 */
import * as ParseResult from "effect/ParseResult"
import { cut, oneOf } from "../Words.ts"

/** One clause for each invalid argument, about its innermost invalid part. */
export const problems = (error: ParseResult.ParseError): ReadonlyArray<string> => {
  const byPath = new Map<string, Array<ParseResult.ArrayFormatterIssue>>()
  for (const issue of ParseResult.ArrayFormatter.formatErrorSync(error)) {
    const path = issue.path.map(String).join(".")
    byPath.set(path, [...(byPath.get(path) ?? []), issue])
  }
  const paths = [...byPath.keys()]
  return [...byPath].flatMap(([path, issues]) =>
    // every member of a union reports an issue; those about the whole value are dropped
    paths.some((other) => other.startsWith(`${path}.`)) ? [] : [sentence(cut(path), issues)]
  )
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const sentence = (where: string, issues: ReadonlyArray<ParseResult.ArrayFormatterIssue>): string => {
  const [first] = issues
  if (first === undefined || first._tag === "Unexpected") return `there is no argument "${where}"`
  if (first._tag === "Missing") return `"${where}" is missing`
  const told = issues.map(({ message }) => /^Expected ([\s\S]*?), actual ([\s\S]*)$/.exec(message))
  const wanted = [...new Set(told.flatMap((found) => (found?.[1] === undefined ? [] : [inWords(found[1])])))]
  if (wanted.length === 0) return where === "" ? cut(first.message) : `"${where}": ${cut(first.message)}`
  const actual = told.find((found) => found !== null)?.[2] ?? ""
  const subject = where === "" ? "the arguments" : `"${where}"`
  return `${subject} must be ${alternatives(wanted)}, not ${cut(actual)}`
}

const alternatives = (wanted: ReadonlyArray<string>) =>
  wanted.every((word) => !word.includes(" ")) ? oneOf(wanted) : wanted.join(" or ")

/** Effect names types in TypeScript's notation. */
const inWords = (expected: string): string => {
  const literal = /^"([^"]*)"$/.exec(expected)
  if (literal?.[1] !== undefined) return literal[1]
  if (expected.startsWith("ReadonlyArray<")) return "a list"
  if (expected.startsWith("{")) return "an object"
  const most = /^a string at most (\d+) character\(s\) long$/.exec(expected)?.[1]
  return most === undefined ? (plain[expected] ?? cut(expected)) : `a string of at most ${most} characters`
}

const plain: Readonly<Record<string, string>> = {
  string: "a string",
  NonEmptyString: "a string",
  number: "a number",
  boolean: "true or false",
  object: "an object",
  "a non empty string": "a string that is not empty",
  "a string at least 1 character(s) long": "a string that is not empty",
  "an array of at least 1 item(s)": "a list that is not empty"
}
