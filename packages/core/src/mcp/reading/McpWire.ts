/** Tools, resources and prompts as servers actually send them, decoded without trusting any field. */
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type { Page } from "../connection/CachedList.ts"
import type { McpTool } from "../McpTool.ts"
import type { McpPrompt, PromptResult } from "../McpPrompt.ts"
import type { McpResource, McpResourceTemplate, ResourceContent } from "../McpResource.ts"
import { contentOf } from "./Results.ts"

/** One page of `tools/list`. */
export const toolPage = (server: string, result: unknown): Page<McpTool> =>
  page(result, "tools", (tool) => toolOf(server, tool))

/** One page of `resources/list`. */
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

/** One page of `resources/templates/list`. */
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

/** One page of `prompts/list`. */
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

/** The result of `resources/read`. A part without a URI gets the requested one. */
export const resourceContents = (uri: string, result: unknown): ReadonlyArray<ResourceContent> =>
  listOf(recordOf(result)["contents"]).map((value) => ({
    uri,
    ...optionalTexts(recordOf(value), ["uri", "mimeType", "text", "blob"])
  }))

/** The result of `prompts/get`. */
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

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type UnknownRecord = { readonly [key: string]: unknown }

const recordOf = (value: unknown): UnknownRecord =>
  Predicate.isReadonlyRecord(value) ? Object.fromEntries(Object.entries(value)) : {}

const listOf = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])

/** A server may omit the object around the list, or write the list as an object whose keys are the names. */
const page = <A>(result: unknown, key: string, itemOf: (value: unknown) => Option.Option<A>): Page<A> => {
  const record = recordOf(result)
  const next = record["nextCursor"]
  const list = Array.isArray(result) ? result : record[key]
  const named = Predicate.isReadonlyRecord(list)
    ? Object.entries(list).map(([name, value]) => ({ name, ...recordOf(value) }))
    : listOf(list)
  return {
    items: named.flatMap((value) => Option.toArray(itemOf(value))),
    next: typeof next === "string" && next !== "" ? next : undefined
  }
}

const toolOf = (server: string, value: unknown): Option.Option<McpTool> => {
  const { annotations, description, execution, inputSchema, input_schema, name, outputSchema, parameters, title } =
    recordOf(value)
  if (typeof name !== "string" || name.trim() === "") return Option.none()
  // the keys that the APIs of language models use
  const schema = [inputSchema, input_schema, parameters].find(Predicate.isReadonlyRecord)
  const hints = recordOf(annotations)
  const shown = [title, hints["title"]].find((text) => typeof text === "string" && text !== "")
  const hint = (key: string, from: string) => (typeof hints[from] === "boolean" ? { [key]: hints[from] } : {})
  return Option.some({
    server,
    name,
    ...(typeof shown === "string" ? { title: shown } : {}),
    description: typeof description === "string" ? description : "",
    inputSchema: schema === undefined ? { type: "object" } : recordOf(schema),
    ...(Predicate.isReadonlyRecord(outputSchema) ? { outputSchema: recordOf(outputSchema) } : {}),
    ...(recordOf(execution)["taskSupport"] === "required" ? { taskRequired: true } : {}),
    annotations: {
      ...hint("readOnly", "readOnlyHint"),
      ...hint("destructive", "destructiveHint"),
      ...hint("idempotent", "idempotentHint"),
      ...hint("openWorld", "openWorldHint")
    }
  })
}

const optionalTexts = <const K extends string>(record: UnknownRecord, keys: ReadonlyArray<K>) =>
  Object.fromEntries(keys.flatMap((key) => (typeof record[key] === "string" ? [[key, record[key]]] : []))) as {
    readonly [P in K]?: string // the filter above, which `fromEntries` cannot express
  }
