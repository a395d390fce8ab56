/**
 * `install` and `uninstall`: add lms-bridge to an MCP client's configuration or remove it, and change nothing else.
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as Options from "@effect/cli/Options"
import * as ValidationError from "@effect/cli/ValidationError"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import { ClientFiles, ClientPlaces } from "@lms-bridge/core/McpConfig"
import * as Effect from "effect/Effect"
import { Program } from "../Program.ts"
import { Screen } from "../terminal/Screen.ts"
import * as FileChange from "../views/FileChange.ts"

const defaultName = "lms-bridge"

const options = {
  client: Args.choice(
    ClientPlaces.Client.literals.map((client) => [client, client] as const),
    { name: "CLIENT" }
  ),
  scope: Options.choice("scope", ClientPlaces.Scope.literals).pipe(
    Options.withDescription("For all your work, or for the project in this folder, if the client supports both."),
    Options.withDefault("user")
  ),
  name: Options.text("name").pipe(
    Options.withDescription(`The name of the entry, ${defaultName} by default.`),
    Options.withPseudoName("NAME"),
    Options.withDefault(defaultName),
    Options.mapEffect((name) =>
      // clients prefix the tools' names with it, and some allow 64 characters for both
      /^[A-Za-z0-9_-]{1,24}$/.test(name)
        ? Effect.succeed(name)
        : Effect.fail(
            invalid(`--name is "${name}", but must be up to 24 letters, digits, "-" and "_": clients accept no more.`)
          )
    )
  ),
  force: Options.boolean("force").pipe(
    Options.withDescription("Change the entry even if it starts something other than lms-bridge.")
  ),
  dryRun: Options.boolean("dry-run").pipe(Options.withDescription("Show what would change, and write nothing."))
}

const env = Options.text("env").pipe(
  Options.withDescription(
    "An environment variable for the server, as NAME=VALUE, for example LMS_BRIDGE_TOOLSETS=lean."
  ),
  Options.withPseudoName("VARIABLE"),
  Options.repeated,
  Options.mapEffect((given) => Effect.map(Effect.forEach(given, pairOf), (pairs) => Object.fromEntries(pairs)))
)

export const install = Command.make("install", { ...options, env }).pipe(
  Command.withDescription("Add lms-bridge to an MCP client's configuration, and keep a copy of the old file."),
  Command.withHandler(
    Effect.fnUntraced(function* ({ env, ...asked }) {
      const machine = yield* thisMachine
      const start = yield* serverStart
      const plan = yield* ClientFiles.planInstall(machine, asked, { ...start, env })
      const did = plan.present ? "Changed" : "Added"
      yield* carryOut(plan, asked, {
        did,
        already: "is already there",
        undo: !plan.present,
        showsNext: true,
        variables: new Set(Object.keys(env))
      })
    })
  )
)

export const uninstall = Command.make("uninstall", options).pipe(
  Command.withDescription("Remove lms-bridge from an MCP client's configuration, and keep a copy of the old file."),
  Command.withHandler(
    Effect.fnUntraced(function* (asked) {
      const plan = yield* ClientFiles.planUninstall(yield* thisMachine, asked)
      yield* carryOut(plan, asked, {
        did: "Removed",
        already: "is not there",
        undo: false,
        showsNext: false,
        variables: new Set()
      })
    })
  )
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

function invalid(text: string) {
  return ValidationError.invalidValue(HelpDoc.p(text))
}

/** The name and value of NAME=VALUE. */
function pairOf(text: string) {
  const at = text.indexOf("=")
  return at > 0
    ? Effect.succeed([text.slice(0, at), text.slice(at + 1)] as const)
    : Effect.fail(invalid('--env must be NAME=VALUE, with a name before the first "=".'))
}

const thisMachine = Effect.flatMap(Program, ({ platform }) => ClientFiles.machine(platform))

/** `lms-bridge-mcp`, which starts faster; where it is not installed beside us, `lms-bridge serve`. */
const serverStart = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const { file, node } = yield* Program
  const own = yield* Effect.orElseSucceed(fs.realPath(file), () => path.resolve(file))
  const server = path.join(path.dirname(own), "lms-bridge-mcp.js")
  const isThere = yield* Effect.orElseSucceed(fs.exists(server), () => false)
  return { command: node, args: isThere ? [server] : [own, "serve"] }
})

interface Asked extends ClientFiles.Target {
  readonly dryRun: boolean
}

const carryOut = Effect.fnUntraced(function* (
  plan: ClientFiles.ClientPlan,
  asked: Asked,
  words: {
    readonly did: string
    readonly already: string
    readonly undo: boolean
    readonly showsNext: boolean
    readonly variables: ReadonlySet<string>
  }
) {
  const screen = yield* Screen
  const { next, title } = ClientPlaces.rules[plan.client]
  const others = plan.others.map((name) => `The entry "${name}" starts lms-bridge, too; --name ${name} selects it.`)
  if (plan.changes.length === 0) {
    return yield* screen.out(
      [`${title}: "${asked.name}" ${words.already}; nothing was changed in ${plan.path}.`, ...others].join("\n")
    )
  }
  const shown = FileChange.lines(plan, `${title}: ${plan.path}`, words.variables)
  if (asked.dryRun) return yield* screen.out([...shown, "Nothing was written.", ...others].join("\n"))
  const { backup } = yield* ClientFiles.write(plan)
  yield* screen.out(
    [
      ...shown,
      `${words.did} "${asked.name}".${backup === undefined ? "" : ` Copy of the old file: ${backup}`}`,
      ...others,
      ...(words.showsNext ? [next] : []),
      `Undo: ${yield* undo(plan, asked, backup, words.undo)}`
    ].join("\n")
  )
})

/** How to undo it: by the opposite command where that restores the same file, else by the copy. */
const undo = Effect.fnUntraced(function* (
  { path }: ClientFiles.Plan,
  { client, name, scope }: Asked,
  backup: string | undefined,
  byCommand: boolean
) {
  const { platform } = yield* Program
  if (!byCommand && backup !== undefined) {
    return FileChange.undo(platform, backup, path)
  }
  return [
    "lms-bridge uninstall",
    client,
    ...(scope === "user" ? [] : ["--scope", scope]),
    ...(name === defaultName ? [] : ["--name", name])
  ].join(" ")
})
