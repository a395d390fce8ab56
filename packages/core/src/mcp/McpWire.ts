/**
 * Tools, resources, prompts and results as servers really send them, read without trusting a single field.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { fromJson } from "../json/ExactJson.ts"
import type { Page } from "./KeptList.ts"
import type { McpTool } from "./McpConnection.ts"
import type { McpPrompt, PromptResult } from "./McpPrompt.ts"
import type { McpResource, McpResourceTemplate, ResourceContent } from "./McpResource.ts"
import type { ToolContent, ToolResult } from "./ToolResult.ts"

/**
 * One page of `tools/list`.
 *
 * @since 0.1.0
 * @category decoding
 */
export const toolPage = (server: string, result: unknown): Page<McpTool> =>
  page(result, "tools", (tool) => toolOf(server, tool))

/**
 * One page of `resources/list`.
 *
 * @since 0.1.0
 * @category decoding
 */
export const resourcePage = (server: string, result: unknown): Page<McpResource> =>
  page(result, "resources", (value) => {
    const resource = recordOf(value)
    const { name, size, uri } = resource
    if (typeof uri !== "string" || uri === "") return Option.none()
    return Option.some({
      server,
      uri,
      name: typeof name === "string" ? name : uri,
      ...optionalTexts(resource, ["title", "description", "mimeType"]),
      ...(typeof size === "number" && size >= 0 ? { size } : {})
    })
  })

/**
 * One page of `resources/templates/list`.
 *
 * @since 0.1.0
 * @category decoding
 */
export const templatePage = (server: string, result: unknown): Page<McpResourceTemplate> =>
  page(result, "resourceTemplates", (value) => {
    const template = recordOf(value)
    const { name, uriTemplate } = template
    if (typeof uriTemplate !== "string" || uriTemplate === "") return Option.none()
    return Option.some({
      server,
      uriTemplate,
      name: typeof name === "string" ? name : uriTemplate,
      ...optionalTexts(template, ["title", "description", "mimeType"])
    })
  })

/**
 * One page of `prompts/list`.
 *
 * @since 0.1.0
 * @category decoding
 */
export const promptPage = (server: string, result: unknown): Page<McpPrompt> =>
  page(result, "prompts", (value) => {
    const prompt = recordOf(value)
    const { arguments: all, name } = prompt
    if (typeof name !== "string" || name === "") return Option.none()
    const args = listOf(all).flatMap((each) => {
      const argument = recordOf(each)
      return typeof argument["name"] === "string"
        ? [
            {
              name: argument["name"],
              ...optionalTexts(argument, ["description"]),
              required: argument["required"] === true
            }
          ]
        : []
    })
    return Option.some({ server, name, ...optionalTexts(prompt, ["title", "description"]), arguments: args })
  })

/**
 * The result of `resources/read`. A part without an address has the one that was asked for.
 *
 * @since 0.1.0
 * @category decoding
 */
export const resourceContents = (uri: string, result: unknown): ReadonlyArray<ResourceContent> =>
  listOf(recordOf(result)["contents"]).map((value) => ({
    uri,
    ...optionalTexts(recordOf(value), ["uri", "mimeType", "text", "blob"])
  }))

/**
 * The result of `prompts/get`.
 *
 * @since 0.1.0
 * @category decoding
 */
export const promptResult = (result: unknown): PromptResult => {
  const prompt = recordOf(result)
  return {
    ...optionalTexts(prompt, ["description"]),
    messages: listOf(prompt["messages"]).map((value) => {
      const { content, role } = recordOf(value)
      return { role: role === "assistant" ? role : "user", content: contentOf(content) }
    })
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

const listOf = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])

const page = <A>(result: unknown, key: string, itemOf: (value: unknown) => Option.Option<A>): Page<A> => {
  const record = recordOf(result)
  const next = record["nextCursor"]
  return {
    items: listOf(record[key]).flatMap((value) => Option.toArray(itemOf(value))),
    next: typeof next === "string" && next !== "" ? next : undefined
  }
}

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

const encodeJson = Schema.encodeSync(fromJson(Schema.Unknown))
