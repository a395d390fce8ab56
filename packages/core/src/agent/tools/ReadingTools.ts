/**
 * Tools of the loop itself with which the model reads the resources and prompts of the run's servers. They exist only in a
 * run that requests them.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import { stringify } from "../../json/ExactJson.ts"
import type { McpConnection } from "../../mcp/McpConnection.ts"
import type { McpTool } from "../../mcp/McpTool.ts"
import { nearest } from "../../names/nearest.ts"
import type { ToolContent, ToolResult } from "../../mcp/ToolResult.ts"
import * as Builtins from "./Builtins.ts"
import * as ToolResultText from "./ToolResultText.ts"

const server = { type: "string", description: "The MCP server; may be left out where it is clear." }

export const tools: ReadonlyArray<McpTool> = [
  {
    server: Builtins.serverName,
    name: "list_resources",
    description: "Lists the documents (resources) and prompts that the MCP servers of this task offer.",
    inputSchema: { type: "object", properties: { server } },
    annotations: { readOnly: true }
  },
  {
    server: Builtins.serverName,
    name: "read_resource",
    description: "Reads a resource by its URI, as list_resources shows it.",
    inputSchema: {
      type: "object",
      properties: {
        uri: { type: "string", description: "Its URI; in a template, names in braces are to be replaced." },
        server
      },
      required: ["uri"]
    },
    annotations: { readOnly: true }
  },
  {
    server: Builtins.serverName,
    name: "get_prompt",
    description: "Gets a prompt by its name, as list_resources shows it.",
    inputSchema: {
      type: "object",
      properties: {
        name: { type: "string" },
        arguments: { type: "object", description: "Texts by the names of its arguments." },
        server
      },
      required: ["name"]
    },
    annotations: { readOnly: true }
  }
]

/** Their names. */
export const names: ReadonlyArray<string> = tools.map(({ name }) => name)

type Args = Readonly<Record<string, unknown>>

/** Runs one of them on validated arguments, over the servers of the run. */
export const call = (connections: ReadonlyArray<McpConnection>, tool: string, args: Args): Effect.Effect<ToolResult> =>
  Effect.gen(function* () {
    const among = yield* chosen(connections, args["server"])
    if (tool === "list_resources") return yield* listed(among)
    const uri = String(args["uri"] ?? "")
    const name = String(args["name"] ?? "")
    const isPrompt = tool === "get_prompt"
    const { connection, others } = yield* owner(among, isPrompt ? name : uri, isPrompt)
    if (!isPrompt) return yield* read(connection, uri, others)
    const { messages } = yield* Effect.mapError(
      connection.getPrompt(name, textsIn(args["arguments"])),
      ({ message }) => message
    )
    return result(messages.map(({ content, role }): ToolContent => said(role, content)))
  }).pipe(Effect.catchAll((text) => Effect.succeed(result([{ type: "text", text }], true))))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const result = (content: ReadonlyArray<ToolContent>, isError = false): ToolResult => ({ content, isError })

/** A message of a prompt as text, because it is read and does not become a message of the conversation. */
const said = (role: string, content: ToolContent): ToolContent => ({
  type: "text",
  text: `${role}: ${ToolResultText.textOf({ content: [content], isError: false })}`
})

const chosen = (
  connections: ReadonlyArray<McpConnection>,
  wanted: unknown
): Either.Either<ReadonlyArray<McpConnection>, string> => {
  if (typeof wanted !== "string" || wanted === "") return Either.right(connections)
  const found = connections.filter(({ server }) => server === wanted)
  const there = connections.map(({ server }) => server).join(", ")
  return found.length > 0
    ? Either.right(found)
    : Either.left(`There is no MCP server "${wanted}" in this run. There are: ${there}.`)
}

/** A server that does not answer is reported, and the others are listed. */
const listed = (connections: ReadonlyArray<McpConnection>) =>
  Effect.forEach(
    connections,
    (connection) =>
      Effect.all([connection.resources, connection.resourceTemplates, connection.prompts], { concurrency: 3 }).pipe(
        Effect.map(([resources, templates, prompts]) => [
          ...resources.map(({ description, name, uri }) => line(connection, uri, name, description)),
          ...templates.map(({ description, name, uriTemplate }) => line(connection, uriTemplate, name, description)),
          ...prompts.map((prompt) => {
            const args = prompt.arguments.map(({ name, required }) => (required ? name : `${name}?`)).join(", ")
            return line(connection, `prompt ${prompt.name}(${args})`, prompt.title ?? "", prompt.description)
          })
        ]),
        Effect.catchAll(({ message }) => Effect.succeed([`- [${connection.server}] ${message}`]))
      ),
    { concurrency: 4 }
  ).pipe(
    Effect.map((lines) => lines.flat()),
    Effect.map((lines) => result([{ type: "text", text: lines.length === 0 ? "There are none." : lines.join("\n") }]))
  )

const line = ({ server }: McpConnection, what: string, name: string, description: string | undefined) =>
  `- [${server}] ${[what, name, description ?? ""].filter((text) => text !== "").join(": ")}`.replaceAll(/\s+/g, " ")

/** The server that owns the item: the one that lists it, else the only server of the run. */
const owner = Effect.fnUntraced(function* (
  connections: ReadonlyArray<McpConnection>,
  wanted: string,
  isPrompt: boolean
) {
  const [only, ...more] = connections
  if (only === undefined) return yield* Effect.fail("No MCP server takes part in this run.")
  const known = yield* Effect.forEach(
    connections,
    (connection) =>
      Effect.map(
        Effect.orElseSucceed(
          isPrompt
            ? Effect.map(connection.prompts, (all) => all.map(({ name }) => name))
            : Effect.map(connection.resources, (all) => all.map(({ uri }) => uri)),
          (): ReadonlyArray<string> => []
        ),
        (all) => ({ connection, all })
      ),
    { concurrency: 4 }
  )
  const others = known.flatMap(({ all }) => all)
  const found = known.find(({ all }) => all.includes(wanted))?.connection ?? (more.length === 0 ? only : undefined)
  if (found !== undefined) return { connection: found, others }
  return yield* Effect.fail(
    `No server lists "${wanted}".${hint(wanted, others)} Name its server if it comes from a template.`
  )
})

const hint = (wanted: string, others: ReadonlyArray<string>) => {
  const near = nearest(wanted, others)
  return near.length === 0 ? "" : ` Did you mean ${near.join(" or ")}?`
}

const read = (connection: McpConnection, uri: string, others: ReadonlyArray<string>) =>
  Effect.mapBoth(connection.readResource(uri), {
    onSuccess: (contents) => result(contents.map((part): ToolContent => ({ type: "resource", ...part }))),
    onFailure: (error) =>
      error._tag === "McpReadFailed" && error.reason === "NotFound"
        ? `There is no resource "${uri}".${hint(uri, others)} list_resources shows what there is.`
        : error.message
  })

/** Arguments of prompts are strings, but a model writes numbers as numbers. */
const textsIn = (value: unknown): Readonly<Record<string, string>> =>
  Predicate.isReadonlyRecord(value)
    ? Object.fromEntries(
        Object.entries(value).map(([name, inner]) => [name, typeof inner === "string" ? inner : stringify(inner)])
      )
    : {}
