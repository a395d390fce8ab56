/** Turns a server's text into values: valid JSON, and invalid JSON that has only one possible reading. */
import * as Predicate from "effect/Predicate"
import { parseJson } from "../../internal/parseJson.ts"
import { isTooDeep, mostLevels, stringify } from "../../json/ExactJson.ts"

/** A longer message, in bytes, is not read, whether it is a line, a body or an event. */
export const maxMessageBytes = 64 * 1024 * 1024

/** The content of one line, body or event. `broken` is a text that looks like a message but cannot be parsed. */
export interface Read {
  readonly values: ReadonlyArray<unknown>
  readonly broken: string | undefined
}

/** The one place where the text of a message becomes a value; undefined when it is not JSON. */
export const parse = (text: string): unknown => parseJson(text)

/** The one place where a value becomes the text of a message. */
export const serialize = (value: unknown): string => stringify(value) || "null"

/**
 * Accepts a byte order mark, text before and after the message, several messages on one line, NaN and the like (which
 * become strings, because JSON cannot express them), Python's constants, and line breaks within strings. Never fails.
 */
export const read = (text: string): Read => {
  const trimmed = text.replace(/^\uFEFF/, "").trim()
  if (trimmed === "") return nothing
  const whole = parse(trimmed)
  if (whole !== undefined) return { values: [whole], broken: undefined }
  if (isTooDeep(trimmed)) return looksLikeMessage(trimmed) ? { values: [], broken: tooDeep } : nothing
  const values = embedded(trimmed)
  if (values.length > 0) return { values, broken: undefined }
  return looksLikeMessage(trimmed) ? { values: [], broken: trimmed } : nothing
}

/** Whether a value may be a message, or a list of messages. */
export const isMessage = (value: unknown): boolean =>
  Array.isArray(value)
    ? value.length > 0 && value.every(isMessage)
    : Predicate.isReadonlyRecord(value) &&
      (typeof value["method"] === "string" ||
        "jsonrpc" in value ||
        (["result", "error"].some((key) => key in value) && !isLogged(value)))

/** A line of a structured log, which some servers write to stdout. */
export const isLogged = (value: { readonly [key: PropertyKey]: unknown }): boolean =>
  !("jsonrpc" in value) &&
  ["level", "severity", "lvl", "time", "timestamp", "@timestamp", "ts"].some((key) => key in value)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const nothing: Read = { values: [], broken: undefined }

const tooDeep = `JSON that is nested more than ${mostLevels} levels deep`

/** Programs print many things in brackets; the names of a message's members decide. */
const looksLikeMessage = (text: string) =>
  /["'](?:jsonrpc|result|error|content|structuredContent)["']\s*:/.test(text) || /^\{\s*["']id["']\s*:/.test(text)

/** How many opening brackets are tried as the beginning of a message. */
const maxTries = 64

const embedded = (text: string): ReadonlyArray<unknown> => {
  const values: Array<unknown> = []
  let at = 0
  for (let tries = 0; tries < maxTries; tries++) {
    const start = nextOpening(text, at)
    if (start === -1) break
    const end = endOf(text, start)
    const piece = end === -1 ? "" : text.slice(start, end)
    const value = piece === "" ? undefined : (parse(piece) ?? parse(mended(piece)))
    const taken = value !== undefined && (isMessage(value) || piece.length === text.length)
    if (taken) values.push(value)
    at = taken ? end : start + 1
  }
  return values
}

const nextOpening = (text: string, from: number) => {
  const brace = text.indexOf("{", from)
  const bracket = text.indexOf("[", from)
  return brace === -1 ? bracket : bracket === -1 ? brace : Math.min(brace, bracket)
}

/** The offset after the bracket that closes the one at `start`; -1 when there is none. */
const endOf = (text: string, start: number): number => {
  let depth = 0
  let quoted = false
  for (let at = start; at < text.length; at++) {
    const character = text[at]
    if (quoted) {
      if (character === "\\") at++
      else if (character === '"') quoted = false
    } else if (character === '"') quoted = true
    else if (character === "{" || character === "[") depth++
    else if ((character === "}" || character === "]") && --depth === 0) return at + 1
  }
  return -1
}

/** Repairs strings and the text between them in one pass. */
const mended = (text: string): string =>
  text.replaceAll(/"(?:[^"\\]|\\[\s\S])*"|-?\b(?:NaN|Infinity|undefined|None|True|False)\b|,(?=\s*[}\]])/g, (token) =>
    token.startsWith('"')
      ? token.replaceAll(/[\u0000-\u001f]/g, escaped)
      : (otherWords[token] ?? (token === "," ? "" : `"${token}"`))
  )

const escaped = (character: string) => JSON.stringify(character).slice(1, -1)

const otherWords: Readonly<Record<string, string>> = { None: "null", undefined: "null", True: "true", False: "false" }
