/**
 * The command line as a whole: all commands, their help, and how every failure ends: in one line and one exit code.
 */
import * as CliConfig from "@effect/cli/CliConfig"
import * as Command from "@effect/cli/Command"
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as ValidationError from "@effect/cli/ValidationError"
import { CassetteRecording, CassetteReplay } from "@lms-bridge/core/RunJournal"
import type { Values } from "@lms-bridge/core/Settings"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Arguments from "./options/Arguments.ts"
import * as Doctor from "./commands/Doctor.ts"
import * as Install from "./commands/Install.ts"
import * as McpCall from "./commands/mcp/McpCall.ts"
import * as McpLock from "./commands/mcp/McpLock.ts"
import * as McpLogin from "./commands/mcp/McpLogin.ts"
import * as McpLogout from "./commands/mcp/McpLogout.ts"
import * as McpLs from "./commands/mcp/McpLs.ts"
import * as McpPrompts from "./commands/mcp/McpPrompts.ts"
import * as McpResources from "./commands/mcp/McpResources.ts"
import * as McpTools from "./commands/mcp/McpTools.ts"
import * as ModelsEstimate from "./commands/models/ModelsEstimate.ts"
import * as ModelsGet from "./commands/models/ModelsGet.ts"
import * as McpTrust from "./commands/mcp/McpTrust.ts"
import * as ModelsLoad from "./commands/models/ModelsLoad.ts"
import * as ModelsLs from "./commands/models/ModelsLs.ts"
import * as ModelsPs from "./commands/models/ModelsPs.ts"
import * as ModelsUnload from "./commands/models/ModelsUnload.ts"
import * as Replay from "./commands/runs/Replay.ts"
import * as Run from "./commands/runs/Run.ts"
import * as RunsFollow from "./commands/runs/RunsFollow.ts"
import * as RunsLs from "./commands/runs/RunsLs.ts"
import * as RunsResume from "./commands/runs/RunsResume.ts"
import * as RunsRm from "./commands/runs/RunsRm.ts"
import * as RunsShow from "./commands/runs/RunsShow.ts"
import * as Serve from "./commands/server/Serve.ts"
import * as ServerStart from "./commands/server/ServerStart.ts"
import * as ServerStatus from "./commands/server/ServerStatus.ts"
import * as ServerStop from "./commands/server/ServerStop.ts"
import * as Simulate from "./commands/server/Simulate.ts"
import { Ended, ExitCode, ofFailure, UsageError, type Failure } from "./ExitCode.ts"
import * as Help from "./views/Help.ts"
import { Screen } from "./terminal/Screen.ts"
import * as ShownRun from "./views/ShownRun.ts"
import type * as StandIn from "./StandIn.ts"
import { version } from "./version.ts"
import * as Words from "./views/Words.ts"

export interface Need {
  readonly standIn: StandIn.Mode
  /** A person watches: only what is worth their eye is logged, unless configuration says otherwise. */
  readonly watched: boolean
  /** From --log-level, which wins over configuration. */
  readonly logLevel: Values["logLevel"] | undefined
}

/** The services that a command works with: built when it runs, never for help or a usage error. */
export type Services<E, R> = (need: Need) => Layer.Layer<StandIn.Services, E, R>

/**
 * Runs a command line (without the program's own name), says what there is to say and returns the exit code.
 */
export const make =
  <E extends Failure & { readonly message: string }, R>(services: Services<E, R>) =>
  (args: ReadonlyArray<string>) =>
    Effect.gen(function* () {
      const { args: line, logLevel, path } = yield* Arguments.normalize(catalogue, args)
      if (path.length === 0 && (line.length === 0 || line.includes("--help") || line.includes("-h"))) {
        yield* Effect.flatMap(Screen, (screen) => screen.out(Help.overview(catalogue)))
        return ExitCode.done as number
      }
      const page = asksForHelp(line) ? catalogue.find((entry) => entry.path.join(" ") === path.join(" ")) : undefined
      if (page !== undefined) {
        const isGroup = catalogue.some((entry) => entry.path.length > path.length && entry.path[0] === path[0])
        yield* Effect.flatMap(Screen, (screen) => screen.out(Help.page(page, isGroup)))
        return ExitCode.done as number
      }
      yield* parser((need) => services({ logLevel, ...need }))(["node", "lms-bridge", ...line]).pipe(
        Effect.mapError((error) => (ValidationError.isValidationError(error) ? usageError(error, path, line) : error))
      )
      return ExitCode.done as number
    }).pipe(
      Effect.catchAll(report),
      Effect.onInterrupt(() => Effect.flatMap(Screen, (screen) => screen.err("Interrupted."))),
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
  runs: group("runs", "Runs that are kept: what was done, going on with them, asking further.", [
    RunsLs.command,
    RunsShow.command,
    RunsResume.command,
    RunsFollow.command,
    RunsRm.command
  ]),
  models: group("models", "Models on disk and in memory, loading and unloading.", [
    ModelsLs.command,
    ModelsPs.command,
    ModelsLoad.load,
    ModelsLoad.ensure,
    ModelsUnload.command,
    ModelsEstimate.command,
    ModelsGet.command
  ]),
  server: group("server", "LM Studio's own server.", [ServerStatus.command, ServerStart.command, ServerStop.command]),
  mcp: group("mcp", "Your MCP servers, what they offer, calls by hand, locks and logins.", [
    McpLs.command,
    McpTools.command,
    McpCall.command,
    McpLock.command,
    McpTrust.command,
    McpResources.command,
    McpPrompts.command,
    McpLogin.command,
    McpLogout.command
  ])
} as const

/** The loop writes down what it hears. */
const recorded = <E, R>(record: Option.Option<string>, services: Layer.Layer<StandIn.Services, E, R>) =>
  Option.match(record, {
    onNone: () => services,
    onSome: (file) => CassetteRecording.layer(file).pipe(Layer.provideMerge(services))
  })

/** The loop hears what was written down. */
const played = <E, R>(file: string, services: Layer.Layer<StandIn.Services, E, R>) =>
  CassetteReplay.loop(file).pipe(Layer.provideMerge(services), Layer.merge(Layer.succeed(ShownRun.RunsAreKept, false)))

/** All commands, in the order of the help, each over the services that it works with. */
const program = <E, R>(services: (need: Omit<Need, "logLevel">) => Layer.Layer<StandIn.Services, E, R>) => {
  const usual = services({ standIn: "never", watched: true })
  return [
    Run.command.pipe(Command.provide(({ record, standIn }) => recorded(record, services({ standIn, watched: true })))),
    groups.runs.command.pipe(Command.provide(usual)),
    Replay.command.pipe(Command.provide(({ file }) => played(file, usual))),
    groups.models.command.pipe(Command.provide(usual)),
    groups.server.command.pipe(Command.provide(usual)),
    groups.mcp.command.pipe(Command.provide(usual)),
    Doctor.command.pipe(Command.provide(usual)),
    Serve.command.pipe(Command.provide(services({ standIn: "never", watched: false }))),
    Install.install,
    Install.uninstall,
    Simulate.command
  ] as const
}

const parser = <E, R>(services: (need: Omit<Need, "logLevel">) => Layer.Layer<StandIn.Services, E, R>) =>
  Command.make("lms-bridge").pipe(
    Command.withSubcommands(program(services)),
    Command.run({ name: "lms-bridge", version, executable: "lms-bridge", footer: Help.footer })
  )

const nameOf = (command: Members[number]): string => Chunk.unsafeHead(Chunk.fromIterable(Command.getNames(command)))

const entry = (path: ReadonlyArray<string>, command: Members[number]): Help.Entry => ({
  path,
  usage: Command.getUsage(command),
  help: Command.getHelp(command, cliConfig)
})

const membersOf = (name: string): ReadonlyArray<Members[number]> =>
  Object.entries(groups).find(([group]) => group === name)?.[1].members ?? []

/** The same for the help and for reading the line: no service is made for it. */
const catalogue: ReadonlyArray<Help.Entry> = [
  { path: [], usage: { _tag: "Empty" }, help: HelpDoc.empty },
  ...program(() => Layer.die("the help makes no services")).flatMap((command: Members[number]) => {
    const name = nameOf(command)
    return [entry([name], command), ...membersOf(name).map((member) => entry([name, nameOf(member)], member))]
  })
]

/** Every command and group, by the words that name it. */
export const commands: ReadonlyArray<ReadonlyArray<string>> = catalogue
  .map(({ path }) => path)
  .filter((path) => path.length > 0)

/** Words after `--` are arguments. */
const asksForHelp = (line: ReadonlyArray<string>) => {
  const end = line.indexOf("--")
  const options = end === -1 ? line : line.slice(0, end)
  return options.some((word, index) => (word === "--help" || word === "-h") && options[index + 1] === "true")
}

/** What `@effect/cli` found wrong, as one sentence with the way to the help. */
const usageError = (
  error: ValidationError.ValidationError,
  path: ReadonlyArray<string>,
  line: ReadonlyArray<string>
): UsageError => {
  const problem = Words.oneLine(Words.withoutStyle(HelpDoc.toAnsiText(error.error)))
  const sentence = /[.!?]$/.test(problem) ? problem : `${problem}.`
  const words = line.slice(line.indexOf("--") + 1)
  const hint =
    path[0] === "run" && words.length > 1 && /unknown argument/.test(problem)
      ? ` Put the task in quotes: lms-bridge run "${Words.oneLine(words.join(" "), 60)}".`
      : ""
  return new UsageError({ problem: `${sentence}${hint} See \`${["lms-bridge", ...path, "--help"].join(" ")}\`.` })
}

const isEnded = Schema.is(Ended)

const report = Effect.fnUntraced(function* (failure: Failure & { readonly message: string }) {
  if (isEnded(failure)) return failure.code
  const code = ofFailure(failure)
  // nobody reads on, which is no news to whoever stopped reading
  if (code === ExitCode.outputClosed) return code
  const screen = yield* Screen
  for (const line of failure.message.split("\n")) yield* screen.err(`lms-bridge: ${Words.oneLine(line)}`)
  return code
})
