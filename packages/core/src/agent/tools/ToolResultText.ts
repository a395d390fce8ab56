/**
 * A tool's result as text for the model: all kinds of content, errors marked as such, binary data described instead of
 * included, and limited in size.
 */
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Equal from "effect/Equal"
import * as Option from "effect/Option"
import * as Data from "effect/Data"
import * as Predicate from "effect/Predicate"
import { ExactNumber, stringify } from "../../json/ExactJson.ts"
import { decodeJson } from "../../internal/parseJson.ts"
import type { ToolContent, ToolResult } from "../../mcp/ToolResult.ts"
import { sizeOf } from "../../resilience/ByteLimits.ts"
import { errorText } from "../shapes/EmptyResult.ts"

/** The whole text of a result. `shown` are images that the model gets in addition. */
export const textOf = (result: ToolResult, shown: ReadonlyMap<ToolContent, unknown> = new Map()): string => {
  const parts = result.content.map((part) => fromContent(part, shown.has(part)))
  if (result.structured !== undefined && !isSaid(result.content, result.structured)) {
    parts.push(`Structured result: ${stringify(result.structured)}`)
  }
  const text = parts.filter((part) => part !== "").join("\n")
  return result.isError
    ? errorText(text === "" ? "it gave no reason." : text)
    : text === ""
      ? "The tool finished and returned nothing."
      : text
}

/** `bytes` is the size of the whole text in UTF-8, before it was shortened. */
export interface ResultText {
  readonly told: string
  readonly bytes: number
  readonly cut: boolean
}

/** The text if it fits, else its head and tail with a line between them that says what is missing, and `hint`. */
export const limited = (text: string, maxBytes: number, hint = ""): ResultText => {
  // no character takes more than three bytes per UTF-16 unit, so most texts need no encoding
  const encoded = text.length * 3 <= maxBytes ? undefined : encoder.encode(text)
  const bytes = encoded?.length ?? byteLength(text)
  if (encoded === undefined || bytes <= maxBytes) return { told: text, bytes, cut: false }
  const head = atBoundary(encoded, Math.floor(maxBytes * 0.7))
  const tail = atBoundary(encoded, bytes - Math.floor(maxBytes * 0.3))
  const told = `${decoder.decode(encoded.subarray(0, head))}\n[… ${tail - head} of ${bytes} bytes left out here: the text is too long to show whole${hint} …]\n${decoder.decode(encoded.subarray(tail))}`
  return { told, bytes, cut: true }
}

/** JSON as a value that `Equal` compares structurally. */
export const comparable = (value: unknown): unknown =>
  value instanceof ExactNumber
    ? value
    : Array.isArray(value)
      ? Data.array(value.map(comparable))
      : typeof value === "object" && value !== null
        ? Data.struct(Object.fromEntries(Object.entries(value).map(([key, item]) => [key, comparable(item)])))
        : value

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const encoder = new TextEncoder()
const decoder = new TextDecoder()

const byteLength = (text: string) => encoder.encode(text).length

/** The nearest index at or before `index` that is not inside a character. */
const atBoundary = (encoded: Uint8Array, index: number): number => {
  let at = index
  while (at > 0 && ((encoded[at] ?? 0) & 0xc0) === 0x80) at--
  return at
}

const fromContent = (part: ToolContent, isShown: boolean): string => {
  switch (part.type) {
    case "text":
      return isBinary(part.text) ? `[${sizeOf(binaryLength(part.text))} of binary data, not shown]` : part.text
    case "image":
    case "audio":
      return `[${part.type}, ${part.mimeType}, ${sizeOf(decodedLength(part.data))}, ${isShown ? "shown below" : "not shown"}]`
    case "resource_link":
      return `[link to a resource: ${part.uri}${part.name === undefined ? "" : `, "${part.name}"`}${part.mimeType === undefined ? "" : `, ${part.mimeType}`}]`
    case "resource": {
      const kind = part.mimeType === undefined ? "" : `, ${part.mimeType}`
      if (part.text !== undefined && !isBinary(part.text)) return `[resource ${part.uri}${kind}]\n${part.text}`
      const text = part.blob === undefined ? undefined : textInBlob(part.blob)
      if (text !== undefined) return `[resource ${part.uri}${kind}]\n${text}`
      const size = part.blob === undefined ? byteLength(part.text ?? "") : decodedLength(part.blob)
      return `[resource ${part.uri}${kind}, ${sizeOf(size)} of binary data, not shown]`
    }
    case "unknown":
      return `[content of kind "${part.kind}"] ${withoutData(part.json)}`
  }
}

/** The text in base64, where it is one: servers send what they do not know the kind of as binary data. */
const textInBlob = (blob: string): string | undefined => {
  const bytes = Either.getOrUndefined(Encoding.decodeBase64(blob.replaceAll(/\s/g, "")))
  if (bytes === undefined || bytes.length === 0) return undefined
  const text = Option.getOrUndefined(Option.liftThrowable((data: Uint8Array) => strict.decode(data))(bytes))
  return text === undefined || isBinary(text) ? undefined : text
}

const strict = new TextDecoder("utf-8", { fatal: true })

/** Data in base64 would fill the context and tell the model nothing. */
const withoutData = (json: string) =>
  json.replaceAll(/"[A-Za-z0-9+/]{2000,}={0,2}"/g, (data) => `"[${sizeOf(decodedLength(data))} of data, not shown]"`)

const decodedLength = (base64: string) => Math.floor((base64.replaceAll(/[=\s]/g, "").length * 3) / 4)

/** What a server could not decode has become a mark of three bytes for each of its own. */
const binaryLength = (text: string) => byteLength(text) - 2 * (text.match(/\ufffd/g)?.length ?? 0)

/** NUL, or more than a tenth of control and replacement characters, in the first thousand. */
const isBinary = (text: string): boolean => {
  const sample = text.slice(0, 1000)
  if (sample.includes("\u0000")) return true
  const odd = sample.match(/[\u0001-\u0008\u000e-\u001a\u001c-\u001f\ufffd]/g)?.length ?? 0
  return odd > sample.length / 10
}

/**
 * The specification asks servers to send structured content as text, too: as JSON, or what stands in it. Once is enough, so
 * it is said when each of its values is one of the content.
 */
const isSaid = (content: ReadonlyArray<ToolContent>, structured: unknown): boolean => {
  if (content.some((part) => repeats(part, structured))) return true
  const parsed = content.flatMap((part) =>
    part.type === "text" ? Either.match(decodeJson(part.text), { onLeft: () => [], onRight: (value) => [value] }) : []
  )
  const said = new Set(leavesOf([content, parsed]).map((leaf) => leaf.trim()))
  const leaves = leavesOf(structured)
  return leaves.length > 0 && leaves.every((leaf) => said.has(leaf.trim()))
}

/** The texts, numbers and truths in a value, as text. */
const leavesOf = (value: unknown): ReadonlyArray<string> =>
  Array.isArray(value)
    ? value.flatMap(leavesOf)
    : Predicate.isRecord(value) && !(value instanceof ExactNumber)
      ? Object.values(value).flatMap(leavesOf)
      : value === null || value === undefined
        ? []
        : [typeof value === "string" ? value : stringify(value)]

const repeats = (part: ToolContent, structured: unknown): boolean =>
  part.type === "text" &&
  (part.text === structured || /^\s*[[{"\d-]|^\s*(?:true|false)\s*$/.test(part.text)) &&
  (part.text === structured || isSame(part.text, structured))

const isSame = (text: string, structured: unknown) =>
  Either.match(decodeJson(text), {
    onLeft: () => false,
    onRight: (value) => Equal.equals(comparable(value), comparable(structured))
  })
