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
import { ClientFiles, ClientPlaces, ClientRules } from "@lms-bridge/core/McpConfig"
import { present } from "@lms-bridge/core/Json"
import { table } from "@lms-bridge/core/Settings"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as SharedOptions from "../options/SharedOptions.ts"
import { UsageError } from "../ExitCode.ts"
import { Program } from "../Program.ts"
import { Screen } from "../terminal/Screen.ts"
import * as Delegation from "./Delegation.ts"
import * as FileChange from "../views/FileChange.ts"
import * as Table from "../views/Table.ts"

const defaultName = "lms-bridge"

const client = Args.choice(
  ClientRules.Client.literals.map((client) => [client, client] as const),
  { name: "CLIENT" }
)

const options = {
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

export const install = Command.make("install", {
  client: client.pipe(
    Args.withDescription("The program that shall use lms-bridge. Without one, those on this machine are listed."),
    Args.optional
  ),
  ...options,
  env,
  delegate: Options.boolean("delegate").pipe(
    Options.withDescription(
      "Add a skill and a subagent, which tell the client when and how to hand work to the local model."
    )
  ),
  list: Options.boolean("list").pipe(Options.withDescription("List the clients, and whether lms-bridge is in them.")),
  json: SharedOptions.json("Print the list as JSON.")
}).pipe(
  Command.withDescription("Add lms-bridge to an MCP client's configuration, and keep a copy of the old file."),
  Command.withHandler(
    Effect.fnUntraced(function* ({ client: named, delegate, env, json, list, ...asked }) {
      const screen = yield* Screen
      const machine = yield* thisMachine
      if (list || Option.isNone(named)) return yield* listed(machine, asked.scope, json)
      if (json)
        return yield* new UsageError({ problem: "--json is for the list of clients. Leave out CLIENT, or --json." })
      yield* refuseUnusable(env)
      const target = { ...asked, client: named.value }
      const beside = delegate ? yield* Delegation.planned(machine, target) : []
      const shell = yield* ofShell
      const plan = yield* ClientFiles.planInstall(machine, target, { ...(yield* serverStart), env, usual: shell.usual })
      const did = plan.present ? "Changed" : "Added"
      yield* carryOut(plan, target, {
        did,
        already: "is already there",
        undo: !plan.present,
        notes: notesOn(plan, env, shell),
        next: ClientRules.rules[plan.client].next,
        variables: new Set([...Object.keys(env), ...Object.keys(shell.usual)])
      })
      if (delegate) yield* screen.out((yield* Delegation.written(target, beside)).join("\n"))
    })
  )
)

export const uninstall = Command.make("uninstall", { client, ...options }).pipe(
  Command.withDescription("Remove lms-bridge from an MCP client's configuration, and keep a copy of the old file."),
  Command.withHandler(
    Effect.fnUntraced(function* (asked) {
      const screen = yield* Screen
      const machine = yield* thisMachine
      const plan = yield* ClientFiles.planUninstall(machine, asked)
      yield* carryOut(plan, asked, {
        did: "Removed",
        already: "is not there",
        undo: false,
        notes: [],
        next: ClientRules.rules[plan.client].gone,
        variables: new Set()
      })
      const beside = yield* Delegation.removed(machine, asked)
      if (beside.length > 0) yield* screen.out(beside.join("\n"))
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

/** The server does not start with a value that it cannot use. */
const refuseUnusable = (env: Readonly<Record<string, string>>) =>
  Effect.forEach(Object.entries(env), ([name, value]) => {
    const setting = Object.values(table).find(({ variable }) => variable === name)
    return setting === undefined || value === "" || isReference(value) || setting.decode(value)._tag === "Some"
      ? Effect.void
      : new UsageError({
          problem: `The server would not start with this --env: ${name} must be ${setting.allowed}. Nothing was changed.`
        })
  })

/** A variable of the client: `${NAME}`, `${env:NAME}`, `{env:NAME}`. */
const isReference = (value: string) => /^\$?\{[^}]+\}$/.test(value)

interface Shell {
  /** Variables that say where LM Studio and the servers are. */
  readonly usual: Readonly<Record<string, string>>
  /** The names of tokens that are set. */
  readonly secret: ReadonlyArray<string>
}

/** What this shell has set and the client, which starts elsewhere, would not know. */
const ofShell = Effect.gen(function* () {
  const path = yield* Path.Path
  const valueOf = (name: string) =>
    Effect.map(Effect.option(Config.string(name)), (value) => Option.getOrElse(value, () => "").trim())
  const places = Object.values(table).map(({ variable }) => variable)
  const usual: Record<string, string> = {}
  for (const name of places.filter((name) => name.startsWith("LMSTUDIO_") && !secrets.includes(name))) {
    const value = yield* valueOf(name)
    if (value !== "") usual[name] = value
  }
  const file = yield* valueOf(table.mcpJsonPath.variable)
  if (file !== "") usual[table.mcpJsonPath.variable] = /^~(?=$|[\\/])/.test(file) ? file : path.resolve(file)
  const secret = yield* Effect.filter(secrets, (name) => Effect.map(valueOf(name), (value) => value !== ""))
  return { usual, secret } satisfies Shell
})

const secrets = [table.apiToken.variable, table.githubToken.variable]

const notesOn = (
  { client, variables }: ClientFiles.ClientPlan,
  env: Readonly<Record<string, string>>,
  { secret, usual }: Shell
): ReadonlyArray<string> => {
  const { reference, title } = ClientRules.rules[client]
  const open = Object.keys(usual).filter((name) => env[name] === undefined)
  const taken = open.filter((name) => variables[name] === undefined)
  const other = open.filter((name) => variables[name] !== undefined && variables[name] !== usual[name])
  const left = secret.filter((name) => env[name] === undefined && variables[name] === undefined)
  return [
    ...(taken.length === 0 ? [] : [`From this shell: ${taken.join(", ")}.`]),
    ...other.map(
      (name) => `${name} stays as the entry has it; this shell has another value (--env ${name}=… sets it).`
    ),
    ...left.map(
      (name) =>
        `${name} is set in this shell and was not copied. Pass it on with --env ${name}=…, which writes it into the file${
          reference === undefined ? "." : `, or with --env '${name}=${reference(name)}', which ${title} looks up.`
        }`
    )
  ]
}

/** Every client, with what is there of it. */
const listed = Effect.fnUntraced(function* (machine: ClientPlaces.Machine, scope: ClientPlaces.Scope, asJson: boolean) {
  const screen = yield* Screen
  const clients = yield* ClientFiles.found(machine, scope)
  if (asJson) {
    return yield* screen.out(
      encodeList(
        clients.map(({ client, problem, ...one }) => ({
          client,
          title: ClientRules.rules[client].title,
          ...one,
          ...present({ problem })
        }))
      )
    )
  }
  const state = ({ entries, isHere, problem }: ClientFiles.Found) =>
    problem !== undefined
      ? "cannot be read"
      : entries.length > 0
        ? `installed as ${entries.join(", ")}`
        : isHere
          ? "here"
          : ""
  yield* screen.out(
    Table.render(
      ["CLIENT", "PROGRAM", "STATE", "FILE"],
      clients
        .toSorted((one, other) => Number(other.isHere) - Number(one.isHere))
        .map((one) => [one.client, ClientRules.rules[one.client].title, state(one), one.path]),
      screen.columns
    )
  )
  for (const { problem } of clients) if (problem !== undefined) yield* screen.err(problem)
  yield* screen.err("Add it to one with `lms-bridge install CLIENT`.")
})

const encodeList = Schema.encodeSync(
  Schema.parseJson(
    Schema.Array(
      Schema.Struct({
        client: Schema.String,
        title: Schema.String,
        path: Schema.String,
        /** Whether the client seems to be on this machine. */
        isHere: Schema.Boolean,
        /** The entries that start lms-bridge. */
        entries: Schema.Array(Schema.String),
        problem: Schema.optionalWith(Schema.String, { exact: true })
      })
    )
  )
)

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
    readonly notes: ReadonlyArray<string>
    readonly next: string
    readonly variables: ReadonlySet<string>
  }
) {
  const screen = yield* Screen
  const { title } = ClientRules.rules[plan.client]
  const others = plan.others.map((name) => `The entry "${name}" starts lms-bridge, too; --name ${name} selects it.`)
  if (plan.changes.length === 0) {
    return yield* screen.out(
      [
        `${title}: "${asked.name}" ${words.already}; nothing was changed in ${plan.path}.`,
        ...words.notes,
        ...others
      ].join("\n")
    )
  }
  const shown = FileChange.lines(plan, `${title}: ${plan.path}`, words.variables)
  if (asked.dryRun) return yield* screen.out([...shown, "Nothing was written.", ...words.notes, ...others].join("\n"))
  const { backup } = yield* ClientFiles.write(plan)
  yield* screen.out(
    [
      ...shown,
      `${words.did} "${asked.name}".${backup === undefined ? "" : ` Copy of the old file: ${backup}`}`,
      ...words.notes,
      ...others,
      words.next,
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
