/**
 * `mcp call`: calls one tool and prints its result to stdout.
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import { ToolArguments } from "@lms-bridge/core/AgentLoop"
import { fromJson, stringify } from "@lms-bridge/core/Json"
import { McpRegistry, type McpTool, nearest, type ToolContent, ToolResult } from "@lms-bridge/core/McpRegistry"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as AtTerminal from "../../terminal/AtTerminal.ts"
import { Ended, ExitCode, UsageError } from "../../ExitCode.ts"
import { Screen } from "../../terminal/Screen.ts"
import * as SharedOptions from "../../options/SharedOptions.ts"
import * as Withheld from "../../views/Withheld.ts"
import * as Words from "../../views/Words.ts"

export const command = Command.make("call", {
  name: Args.text({ name: "NAME" }).pipe(Args.withDescription("A server in your mcp.json.")),
  tool: Args.text({ name: "TOOL" }).pipe(Args.withDescription("One of its tools; `mcp tools NAME` lists them.")),
  args: Args.text({ name: "JSON" }).pipe(
    Args.withDescription('The arguments as a JSON object, for example \'{"path":"notes.md"}\'; none by default.'),
    Args.optional
  ),
  json: SharedOptions.json("Print the whole result as JSON.")
}).pipe(
  Command.withDescription("Call one tool of an MCP server."),
  Command.withHandler(
    Effect.fnUntraced(function* ({ args, json, name, tool }) {
      const screen = yield* Screen
      const given = yield* decodeArguments(Option.getOrElse(args, () => "{}")).pipe(
        Effect.mapError(
          () => new UsageError({ problem: 'The arguments must be a JSON object, for example \'{"path":"notes.md"}\'.' })
        )
      )
      const registry = yield* McpRegistry
      // a server asks the person for whom its connection was opened
      const tools = yield* AtTerminal.attended(registry.tools(name))
      const withheld = (yield* Withheld.of(name))?.withheld.includes(tool) === true
      // the registry says why a tool is withheld
      const fitting = withheld ? given : yield* fit(yield* toolOf(tools, name, tool), given)
      const result = yield* registry
        .call(name, tool, fitting, {
          onProgress: ({ message, progress, total }) =>
            screen.status(
              Words.oneLine(`${tool}: ${message ?? `${progress}${total === undefined ? "" : ` of ${total}`}`}`, 80)
            )
        })
        .pipe(AtTerminal.attended, Effect.ensuring(screen.status("")))
      yield* screen.out(json ? encode(result) : render(result))
      if (result.isError) {
        yield* screen.err(`lms-bridge: ${Words.oneLine(tool)} of ${Words.oneLine(name)} reports an error.`)
        return yield* new Ended({ code: ExitCode.failure })
      }
    })
  )
)

export const render = ({ content, structured }: ToolResult): string =>
  content.length === 0 && structured !== undefined ? stringify(structured, 2) : content.map(part).join("\n")

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const part = (content: ToolContent): string => {
  switch (content.type) {
    case "text":
      return content.text
    case "image":
    case "audio":
      return `[${content.type}, ${content.mimeType}, ${Words.bytes(Math.floor((content.data.length * 3) / 4))}; --json prints it]`
    case "resource_link":
      return `[resource ${content.uri}]`
    case "resource":
      return content.text ?? `[resource ${content.uri}; --json prints it]`
    case "unknown":
      return content.json
  }
}

/** Checked before the call, because servers report unknown names and invalid arguments in different ways. */
const toolOf = Effect.fnUntraced(function* (tools: ReadonlyArray<McpTool>, server: string, wanted: string) {
  const found = tools.find(({ name }) => name === wanted)
  if (found !== undefined) return found
  const switchedOff = yield* Effect.flatMap(McpRegistry, (registry) => registry.switchedOff(server, wanted))
  if (switchedOff !== undefined) return yield* new UsageError({ problem: switchedOff })
  const names = nearest(
    wanted,
    tools.map(({ name }) => name)
  )
  const hint =
    names.length > 0 ? `Did you mean ${names.join(" or ")}?` : `\`lms-bridge mcp tools ${server}\` lists its tools.`
  return yield* new UsageError({ problem: `MCP server "${server}" has no tool "${wanted}". ${hint}` })
})

const fit = (tool: McpTool, given: Readonly<Record<string, unknown>>) => {
  const checked = ToolArguments.check(tool, tool.name, stringify(given), { whole: true })
  return checked._tag === "Fit"
    ? Either.right(checked.arguments)
    : Either.left(new UsageError({ problem: checked.told.replace(/ Call it again .*$/, "") }))
}

const decodeArguments = Schema.decode(fromJson(Schema.Record({ key: Schema.String, value: Schema.Unknown })))

const encode = Schema.encodeSync(fromJson(ToolResult))
