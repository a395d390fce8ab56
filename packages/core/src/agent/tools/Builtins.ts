/**
 * Tools of the loop itself, offered when they are useful: reading results that were too long to show, and finding tools
 * that were not offered.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { decodeJson } from "../../internal/parseJson.ts"
import { stringify } from "../../json/ExactJson.ts"
import type { ToolCall } from "../../lmstudio/Chat.ts"
import type { McpTool } from "../../mcp/McpTool.ts"
import type { ToolResult } from "../../mcp/ToolResult.ts"
import * as ArgumentText from "../schema/ArgumentText.ts"
import * as Artifacts from "./Artifacts.ts"
import type { CatalogTool } from "./CatalogTool.ts"
import { signatures } from "../shapes/Signature.ts"

/** The server name of these tools in events. */
export const serverName = "lms-bridge"

export const artifactTools: ReadonlyArray<string> = ["read_artifact", "search_artifact"]

export const findTools = "find_tools"

/** Offered beside `find_tools`: the head of the prompt, which lists the tools, stays as it is when more are found. */
export const callTool = "call_tool"

export const tools: ReadonlyArray<McpTool> = [
  {
    server: serverName,
    name: "read_artifact",
    description: "Reads a part of an earlier result that was too long to be shown whole.",
    inputSchema: {
      type: "object",
      properties: {
        id: { type: "string", description: 'The id of the result, like "r3".' },
        line: { type: "integer", description: "First line, from 1; negative counts from the end." },
        lines: { type: "integer", minimum: 1, description: "How many lines." },
        character: { type: "integer", minimum: 1, description: "First character, for a very long line." },
        pointer: { type: "string", description: 'JSON Pointer into a JSON result, like "/items/0/name".' }
      },
      required: ["id"]
    },
    annotations: { readOnly: true, openWorld: false }
  },
  {
    server: serverName,
    name: "search_artifact",
    description: "Finds the lines of an earlier long result that match a regular expression, with their line numbers.",
    inputSchema: {
      type: "object",
      properties: {
        id: { type: "string", description: 'The id of the result, like "r3".' },
        pattern: { type: "string", description: "Regular expression (RE2); letter case does not count." },
        max: { type: "integer", minimum: 1, description: "Most lines to show." }
      },
      required: ["id", "pattern"]
    },
    annotations: { readOnly: true, openWorld: false }
  },
  {
    server: serverName,
    name: findTools,
    description: "Finds more tools by what they do. Tools that are found can be called from then on.",
    inputSchema: {
      type: "object",
      properties: { query: { type: "string", description: "What the tool should do, in a few words." } },
      required: ["query"]
    },
    annotations: { readOnly: true, openWorld: false }
  },
  {
    server: serverName,
    name: callTool,
    description: "Calls a tool that find_tools found, or another one that is not listed here.",
    inputSchema: {
      type: "object",
      properties: { name: { type: "string" }, arguments: { type: "object" } },
      required: ["name", "arguments"]
    },
    annotations: { readOnly: true, openWorld: false }
  }
]

/** The call that a call of `call_tool` asks for; any other call as it is. */
export const meant = (call: ToolCall): ToolCall => {
  if (call.name !== callTool) return call
  const asked = Either.getOrUndefined(ArgumentText.read(call.arguments, decodeJson))
  const name = asked?.["name"]
  const args = asked?.["arguments"] ?? {}
  return typeof name !== "string" || name.trim() === ""
    ? call
    : { ...call, name: name.trim(), arguments: typeof args === "string" ? args : stringify(args) }
}

/** What the built-in tools operate on. */
export interface Workbench {
  readonly artifacts: Artifacts.ArtifactStore
  readonly search: (query: string) => ReadonlyArray<CatalogTool>
  /** Whether `call_tool` is offered. */
  readonly byCallTool: boolean
  /** Adds tools to the next requests. */
  readonly offer: (tools: ReadonlyArray<CatalogTool>) => Effect.Effect<void>
  /** Most bytes of a result. */
  readonly maxBytes: number
}

/** Runs a built-in tool on validated arguments. */
export const call = (
  { artifacts, byCallTool, maxBytes, offer, search }: Workbench,
  tool: string,
  args: Readonly<Record<string, unknown>>
): Effect.Effect<ToolResult> => {
  const text = (key: string) => String(args[key] ?? "")
  const number = (key: string) => (typeof args[key] === "number" ? args[key] : undefined)
  if (tool === findTools) {
    const found = search(text("query"))
    return Effect.as(offer(found), result(Either.right(foundTools(text("query"), found, byCallTool))))
  }
  const id = text("id").trim()
  const stored = artifacts.get(id)
  if (stored === undefined) {
    const ids = artifacts.ids()
    const there = ids.length === 0 ? "There are none." : `There are: ${ids.slice(-20).join(", ")}.`
    return Effect.succeed(result(Either.left(`There is no result "${id}". ${there}`)))
  }
  if (tool === "read_artifact") {
    const pointer = text("pointer")
    const range = { line: number("line"), lines: number("lines"), character: number("character"), pointer }
    return Effect.succeed(result(Artifacts.read(id, stored, range, maxBytes)))
  }
  return Effect.map(
    Effect.promise(() => import("./ArtifactSearch.ts")),
    (module) => result(module.search(id, stored, { pattern: text("pattern"), max: number("max") }, maxBytes))
  )
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const result = (text: Either.Either<string, string>): ToolResult => ({
  content: [{ type: "text", text: Either.merge(text) }],
  isError: Either.isLeft(text)
})

const foundTools = (query: string, found: ReadonlyArray<CatalogTool>, byCallTool: boolean): string =>
  found.length === 0
    ? `No tool matches "${query}". Try other words, or answer with the tools there are.`
    : `These tools can be called now${byCallTool ? `, by their names or with ${callTool}` : ""}:\n${signatures(found.map(({ definition }) => definition))}`
