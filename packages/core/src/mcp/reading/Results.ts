/** Decodes the result of a tool in any format: what fits no known format is kept as JSON, and nothing is dropped. */
import * as Predicate from "effect/Predicate"
import { ExactNumber } from "../../json/ExactJson.ts"
import type { ToolContent, ToolResult } from "../ToolResult.ts"
import { serialize } from "./MessageText.ts"

/** The result of `tools/call`. */
export const toolResult = (result: unknown): ToolResult => {
  if (Array.isArray(result)) return { content: partsOf(result), isError: false }
  if (!Predicate.isReadonlyRecord(result))
    return { content: isNothing(result) ? [] : [contentOf(result)], isError: false }
  // one part, without a list around it
  if (isPart(result)) return { content: [contentOf(result)], isError: isFailure(result) }
  const { content, structuredContent, toolResult, ...rest } = result
  const beside = Object.fromEntries(
    Object.entries(rest).filter(([key, value]) => !ofProtocol.includes(key) && !isNothing(value))
  )
  const parts = [
    ...(isNothing(content) ? [] : partsOf(content)),
    // the format of the first revision (2024-10-07)
    ...(isNothing(toolResult) ? [] : partsOf(toolResult))
  ]
  return {
    content: [...parts, ...besideParts(beside)],
    isError: isFailure(result),
    ...(isNothing(structuredContent) ? {} : { structured: structuredContent })
  }
}

/** One part of a result or of a prompt. An unknown part is kept as JSON. */
export const contentOf = (value: unknown): ToolContent => {
  if (typeof value === "string") return { type: "text", text: value }
  if (!Predicate.isReadonlyRecord(value) || value instanceof ExactNumber)
    return { type: "text", text: serialize(value) }
  const { data, mimeType, resource, text, type, uri } = value
  switch (type) {
    case "text":
      if (typeof text === "string") return { type, text }
      if (!isNothing(text)) return { type, text: serialize(text) }
      break
    case "image":
    case "audio":
      if (typeof data === "string")
        return { type, data, mimeType: typeof mimeType === "string" ? mimeType : unnamedType }
      break
    case "resource_link":
      if (typeof uri === "string") return { type, uri, ...texts(value, ["name", "mimeType"]) }
      break
    case "resource":
      if (Predicate.hasProperty(resource, "uri") && typeof resource.uri === "string") {
        return { type, uri: resource.uri, ...texts(resource, ["mimeType", "text", "blob"]) }
      }
      break
    case undefined:
    case null:
      if (typeof text === "string" && Object.keys(value).every((key) => key === "text" || key === "type")) {
        return { type: "text", text }
      }
      break
  }
  return { type: "unknown", kind: typeof type === "string" ? type : typeof value, json: serialize(value) }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type UnknownRecord = { readonly [key: PropertyKey]: unknown }

/** Keys of the protocol, of this revision and the next, that are not part of the tool's data. */
const ofProtocol: ReadonlyArray<string> = ["isError", "is_error", "_meta", "resultType", "ttlMs", "cacheScope"]

const kinds: ReadonlyArray<unknown> = ["text", "image", "audio", "resource", "resource_link"]

const unnamedType = "application/octet-stream"

const isNothing = (value: unknown) => value === undefined || value === null

const isPart = (value: UnknownRecord) =>
  kinds.includes(value["type"]) && !("content" in value) && !("structuredContent" in value)

const isFailure = ({ isError, is_error }: UnknownRecord) =>
  [isError, is_error].some((flag) => flag === true || flag === "true" || flag === 1)

/** A list of parts stays a list; a list of anything else is one value. */
const partsOf = (value: unknown): ReadonlyArray<ToolContent> => {
  if (!Array.isArray(value)) return [contentOf(value)]
  const came = value.filter((part) => !isNothing(part))
  return came.every(
    (part) => typeof part === "string" || Predicate.hasProperty(part, "type") || Predicate.hasProperty(part, "text")
  )
    ? came.map(contentOf)
    : [{ type: "text", text: serialize(value) }]
}

/** A single `text` becomes a text part; everything else is shown with its keys. */
const besideParts = (beside: UnknownRecord): ReadonlyArray<ToolContent> => {
  const keys = Object.keys(beside)
  if (keys.length === 0) return []
  return keys.length === 1 && typeof beside["text"] === "string"
    ? [{ type: "text", text: beside["text"] }]
    : [{ type: "text", text: serialize(beside) }]
}

const texts = <const K extends string>(record: object, keys: ReadonlyArray<K>) =>
  Object.fromEntries(
    keys.flatMap((key) =>
      Predicate.hasProperty(record, key) && typeof record[key] === "string" ? [[key, record[key]]] : []
    )
  ) as { readonly [P in K]?: string } // the filter above, which `fromEntries` cannot express
