/**
 * `init`: makes an mcp.json where there is none, takes over servers of MCP clients or adds well-known ones if wanted, and
 * says what is here and what to do next. Doing it again changes nothing.
 */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { type PresetName, Presets } from "@lms-bridge/core/AgentLoop"
import { ClientFiles, ClientRules, type Imports } from "@lms-bridge/core/McpConfig"
import { McpRegistry, type ServerSummary } from "@lms-bridge/core/McpRegistry"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as SharedOptions from "../options/SharedOptions.ts"
import { Program } from "../Program.ts"
import * as Palette from "../views/Palette.ts"
import { Screen } from "../terminal/Screen.ts"
import * as Diagnosis from "../views/Diagnosis.ts"
import * as Words from "../views/Words.ts"
import * as Doctor from "./Doctor.ts"
import * as ImportReport from "./mcp/ImportReport.ts"
import * as McpImport from "./mcp/McpImport.ts"
import * as OwnFile from "./mcp/OwnFile.ts"

const presets: Readonly<Record<string, PresetName>> = { files: "filesystem", memory: "memory", fetch: "fetch" }

export const command = Command.make("init", {
  takeOver: Options.boolean("import").pipe(
    Options.withDescription("Take over the servers that your MCP clients have, as `mcp import` does.")
  ),
  preset: Options.choice("preset", Object.keys(presets)).pipe(
    Options.withDescription("Add this well-known server: files of the folder you work in, a memory, web pages."),
    Options.repeated
  ),
  yes: Options.boolean("yes").pipe(Options.withDescription("Ask nothing, as where nobody can be asked.")),
  json: SharedOptions.json("Print the result as JSON.")
}).pipe(
  Command.withDescription(
    "Make an mcp.json where there is none, find LM Studio and your MCP clients, and say what to do next."
  ),
  Command.withHandler(
    Effect.fnUntraced(function* ({ json, preset, takeOver, yes }) {
      const screen = yield* Screen
      const isAsked = !yes && !json && Option.isSome(screen.ask)
      const file = yield* OwnFile.place("used")
      const before = yield* OwnFile.used
      const { choice, there } = yield* McpImport.chosen(file, { names: [], from: [], force: false, secrets: false })
      const takes = takeOver || (isAsked && choice.taken.length > 0 && (yield* wantsImport(file, choice.taken)))
      const taken = takes ? choice.taken : []
      const isBare = isAsked && preset.length === 0 && taken.length === 0 && before.length === 0
      const names = isBare ? yield* askedPresets : preset
      const wellKnown = yield* serversOf(names, new Set([...there.keys(), ...taken.map(({ offer }) => offer.name)]))

      const servers = [...taken.map(({ entry, offer }) => ({ name: offer.name, entry })), ...wellKnown]
      const plan =
        servers.length === 0
          ? yield* ClientFiles.planNew(file)
          : yield* ClientFiles.planAdd(file, { force: false, servers })
      if (plan.changes.length > 0) yield* ClientFiles.write(plan)

      yield* screen.status("checking")
      const found = yield* Effect.ensuring(
        findings({ file, before, taken, servers, isNew: plan.changes.length > 0 && plan.before === undefined }),
        screen.status("")
      )
      if (json) {
        return yield* screen.out(encode({ ...found, file, added: servers.map(({ name }) => name) }))
      }
      const palette = screen.stdoutIsTerminal ? Palette.of(screen) : Palette.plain
      yield* screen.out(`${Doctor.render(found.findings, palette)}\n\nNext: ${found.next}`)
    })
  )
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const Result = Schema.Struct({
  /** The mcp.json. */
  file: Schema.String,
  /** Whether it was made now. */
  made: Schema.Boolean,
  /** The servers that were added to it now. */
  added: Schema.Array(Schema.String),
  /** All servers that a run can use. */
  servers: Schema.Array(Schema.String),
  findings: Schema.Array(Diagnosis.Finding),
  /** What to do next. */
  next: Schema.String
})

const encode = Schema.encodeSync(Schema.parseJson(Result))

const wantsImport = Effect.fnUntraced(function* (file: string, taken: ReadonlyArray<Imports.Taken>) {
  const { ask } = yield* Screen
  if (Option.isNone(ask)) return false
  const count = Words.count(taken.length, "server")
  const names = taken.map(({ offer }) => offer.name).join(", ")
  return yield* ask.value(
    `${ImportReport.clientsOf(taken)}: ${count} (${Words.oneLine(names, 80)}). Take over into ${file}? [y/N]`
  )
})

/** Asks again until the answer can be used. */
const askedPresets: Effect.Effect<ReadonlyArray<string>, never, Screen> = Effect.gen(function* () {
  const { err, prompt } = yield* Screen
  if (Option.isNone(prompt)) return []
  const answer = yield* prompt.value(
    "You have no MCP server yet. Add well-known ones: files (of the folder you work in), memory, fetch (web pages)? [none]"
  )
  const words = Option.getOrElse(answer, () => "")
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((word) => word !== "" && word !== "none" && word !== "no" && word !== "n")
  const wrong = words.find((word) => presets[word] === undefined)
  if (wrong === undefined) return words
  yield* err(`There is no "${Words.oneLine(wrong, 40)}". Type some of: ${Object.keys(presets).join(" ")}.`)
  return yield* askedPresets
})

/** The entries of well-known servers, without those that the user has in any form. */
const serversOf = Effect.fnUntraced(function* (names: ReadonlyArray<string>, taken: ReadonlySet<string>) {
  const service = yield* Presets
  const path = yield* Path.Path
  const folder = path.resolve()
  const wanted = [...new Set(names)].flatMap((name) => presets[name] ?? [])
  const uses = yield* Effect.forEach(wanted, (name) => service.use(name, { folders: [folder] }))
  return uses
    .flatMap(({ task }) => task.definedServers ?? [])
    .flatMap(({ name, startMillis, ...server }): ReadonlyArray<ClientFiles.Server> => {
      if (taken.has(name)) return []
      const entry = {
        ...server,
        // wherever lms-bridge is started
        ...("args" in server ? { args: server.args?.map((arg) => (arg === folder ? "${workspaceFolder}" : arg)) } : {}),
        ...(startMillis === undefined ? {} : { startTimeout: startMillis })
      }
      return [{ name, entry }]
    })
})

interface Done {
  readonly file: string
  readonly before: ReadonlyArray<ServerSummary>
  readonly taken: ReadonlyArray<Imports.Taken>
  readonly servers: ReadonlyArray<ClientFiles.Server>
  /** Whether the file was made. */
  readonly isNew: boolean
}

const findings = Effect.fnUntraced(function* ({ before, file, isNew, servers, taken }: Done) {
  const { platform } = yield* Program
  const [lmStudio, clients, variables, notes, used, candidates] = yield* Effect.all([
    Diagnosis.lmStudio,
    Effect.flatMap(ClientFiles.machine(platform), (machine) => ClientFiles.found(machine, "user")),
    ImportReport.states(taken),
    OwnFile.consequences(file, before),
    OwnFile.used,
    Effect.flatMap(McpRegistry, (registry) => registry.candidates)
  ])
  const added = servers.length === 0 ? "" : `, with ${servers.map(({ name }) => name).join(", ")}`
  const isThere = isNew ? `${file} was made${added}` : `${file} ${added === "" ? "is there" : `was changed${added}`}`
  const usable = used.filter(({ state }) => state === "usable")
  const sources = [...new Set(usable.map(({ source }) => source))].map((source) => {
    const names = usable.flatMap((server) => (server.source === source ? [server.name] : []))
    const origin = candidates.find(({ path }) => path === source)?.origin
    const whose = source === file || origin === undefined ? "" : ` of ${origin}`
    return Diagnosis.ok("servers", `${Words.count(names.length, "server")}${whose} can be used: ${names.join(", ")}`)
  })
  const missing = variables.flatMap(({ name, state }) => (state === "missing" ? [name] : []))
  const here = clients.filter(({ isHere }) => isHere)
  const has = here.filter(({ entries }) => entries.length > 0)
  const without = here.find(({ entries, problem }) => entries.length === 0 && problem === undefined)
  const all: ReadonlyArray<Diagnosis.Finding> = [
    ...lmStudio,
    Diagnosis.ok("mcp.json", isThere),
    ...notes.map((note) => Diagnosis.notice("mcp.json", note)),
    ...(missing.length === 0
      ? []
      : [
          Diagnosis.notice(
            "mcp.json",
            `the servers need variables that are not set here: ${missing.join(", ")}`,
            variables.some(({ secret, state }) => secret && state === "missing")
              ? "Set them where lms-bridge starts, or copy the secrets with `lms-bridge mcp import --with-secrets --force`."
              : "Set them where lms-bridge starts."
          )
        ]),
    ...sources,
    ...used.flatMap(({ name, problem, state }) =>
      state === "missing" || state === "invalid"
        ? [Diagnosis.notice("servers", Words.oneLine(problem ?? `${name} cannot be used`))]
        : []
    ),
    ...(used.length > 0
      ? []
      : [Diagnosis.notice("servers", "there are none", "`lms-bridge mcp add NAME -- COMMAND` adds one.")]),
    ...here.map(({ client, entries, problem }) =>
      problem !== undefined
        ? Diagnosis.notice("clients", Words.oneLine(problem))
        : entries.length > 0
          ? Diagnosis.ok("clients", `${ClientRules.rules[client].title} has lms-bridge`)
          : Diagnosis.notice(
              "clients",
              `${ClientRules.rules[client].title} is here, and has no lms-bridge`,
              `\`lms-bridge install ${client}\` adds it.`
            )
    )
  ]
  const isBroken = lmStudio.some(({ level }) => level === "problem")
  const next = isBroken
    ? "start LM Studio, then `lms-bridge doctor` says whether all is well"
    : has.length === 0 && without !== undefined
      ? `\`lms-bridge install ${without.client}\``
      : `\`lms-bridge run "What can you do with your tools?" ${usable.length > 0 ? "--all-mcps" : "--files ."}\``
  return { made: isNew, servers: usable.map(({ name }) => name), findings: all, next }
})
