/**
 * `mcp tools`: lists the tools of one MCP server, or of all that start.
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import { McpRegistry, McpTool } from "@lms-bridge/core/McpRegistry"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as AllServers from "../../options/AllServers.ts"
import { Screen } from "../../terminal/Screen.ts"
import * as SharedOptions from "../../options/SharedOptions.ts"
import * as Table from "../../views/Table.ts"
import * as Withheld from "../../views/Withheld.ts"
import * as Words from "../../views/Words.ts"

const name = Args.text({ name: "NAME" }).pipe(
  Args.withDescription("A server in your mcp.json; all of them by default."),
  Args.optional
)

export const command = Command.make("tools", { name, json: SharedOptions.listingJson }).pipe(
  Command.withDescription("List the tools of one MCP server or of all."),
  Command.withHandler(
    Effect.fnUntraced(function* ({ json, name }) {
      const screen = yield* Screen
      const tools = yield* Option.match(name, { onNone: () => allTools, onSome: toolsOf })
      yield* screen.out(json ? encode(tools) : render(tools, Option.isNone(name), screen.columns))
      const { servers } = yield* McpRegistry
      for (const { lock, name: server } of yield* servers) {
        const withheld = lock === undefined ? undefined : Withheld.clause(lock)
        if (withheld !== undefined) {
          yield* screen.err(Words.oneLine(`lms-bridge: ${server}: ${withheld}. ${Withheld.next(server)}`))
        }
      }
    })
  )
)

export const render = (tools: ReadonlyArray<McpTool>, withServer: boolean, columns?: number): string =>
  tools.length === 0
    ? "There are no tools."
    : Table.render(
        [...(withServer ? ["SERVER"] : []), "TOOL", "ARGUMENTS", "DESCRIPTION"],
        tools.map((tool) => [
          ...(withServer ? [tool.server] : []),
          tool.name,
          parameters(tool.inputSchema),
          Words.oneLine(tool.description.split(/(?<=\.)\s|\n/)[0] ?? "", 70)
        ]),
        columns
      )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const toolsOf = (server: string) => Effect.flatMap(McpRegistry, (registry) => registry.tools(server))

const allTools = Effect.map(AllServers.listed(toolsOf), (found) => found.flat())

/** The names of the arguments, optional ones with a question mark. */
const parameters = (inputSchema: McpTool["inputSchema"]): string =>
  Option.match(decodeObject(inputSchema), {
    onNone: () => "",
    onSome: ({ properties, required }) =>
      Object.keys(properties)
        .map((name) => (required.includes(name) ? name : `${name}?`))
        .join(", ")
  })

const decodeObject = Schema.decodeUnknownOption(
  Schema.Struct({
    properties: Schema.optionalWith(Schema.Record({ key: Schema.String, value: Schema.Unknown }), {
      default: () => ({})
    }),
    required: Schema.optionalWith(Schema.Array(Schema.String), { default: () => [] })
  })
)

const encode = Schema.encodeSync(Schema.parseJson(Schema.Array(McpTool)))
