/**
 * Repairs broken JSON where it is unambiguous. `jsonrepair` repairs; the scanner here first decides whether the text may
 * be repaired at all, because the library also guesses: it closes truncated strings, completes truncated numbers and
 * quotes bare words.
 */
import * as Either from "effect/Either"
import { jsonrepair } from "jsonrepair"
import * as Escapes from "./Escapes.ts"

/**
 * The text as valid JSON, or a failure when it is ambiguous. Repairs a code fence around it, single quotes, keys without
 * quotes, `True`/`False`/`None`, trailing and missing commas, raw line breaks in strings, closing brackets that are missing
 * after a complete value or superfluous, and backslashes that can only be literal. The failure says what is ambiguous,
 * where known.
 */
export const repairJson = (text: string): Either.Either<string, string | undefined> => {
  const bare = withoutFence(text.trim())
  const end = endOfValue(bare)
  return end === undefined
    ? Either.left(undefined)
    : Either.flatMap(Escapes.read(bare.slice(0, end)), (known) =>
        Either.try({ try: () => jsonrepair(known), catch: () => undefined })
      )
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const withoutFence = (text: string): string => {
  const lineEnd = text.indexOf("\n")
  const opening = text.slice(0, lineEnd).trimEnd()
  const isFenced = lineEnd > 0 && (opening === "```" || opening === "```json") && text.endsWith("```")
  return isFenced ? text.slice(lineEnd + 1, -3).trim() : text
}

const token =
  /\s+|(?<string>"(?:[^"\\]|\\[\s\S])*"|'(?:[^'\\]|\\[\s\S])*')|(?<number>-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?=[\s,}\]]|$)|(?<word>[A-Za-z_$][\w$]*)|(?<mark>[{}[\],:])/y

const words = new Set(["true", "false", "null", "True", "False", "None"])

/**
 * Where the value ends, when every token of the text is complete and its brackets match; undefined when something is
 * truncated, bare or left over. A number at the very end may have been longer, so it counts as truncated.
 */
const endOfValue = (text: string): number | undefined => {
  const open: Array<string> = []
  let last = ""
  let before = ""
  token.lastIndex = 0
  if (!text.startsWith("{")) return undefined
  while (token.lastIndex < text.length) {
    const groups = token.exec(text)?.groups
    if (groups === undefined) return undefined
    const { mark, number, string, word } = groups
    if (mark === "{" || mark === "[") open.push(mark)
    if (mark === "}" || mark === "]") {
      if (open.pop() !== (mark === "}" ? "{" : "[")) return undefined
      if (open.length === 0) return /^[\s}\]]*$/.test(text.slice(token.lastIndex)) ? token.lastIndex : undefined
    }
    if (word !== undefined && !words.has(word) && !/^\s*:/.test(text.slice(token.lastIndex, token.lastIndex + 20))) {
      return undefined
    }
    // a missing comma between values is repaired; but two adjacent strings may be one with a quote inside
    if (string !== undefined && last === "string") return undefined
    const kind = mark ?? (string === undefined ? (number === undefined ? word && "word" : "number") : "string")
    if (kind !== undefined) [before, last] = [last, kind]
  }
  const whole = last === "}" || last === "]" || last === "string" || last === "word"
  const inObject = open.at(-1) === "{"
  return whole && (!inObject || before === ":" || last === "}" || last === "]") ? text.length : undefined
}
