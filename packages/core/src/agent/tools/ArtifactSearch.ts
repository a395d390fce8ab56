/** Searches a text for a regular expression. In a module of its own, so that only a run that searches loads the engine. */
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import { RE2JS } from "re2js"
import { sizeOf } from "../../resilience/ByteLimits.ts"
import { limited } from "./ToolResultText.ts"

/**
 * The lines that match a pattern, with their numbers. RE2 syntax, with linear time and without look-around, because both
 * the pattern and the text are untrusted.
 */
export const search = (
  id: string,
  text: string,
  options: { readonly pattern: string; readonly max?: number | undefined },
  maxBytes: number
): Either.Either<string, string> =>
  Either.map(compiled(options.pattern), (pattern) => {
    const most = Math.min(200, Math.max(1, options.max ?? 20))
    const searched = text.slice(0, maxSearched)
    const matcher = pattern.matcher(searched)
    const found: Array<string> = []
    let count = 0
    let line = 1
    let counted = 0
    for (let at = 0; at <= searched.length && count < maxMatches && matcher.find(at); count++) {
      const start = matcher.start()
      const lineStart = searched.lastIndexOf("\n", start - 1) + 1
      const lineEnd = endOfLine(searched, start)
      if (found.length < most) {
        line += newlines(searched, counted, lineStart)
        counted = lineStart
        found.push(`${line}: ${around(searched.slice(lineStart, lineEnd), start - lineStart)}`)
      }
      at = lineEnd + 1
    }
    const where = `${id}${searched.length < text.length ? `, in its first ${sizeOf(searched.length)}` : ""}`
    const total = count === maxMatches ? `${count} or more` : String(count)
    return limited(
      count === 0
        ? `No line matches /${options.pattern}/ in ${where}.`
        : `${total} matching ${count === 1 ? "line" : "lines"} in ${where}${count > found.length ? `, the first ${found.length}` : ""}:\n${found.join("\n")}`,
      maxBytes
    ).told
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const maxMatches = 10_000
/** More would block the process for too long. */
const maxSearched = 8_000_000
const shownOfLine = 240

const compiled = (pattern: string): Either.Either<RE2JS, string> =>
  Either.try({
    try: () => RE2JS.compile(pattern, RE2JS.MULTILINE | RE2JS.CASE_INSENSITIVE),
    catch: (cause) =>
      `The pattern cannot be used: ${Predicate.isError(cause) ? cause.message : String(cause)}. It is RE2 syntax, without look-around and back-references.`
  })

const newlines = (text: string, from: number, to: number): number => {
  let count = 0
  for (let at = text.indexOf("\n", from); at !== -1 && at < to; at = text.indexOf("\n", at + 1)) count++
  return count
}

const endOfLine = (text: string, from: number): number => {
  const end = text.indexOf("\n", from)
  return end === -1 ? text.length : end
}

/** Of a long line, only the part around the match is shown. */
const around = (line: string, at: number): string => {
  if (line.length <= shownOfLine) return line
  const from = Math.max(0, Math.min(at - 40, line.length - shownOfLine))
  const part = line.slice(from, from + shownOfLine)
  return `${from > 0 ? "…" : ""}${part}${from + shownOfLine < line.length ? "…" : ""} (from character ${from + 1})`
}
