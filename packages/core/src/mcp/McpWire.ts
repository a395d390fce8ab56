/**
 * Tools and results as servers really send them, read without trusting a single field.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type { McpTool } from "./McpConnection.ts"
import type { ToolContent, ToolResult } from "./ToolResult.ts"

/**
 * One page of `tools/list`.
 *
 * @since 0.1.0
 * @category decoding
 */
export const toolPage = (
  server: string,
  result: unknown
): { readonly tools: ReadonlyArray<McpTool>; readonly next: string | undefined } => {
  const page = recordOf(result)
  const tools = Array.isArray(page["tools"]) ? page["tools"] : []
  const next = page["nextCursor"]
  return {
    tools: tools.flatMap((tool) => Option.toArray(toolOf(server, tool))),
    next: typeof next === "string" && next !== "" ? next : undefined
  }
}

/**
 * The result of `tools/call`. A part that is not understood is kept as JSON; a result without parts is one with none.
 *
 * @since 0.1.0
 * @category decoding
 */
export const toolResult = (result: unknown): ToolResult => {
  const { content, isError, structuredContent, toolResult } = recordOf(result)
  const parts = Array.isArray(content) ? content.map(contentOf) : content === undefined ? [] : [contentOf(content)]
  // what servers of the first revision (2024-10-07) answered
  const old = parts.length === 0 && toolResult !== undefined ? [contentOf(toolResult)] : []
  return {
    content: [...parts, ...old],
    isError: isError === true,
    ...(Predicate.isReadonlyRecord(structuredContent) ? { structured: recordOf(structuredContent) } : {})
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type UnknownRecord = { readonly [key: string]: unknown }

const recordOf = (value: unknown): UnknownRecord =>
  Predicate.isReadonlyRecord(value) ? Object.fromEntries(Object.entries(value)) : {}

const toolOf = (server: string, value: unknown): Option.Option<McpTool> => {
  const { annotations, description, inputSchema, name, outputSchema, title } = recordOf(value)
  if (typeof name !== "string" || name === "") return Option.none()
  const hints = recordOf(annotations)
  const shown = [title, hints["title"]].find((text) => typeof text === "string" && text !== "")
  const hint = (key: string, from: string) => (typeof hints[from] === "boolean" ? { [key]: hints[from] } : {})
  return Option.some({
    server,
    name,
    ...(typeof shown === "string" ? { title: shown } : {}),
    description: typeof description === "string" ? description : "",
    inputSchema: Predicate.isReadonlyRecord(inputSchema) ? recordOf(inputSchema) : { type: "object" },
    ...(Predicate.isReadonlyRecord(outputSchema) ? { outputSchema: recordOf(outputSchema) } : {}),
    annotations: {
      ...hint("readOnly", "readOnlyHint"),
      ...hint("destructive", "destructiveHint"),
      ...hint("idempotent", "idempotentHint"),
      ...hint("openWorld", "openWorldHint")
    }
  })
}

const contentOf = (value: unknown): ToolContent => {
  if (typeof value === "string") return { type: "text", text: value }
  const part = recordOf(value)
  const { data, mimeType, resource, text, type, uri } = part
  switch (type) {
    case "text":
      if (typeof text === "string") return { type, text }
      break
    case "image":
    case "audio":
      if (typeof data === "string")
        return { type, data, mimeType: typeof mimeType === "string" ? mimeType : unnamedType }
      break
    case "resource_link":
      if (typeof uri === "string") return { type, uri, ...optionalTexts(part, ["name", "mimeType"]) }
      break
    case "resource": {
      const embedded = recordOf(resource)
      const address = embedded["uri"]
      if (typeof address === "string") {
        return { type, uri: address, ...optionalTexts(embedded, ["mimeType", "text", "blob"]) }
      }
      break
    }
  }
  return { type: "unknown", kind: typeof type === "string" ? type : typeof value, json: encodeJson(value) }
}

const unnamedType = "application/octet-stream"

const optionalTexts = <const K extends string>(record: UnknownRecord, keys: ReadonlyArray<K>) =>
  Object.fromEntries(keys.flatMap((key) => (typeof record[key] === "string" ? [[key, record[key]]] : []))) as {
    readonly [P in K]?: string // the filter above, which `fromEntries` cannot express
  }

const encodeJson = Schema.encodeSync(Schema.parseJson(Schema.Unknown))
