/**
 * `mcp add` and `mcp remove`: one server in the user's mcp.json; nothing else in the file changes.
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as Options from "@effect/cli/Options"
import * as ValidationError from "@effect/cli/ValidationError"
import { ClientFiles } from "@lms-bridge/core/McpConfig"
import { McpRegistry, McpServerNotFound, nearest } from "@lms-bridge/core/McpRegistry"
import { present } from "@lms-bridge/core/Json"
import * as Effect from "effect/Effect"
import { UsageError } from "../../ExitCode.ts"
import * as OwnFile from "./OwnFile.ts"

const name = Args.text({ name: "NAME" }).pipe(Args.withDescription("The name of the server, as in `--mcp NAME`."))

const dryRun = Options.boolean("dry-run").pipe(Options.withDescription("Show what would change, and write nothing."))

const pairs = (option: string, mark: string, what: string) =>
  Options.text(option).pipe(
    Options.withDescription(what),
    Options.withPseudoName(`NAME${mark}VALUE`),
    Options.repeated,
    Options.mapEffect((given) =>
      Effect.map(
        Effect.forEach(given, (text) => {
          const at = text.indexOf(mark)
          return at > 0
            ? Effect.succeed([text.slice(0, at).trim(), text.slice(at + 1).trim()] as const)
            : Effect.fail(ValidationError.invalidValue(HelpDoc.p(`--${option} must be NAME${mark}VALUE.`)))
        }),
        (all): Readonly<Record<string, string>> => Object.fromEntries(all)
      )
    )
  )

export const add = Command.make("add", {
  name,
  words: Args.text({ name: "COMMAND" }).pipe(
    Args.withDescription("The program and its arguments, after `--`; or the http(s) address of the server."),
    Args.atLeast(1)
  ),
  env: pairs("env", "=", "A variable for the program, as NAME=VALUE."),
  header: pairs("header", ":", "A header for the address, as NAME:VALUE."),
  project: Options.boolean("project").pipe(
    Options.withDescription("Write to .mcp.json of this folder. Default: the mcp.json that is used, else ~/.mcp.json.")
  ),
  force: Options.boolean("force").pipe(Options.withDescription("Replace a server of that name.")),
  dryRun
}).pipe(
  Command.withDescription("Add an MCP server to your mcp.json: `mcp add NAME -- COMMAND ARGS…` or `mcp add NAME URL`."),
  Command.withHandler(
    Effect.fnUntraced(function* ({ dryRun, env, force, header, name, project, words }) {
      const entry = yield* entryOf(words, env, header)
      const file = yield* OwnFile.place(project ? "project" : "used")
      const plan = yield* ClientFiles.planAdd(file, { force, servers: [{ name, entry }] })
      yield* OwnFile.carryOut(plan, dryRun, {
        did: plan.present ? `Replaced "${name}".` : `Added "${name}".`,
        already: `"${name}" is already there; nothing was changed in ${file}.`,
        next: `Try it: lms-bridge mcp tools ${name}`,
        variables: new Set([...Object.keys(env), ...Object.keys(header)])
      })
    })
  )
)

export const remove = Command.make("remove", { name, dryRun }).pipe(
  Command.withDescription("Remove an MCP server from the mcp.json that it stands in."),
  Command.withHandler(
    Effect.fnUntraced(function* ({ dryRun, name }) {
      const registry = yield* McpRegistry
      const servers = yield* registry.servers
      const found = servers.find((server) => server.name === name)
      if (found === undefined) {
        const available = servers.map((server) => server.name)
        const path = (yield* registry.candidates).find(({ used }) => used)?.path
        return yield* new McpServerNotFound({
          server: name,
          available,
          nearest: nearest(name, available),
          ...present({ path })
        })
      }
      const plan = yield* ClientFiles.planRemove(found.source, name)
      yield* OwnFile.carryOut(plan, dryRun, {
        did: `Removed "${name}".`,
        already: `"${name}" is not in ${found.source}.`,
        next: undefined,
        variables: new Set(found.envNames)
      })
    })
  )
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const entryOf = (
  words: ReadonlyArray<string>,
  env: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>>
): Effect.Effect<ClientFiles.Server["entry"], UsageError> => {
  const [command = "", ...args] = words
  const hasHeaders = Object.keys(headers).length > 0
  const hasEnv = Object.keys(env).length > 0
  if (/^https?:\/\//i.test(command)) {
    if (args.length > 0) return Effect.fail(new UsageError({ problem: "An address takes no arguments." }))
    if (hasEnv) return Effect.fail(new UsageError({ problem: "--env is for programs; an address takes --header." }))
    return Effect.succeed({ url: command, ...(hasHeaders ? { headers } : {}) })
  }
  return hasHeaders
    ? Effect.fail(new UsageError({ problem: "--header is for addresses; a program takes --env." }))
    : Effect.succeed({ command, args, ...(hasEnv ? { env } : {}) })
}
