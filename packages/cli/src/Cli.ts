/**
 * The command line: all commands, their help, and how a failure is reported: in one line and an exit code.
 */
import * as CliConfig from "@effect/cli/CliConfig"
import * as Command from "@effect/cli/Command"
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as ValidationError from "@effect/cli/ValidationError"
import { nearest } from "@lms-bridge/core/McpRegistry"
import { CassetteRecording, CassetteReplay } from "@lms-bridge/core/RunJournal"
import type { Values } from "@lms-bridge/core/Settings"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Complete from "./completion/Complete.ts"
import * as Scripts from "./completion/Scripts.ts"
import * as Arguments from "./options/Arguments.ts"
import * as CommandParts from "./options/CommandParts.ts"
import * as Backup from "./commands/backup/Backup.ts"
import * as Restore from "./commands/backup/Restore.ts"
import * as Chat from "./commands/chat/Chat.ts"
import * as ConfigGet from "./commands/config/ConfigGet.ts"
import * as ConfigLs from "./commands/config/ConfigLs.ts"
import * as ConfigPath from "./commands/config/ConfigPath.ts"
import * as ConfigSchema from "./commands/config/ConfigSchema.ts"
import * as ConfigSet from "./commands/config/ConfigSet.ts"
import * as Doctor from "./commands/Doctor.ts"
import * as Eval from "./commands/eval/Eval.ts"
import * as Init from "./commands/Init.ts"
import * as HostsLs from "./commands/hosts/HostsLs.ts"
import * as Install from "./commands/Install.ts"
import * as McpCall from "./commands/mcp/McpCall.ts"
import * as McpLock from "./commands/mcp/McpLock.ts"
import * as McpLogin from "./commands/mcp/McpLogin.ts"
import * as McpLogout from "./commands/mcp/McpLogout.ts"
import * as McpAdd from "./commands/mcp/McpAdd.ts"
import * as McpImport from "./commands/mcp/McpImport.ts"
import * as McpLs from "./commands/mcp/McpLs.ts"
import * as McpPrompts from "./commands/mcp/McpPrompts.ts"
import * as McpResources from "./commands/mcp/McpResources.ts"
import * as McpTools from "./commands/mcp/McpTools.ts"
import * as ModelsBench from "./commands/models/ModelsBench.ts"
import * as ModelsEstimate from "./commands/models/ModelsEstimate.ts"
import * as ModelsGet from "./commands/models/ModelsGet.ts"
import * as ModelsSearch from "./commands/models/ModelsSearch.ts"
import * as McpTrust from "./commands/mcp/McpTrust.ts"
import * as ModelsLoad from "./commands/models/ModelsLoad.ts"
import * as ModelsLs from "./commands/models/ModelsLs.ts"
import * as ModelsProbe from "./commands/models/ModelsProbe.ts"
import * as ModelsRecommend from "./commands/models/ModelsRecommend.ts"
import * as ModelsPs from "./commands/models/ModelsPs.ts"
import * as ModelsShow from "./commands/models/ModelsShow.ts"
import * as ModelsSwitch from "./commands/models/ModelsSwitch.ts"
import * as ModelsUnload from "./commands/models/ModelsUnload.ts"
import * as Replay from "./commands/runs/Replay.ts"
import * as Run from "./commands/runs/Run.ts"
import * as RunsFollow from "./commands/runs/RunsFollow.ts"
import * as RunsLs from "./commands/runs/RunsLs.ts"
import * as RunsResume from "./commands/runs/RunsResume.ts"
import * as RunsRm from "./commands/runs/RunsRm.ts"
import * as RunsShow from "./commands/runs/RunsShow.ts"
import * as Stats from "./commands/runs/Stats.ts"
import * as Metrics from "./commands/server/Metrics.ts"
import * as Serve from "./commands/server/Serve.ts"
import * as ServerStart from "./commands/server/ServerStart.ts"
import * as ServerStatus from "./commands/server/ServerStatus.ts"
import * as ServerStop from "./commands/server/ServerStop.ts"
import * as Simulate from "./commands/server/Simulate.ts"
import * as Ui from "./commands/server/Ui.ts"
import { ExitCode, isEnded, ofFailure, UsageError, type Failure } from "./ExitCode.ts"
import * as Approve from "./commands/cluster/Approve.ts"
import * as HostsDrain from "./commands/cluster/HostsDrain.ts"
import * as RunsCancel from "./commands/cluster/RunsCancel.ts"
import * as Submit from "./commands/cluster/Submit.ts"
import * as Worker from "./commands/cluster/Worker.ts"
import type * as SharedRuns from "./SharedRuns.ts"
import * as Help from "./views/Help.ts"
import { Screen } from "./terminal/Screen.ts"
import * as ShownRun from "./views/ShownRun.ts"
import type * as StandIn from "./StandIn.ts"
import { version } from "./version.ts"
import * as Words from "./views/Words.ts"

export interface Need {
  readonly standIn: StandIn.Mode
  /** A person is watching: only warnings and errors are logged, unless configured otherwise. */
  readonly watched: boolean
  /** Where a database is set, for the runs of several machines: as one who hands runs in, or as one who carries them out. */
  readonly shared?: SharedRuns.Role
  /** From --log-level, which overrides the configuration. */
  readonly logLevel: Values["logLevel"] | undefined
}

/** The services of a command: built when it runs, never for help or a usage error. */
export type Services<E, R> = (need: Need) => Layer.Layer<StandIn.Services, E, R>

/**
 * Runs a command line (without the program's name), prints the result or the failure, and returns the exit code. An end by a
 * signal is said, unless it is the usual one.
 */
export const make =
  <E extends Failure & { readonly message: string }, R>(services: Services<E, R>, endsAsUsual = () => false) =>
  (args: ReadonlyArray<string>) =>
    Effect.flatMap(Ref.make(false), (printed) =>
      Effect.onInterrupt(carriedOut(services, args, printed), () =>
        endsAsUsual() ? Effect.void : Effect.flatMap(Screen, (screen) => screen.err("Interrupted."))
      )
    )

const carriedOut = <E extends Failure & { readonly message: string }, R>(
  services: Services<E, R>,
  args: ReadonlyArray<string>,
  printed: Ref.Ref<boolean>
) =>
  Effect.gen(function* () {
    const screen = yield* Screen
    if (args[0] === "complete") {
      const words = args.slice(args[1] === "--" ? 2 : 1)
      const usual = services({ logLevel: "none", standIn: "never", watched: true })
      const found = yield* Complete.lines(commandsWithParts(), words, (names) =>
        Effect.scoped(Effect.flatMap(Layer.build(usual), (built) => Effect.provide(names, built)))
      )
      if (found.length > 0) yield* screen.out(found.join("\n"))
      return ExitCode.done as number
    }
    if (args[0] === ModelsBench.toolsCommand && args[1] !== undefined) {
      const { serveBench } = yield* Effect.promise(() => import("@lms-bridge/mcp-server/serveBench"))
      yield* serveBench(args[1])
      return ExitCode.done as number
    }
    const { args: line, logLevel, path } = yield* Arguments.normalize(catalogue, args)
    if (path.length === 0 && line.includes("--completions")) {
      const wanted = line[line.indexOf("--completions") + 1]
      const shell = Scripts.shells.find((one) => one === wanted)
      if (shell === undefined) {
        const problem = `--completions is "${wanted}", but must be one of ${Scripts.shells.join(", ")}.`
        return yield* new UsageError({ problem })
      }
      yield* screen.out(Scripts.of(shell).trimEnd())
      return ExitCode.done as number
    }
    if (path.length === 0 && (line.length === 0 || line.includes("--help") || line.includes("-h"))) {
      yield* screen.out(Help.overview(catalogue, screen.columns))
      return ExitCode.done as number
    }
    const page = asksForHelp(line) ? catalogue.find((entry) => entry.path.join(" ") === path.join(" ")) : undefined
    if (page !== undefined) {
      yield* screen.out(Help.page(page, catalogue, screen.columns))
      return ExitCode.done as number
    }
    yield* parser((need) => services({ logLevel, ...need }))(["node", "lms-bridge", ...line]).pipe(
      Effect.mapError((error) => (ValidationError.isValidationError(error) ? usageError(error, path, line) : error))
    )
    return ExitCode.done as number
  }).pipe(
    Effect.updateService(Screen, (screen) => ({
      ...screen,
      out: (text: string) => Effect.zipRight(Ref.set(printed, true), screen.out(text))
    })),
    Effect.catchAll((failure) =>
      Effect.flatMap(Ref.get(printed), (hasResult) => report(failure, !hasResult && wantsJson(args)))
    ),
    Effect.provideService(CliConfig.CliConfig, cliConfig)
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const cliConfig = CliConfig.make({ showBuiltIns: false })

type Members = Parameters<typeof Command.withSubcommands>[1]

const group = <Name extends string, const M extends Members>(name: Name, description: string, members: M) => ({
  command: Command.make(name).pipe(Command.withDescription(description), Command.withSubcommands(members)),
  members
})

const groups = {
  runs: group("runs", "Kept runs: list and show them, continue one, or follow up on one.", [
    RunsLs.command,
    RunsShow.command,
    RunsResume.command,
    RunsFollow.command,
    RunsCancel.command,
    RunsRm.command
  ]),
  models: group("models", "Models on disk and in memory: list and show them, load, unload, try, download.", [
    ModelsLs.command,
    ModelsShow.command,
    ModelsPs.command,
    ModelsLoad.load,
    ModelsLoad.ensure,
    ModelsUnload.command,
    ModelsEstimate.command,
    ModelsProbe.command,
    ModelsBench.command,
    ModelsRecommend.command,
    ModelsSwitch.command,
    ModelsSearch.command,
    ModelsGet.command
  ]),
  hosts: group("hosts", "Several LM Studios, or the machines of a database: list them, drain and resume a machine.", [
    HostsLs.command,
    HostsDrain.drain,
    HostsDrain.resume
  ]),
  server: group("server", "LM Studio's own server: status, start, stop.", [
    ServerStatus.command,
    ServerStart.command,
    ServerStop.command
  ]),
  mcp: group("mcp", "Your MCP servers: list what they offer, call tools, lock tools, log in.", [
    McpLs.command,
    McpAdd.add,
    McpAdd.remove,
    McpImport.command,
    McpTools.command,
    McpCall.command,
    McpLock.command,
    McpTrust.command,
    McpResources.command,
    McpPrompts.command,
    McpLogin.command,
    McpLogout.command
  ]),
  config: group("config", "Your settings: list, get and set them, and where they are.", [
    ConfigLs.command,
    ConfigGet.command,
    ConfigSet.set,
    ConfigSet.unset,
    ConfigPath.command,
    ConfigSchema.command
  ])
} as const

/** Records what the loop receives. */
const recorded = <E, R>(record: Option.Option<string>, services: Layer.Layer<StandIn.Services, E, R>) =>
  Option.match(record, {
    onNone: () => services,
    onSome: (file) => CassetteRecording.layer(file).pipe(Layer.provideMerge(services))
  })

/** Replays a recording to the loop. */
const played = <E, R>(file: string, services: Layer.Layer<StandIn.Services, E, R>) =>
  CassetteReplay.loop(file).pipe(Layer.provideMerge(services), Layer.merge(Layer.succeed(ShownRun.RunsAreKept, false)))

/** All commands in the order of the help, each with its services. */
const program = <E, R>(services: (need: Omit<Need, "logLevel">) => Layer.Layer<StandIn.Services, E, R>) => {
  const usual = services({ standIn: "never", watched: true })
  const front = services({ standIn: "never", watched: true, shared: "front" })
  return [
    Run.command.pipe(Command.provide(({ record, standIn }) => recorded(record, services({ standIn, watched: true })))),
    Chat.command.pipe(Command.provide(({ standIn }) => services({ standIn, watched: true }))),
    groups.runs.command.pipe(Command.provide(front)),
    Submit.command.pipe(Command.provide(front)),
    Approve.command.pipe(Command.provide(front)),
    Worker.command.pipe(Command.provide(services({ standIn: "never", watched: false, shared: "worker" }))),
    Stats.command.pipe(Command.provide(front)),
    Replay.command.pipe(Command.provide(({ file }) => played(file, usual))),
    Eval.command.pipe(Command.provide(({ standIn }) => services({ standIn, watched: true }))),
    groups.models.command.pipe(Command.provide(usual)),
    groups.hosts.command.pipe(Command.provide(front)),
    groups.server.command.pipe(Command.provide(usual)),
    groups.mcp.command.pipe(Command.provide(usual)),
    groups.config.command,
    Init.command.pipe(Command.provide(usual)),
    Doctor.command.pipe(Command.provide(usual)),
    Serve.command.pipe(Command.provide(services({ standIn: "never", watched: false, shared: "front" }))),
    Metrics.command.pipe(Command.provide(usual)),
    Ui.command.pipe(Command.provide(usual)),
    Backup.command.pipe(Command.provide(usual)),
    Restore.command.pipe(Command.provide(usual)),
    Install.install,
    Install.uninstall,
    Simulate.command
  ] as const
}

const parser = <E, R>(services: (need: Omit<Need, "logLevel">) => Layer.Layer<StandIn.Services, E, R>) =>
  Command.make("lms-bridge").pipe(
    Command.withSubcommands(program(services)),
    Command.run({ name: "lms-bridge", version, executable: "lms-bridge" })
  )

const nameOf = (command: Members[number]): string => Chunk.unsafeHead(Chunk.fromIterable(Command.getNames(command)))

const entry = (path: ReadonlyArray<string>, command: Members[number]): Help.Entry => ({
  path,
  usage: Command.getUsage(command),
  help: Command.getHelp(command, cliConfig)
})

const membersOf = (name: string): ReadonlyArray<Members[number]> =>
  Object.entries(groups).find(([group]) => group === name)?.[1].members ?? []

/** For the help and for reading the line; builds no services. */
const catalogue: ReadonlyArray<Help.Entry> = [
  { path: [], usage: { _tag: "Empty" }, help: HelpDoc.empty },
  ...program(() => Layer.die("the help needs no services")).flatMap((command: Members[number]) => {
    const name = nameOf(command)
    return [entry([name], command), ...membersOf(name).map((member) => entry([name, nameOf(member)], member))]
  })
]

/** The path of every command and group. */
export const commands: ReadonlyArray<ReadonlyArray<string>> = catalogue
  .map(({ path }) => path)
  .filter((path) => path.length > 0)

/** For completions; read when they are asked for. */
const commandsWithParts = () => catalogue.map((entry) => ({ path: entry.path, ...CommandParts.of(entry) }))

/** Words after `--` are arguments. */
const asksForHelp = (line: ReadonlyArray<string>) => {
  const end = line.indexOf("--")
  const options = end === -1 ? line : line.slice(0, end)
  return options.some((word, index) => (word === "--help" || word === "-h") && options[index + 1] === "true")
}

/** A parse error of `@effect/cli` as one sentence that points to the help. */
const usageError = (
  error: ValidationError.ValidationError,
  path: ReadonlyArray<string>,
  line: ReadonlyArray<string>
): UsageError => {
  const told = Words.oneLine(Words.withoutStyle(HelpDoc.toAnsiText(error.error)))
  const problem = withWrongWord(told.replace("one of the following cases:", "one of"), path, line)
  const sentence = /[.!?]$/.test(problem) ? problem : `${problem}.`
  const words = line.slice(line.indexOf("--") + 1)
  const hint =
    path[0] === "run" && words.length > 1 && /unknown argument/.test(problem)
      ? ` Put the task in quotes: lms-bridge run "${Words.oneLine(words.join(" "), 60)}".`
      : ""
  return new UsageError({ problem: `${sentence}${hint} See \`${["lms-bridge", ...path, "--help"].join(" ")}\`.` })
}

/** `@effect/cli` lists the words that are allowed, and not the one that was given. */
const withWrongWord = (problem: string, path: ReadonlyArray<string>, line: ReadonlyArray<string>): string => {
  const allowed = /^Expected one of (.+?)\.?$/.exec(problem)?.[1]
  if (allowed === undefined) return problem
  const choices = allowed.split(", ")
  const given = line.filter((word) => !word.startsWith("-") && !path.includes(word) && !choices.includes(word))
  const wrong = given.find((word) => nearest(word, choices).length > 0) ?? (given.length === 1 ? given[0] : undefined)
  if (wrong === undefined) return problem
  const [meant] = nearest(wrong, choices)
  return `"${Words.oneLine(wrong, 40)}" is not one of ${allowed}.${meant === undefined ? "" : ` Did you mean ${meant}?`}`
}

/** `asJson`: who asked for JSON has got none yet, and gets the failure in that form, too. */
const report = Effect.fnUntraced(function* (failure: Failure & { readonly message: string }, asJson: boolean) {
  if (isEnded(failure)) return failure.code
  const code = ofFailure(failure)
  // the reader has closed the output, and knows it
  if (code === ExitCode.outputClosed) return code
  const screen = yield* Screen
  for (const line of failure.message.split("\n")) yield* screen.err(`lms-bridge: ${Words.oneLine(line)}`)
  if (asJson) {
    const error = { tag: failure._tag, message: failure.message, exitCode: code }
    yield* Effect.ignore(screen.out(encodeError({ error })))
  }
  return code
})

/** Words after `--` are arguments. */
const wantsJson = (args: ReadonlyArray<string>) => {
  const end = args.indexOf("--")
  return (end === -1 ? args : args.slice(0, end)).some((word) => word === "--json" || word === "--json=true")
}

const encodeError = Schema.encodeSync(
  Schema.parseJson(
    Schema.Struct({
      error: Schema.Struct({ tag: Schema.String, message: Schema.String, exitCode: Schema.Int })
    })
  )
)
