/**
 * Backslashes in JSON that a model wrote. A Windows path, a regular expression or TeX with single backslashes contains
 * sequences that are not JSON escapes, or that JSON misreads: the repair library would drop some, and JSON would turn
 * others into tabs and line breaks. Unambiguous text is kept; the model is asked about ambiguous text.
 */
import * as Either from "effect/Either"

/**
 * The text with backslashes doubled that do not begin a JSON escape, or a sentence about an ambiguous string in it. One
 * pass.
 */
export const read = (json: string): Either.Either<string, string> => {
  const parts: Array<string> = []
  let at = 0
  while (at < json.length) {
    const start = nextQuote(json, at)
    if (start === -1) break
    const quote = json.charAt(start)
    const end = closing(json, start, quote)
    // an unclosed string is reported by the parser
    if (end === -1) break
    const inside = json.slice(start + 1, end)
    const kept = inside.includes("\\") ? literal(inside, quote) : inside
    if (kept === undefined) return Either.left(twoReadings(inside))
    parts.push(json.slice(at, start + 1), kept, quote)
    at = end + 1
  }
  return Either.right(parts.join("") + json.slice(at))
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Models also write strings in single quotes. */
const nextQuote = (json: string, from: number): number => {
  for (let at = from; at < json.length; at++) if (json[at] === '"' || json[at] === "'") return at
  return -1
}

const closing = (json: string, start: number, quote: string): number => {
  for (let at = start + 1; at < json.length; at++) {
    if (json[at] === "\\") at++
    else if (json[at] === quote) return at
  }
  return -1
}

const known = new Set(["\\", "/", "b", "f", "n", "r", "t"])

/** Escapes of other languages: they may mean the character or the literal text. */
const ofOthers = /^(?:'|u[\da-f]{1,3}(?![\da-f])|x[\da-f]{2}|U[\da-f]{8}|u\{[\da-f]{1,6}\})/i

/**
 * Places where JSON reads a tab, a line break or the like, but a Windows path would have the name of a folder: after a
 * drive, a server, a variable or dots at the start, and after a drive in a sentence or a command.
 */
const paths: ReadonlyArray<RegExp> = [
  /^(?:[A-Za-z]:|\.{1,2}|~|%\w{1,40}%|\\\\[\w.$-]{1,60}(?:\\\\[\w.$-]{1,60}){0,20})\\[bfnrt]\w(?:[^\s"]*|[^"\n]*\.[A-Za-z]\w{0,4})$/,
  /(?:^|[\s"'`(=,;>])[A-Za-z]:\\(?:[bfrt]\w|n\w[^\s"\\]{0,80}(?:\\\w|\.[A-Za-z]))/
]

/** These two control characters are never meant: `\bword\b` and `\frac` are. */
const unlikely = new Set(["b", "f"])

/** The content of a string as JSON; undefined when it is ambiguous. */
const literal = (inside: string, quote: string): string | undefined => {
  if (paths.some((path) => path.test(inside))) return undefined
  let result = ""
  let foreign = 0
  let own = 0
  for (let at = 0; at < inside.length; at++) {
    const character = inside.charAt(at)
    if (character !== "\\") {
      result += character
      continue
    }
    const next = inside.charAt(at + 1)
    if (unlikely.has(next)) return undefined
    // a quote must be escaped, whatever other backslashes mean
    const isQuote = next === quote || next === '"'
    const isKnown = isQuote || known.has(next) || (next === "u" && /^[\da-f]{4}/i.test(inside.slice(at + 2, at + 6)))
    if (isKnown) {
      if (!isQuote) own++
      result += character + next
      at++
    } else {
      if (ofOthers.test(inside.slice(at + 1, at + 12))) return undefined
      foreign++
      result += "\\\\"
    }
  }
  return foreign > 0 && own > 0 ? undefined : result
}

const twoReadings = (inside: string) =>
  `the backslashes in "${inside.length > 80 ? `${inside.slice(0, 77)}…` : inside}" can be read in two ways. In JSON, write each backslash of a text as \\\\ (of a path also as /), and a tab or line break that is meant as \\u0009 or \\u000a`
