/**
 * The results of a run as texts that the model can read in parts and search, because it was shown only their head and
 * tail.
 */
import * as Either from "effect/Either"
import { stringify } from "../../json/ExactJson.ts"
import { decodeJson } from "../../internal/parseJson.ts"
import { limited } from "./ToolResultText.ts"

/**
 * Texts by id. The oldest are dropped when the total exceeds the limit; a resumed run refills the store from its events.
 */
export interface ArtifactStore {
  readonly put: (id: string, text: string) => void
  readonly get: (id: string) => string | undefined
  readonly ids: () => ReadonlyArray<string>
}

/** `maxCharacters` limits all texts together. */
export const makeStore = (maxCharacters = 100_000_000): ArtifactStore => {
  const texts = new Map<string, string>()
  let characters = 0
  return {
    put: (id, text) => {
      characters += text.length - (texts.get(id)?.length ?? 0)
      texts.set(id, text)
      for (const [oldest, { length }] of texts) {
        if (characters <= maxCharacters || oldest === id) break
        texts.delete(oldest)
        characters -= length
      }
    },
    get: (id) => texts.get(id),
    ids: () => [...texts.keys()]
  }
}

export interface ReadRange {
  /** The first line, counted from 1; negative counts from the end. */
  readonly line?: number | undefined
  /** The number of lines. */
  readonly lines?: number | undefined
  /** The first character within the lines, for lines that are too long to be shown. */
  readonly character?: number | undefined
  /** A JSON Pointer; the text must be JSON. */
  readonly pointer?: string | undefined
}

/** A part of a text, of at most `maxBytes`, with a heading that says which part it is and how to continue. */
export const read = (id: string, text: string, range: ReadRange, maxBytes: number): Either.Either<string, string> => {
  if (range.pointer !== undefined && range.pointer !== "") return readPointer(id, text, range.pointer, maxBytes)
  const lines = text.split("\n")
  const wanted = range.line ?? 1
  const first = wanted < 0 ? Math.max(1, lines.length + wanted + 1) : Math.max(1, wanted)
  if (first > lines.length) return Either.left(`${id} has only ${lines.length} lines.`)
  const chosen = lines.slice(first - 1, first - 1 + Math.max(1, range.lines ?? defaultLines))
  const from = Math.max(0, (range.character ?? 1) - 1)
  const part = chosen.join("\n").slice(from)
  if (part === "" && from > 0) return Either.left(`These lines of ${id} have no character ${from + 1}.`)
  const fitting = wholeLines(part, maxBytes)
  const shown = fitting.split("\n").length
  const last = first + shown - 1
  const next =
    fitting.length < part.length && shown === 1
      ? ` Line ${first} goes on: ask with "line": ${first}, "character": ${from + fitting.length + 1}.`
      : last < lines.length
        ? ` Go on with "line": ${last + 1}.`
        : ""
  return Either.right(
    `${id}, lines ${first} to ${last} of ${lines.length}:\n${fitting}\n[${next.trim() || "This is the end."}]`
  )
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const defaultLines = 200

const readPointer = (id: string, text: string, pointer: string, maxBytes: number): Either.Either<string, string> => {
  const parsed = decodeJson(text)
  if (Either.isLeft(parsed)) return Either.left(`${id} is not JSON, so a pointer cannot be used. Read it by lines.`)
  let value: unknown = parsed.right
  for (const part of pointer.replace(/^\//, "").split("/")) {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~")
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) {
      const keys = typeof value === "object" && value !== null ? Object.keys(value) : []
      const there = Array.isArray(value)
        ? `a list of ${value.length}`
        : keys.length > 0
          ? `keys ${keys.slice(0, 20).join(", ")}${keys.length > 20 ? ", …" : ""}`
          : "no keys"
      return Either.left(`${id} has nothing at ${pointer}: where "${key}" should be there are ${there}.`)
    }
    value = Reflect.get(value, key)
  }
  return Either.right(`${id} at ${pointer}:\n${limited(stringify(value, 1), maxBytes).told}`)
}

/** As many whole lines as fit, or the start of the first. */
const wholeLines = (text: string, maxBytes: number): string => {
  // a UTF-16 unit takes at most three bytes
  if (text.length * 3 <= maxBytes) return text
  const encoded = new TextEncoder().encode(text)
  if (encoded.length <= maxBytes) return text
  const part = new TextDecoder().decode(encoded.subarray(0, maxBytes)).replace(/\ufffd+$/, "")
  const end = part.lastIndexOf("\n")
  return end > 0 ? part.slice(0, end) : part
}
