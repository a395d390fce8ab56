// @effect-diagnostics strictEffectProvide:off
/**
 * Composition root of `lms-bridge`: every layer is chosen here and nowhere else.
 */
import { Settings } from "@lms-bridge/core/Settings"
import { Exporting, Logging } from "@lms-bridge/core/Observability"
import * as NodeLogFiles from "@lms-bridge/node/NodeLogFiles"
import * as NodeMain from "@lms-bridge/node/NodeMain"
import * as NodePlatform from "@lms-bridge/node/NodePlatform"
import * as NodeSettingsFiles from "@lms-bridge/node/NodeSettingsFiles"
import * as Cause from "effect/Cause"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Call from "./Call.ts"
import * as Cli from "./Cli.ts"
import { ExitCode } from "./ExitCode.ts"
import * as CopiedCommands from "./terminal/CopiedCommands.ts"
import * as NodeLineEditor from "./terminal/NodeLineEditor.ts"
import * as NodeScreen from "./terminal/NodeScreen.ts"
import { Program } from "./Program.ts"
import { Screen } from "./terminal/Screen.ts"
import * as SharedRuns from "./SharedRuns.ts"
import * as StandIn from "./StandIn.ts"
import { version } from "./version.ts"
import * as Words from "./views/Words.ts"

const logging = ({ logLevel, watched }: Cli.Need) =>
  Layer.unwrapEffect(
    Effect.map(Screen, ({ colors, stderrIsTerminal }) =>
      Logging.layer({
        isTerminal: stderrIsTerminal,
        fileSystem: NodeLogFiles.fileSystem,
        write: NodeLogFiles.write,
        colors,
        level: logLevel,
        levelWhenUnset: watched ? "warning" : undefined
      })
    )
  ).pipe(Layer.provide(Settings.layer))

type Own = ReturnType<typeof StandIn.layer>
type Shared = ReturnType<typeof SharedRuns.layer>

const bridge = ({
  shared,
  standIn
}: Cli.Need): Layer.Layer<
  StandIn.Services,
  Layer.Layer.Error<Own> | Layer.Layer.Error<Shared>,
  Layer.Layer.Context<Own> | Layer.Layer.Context<Shared>
> => (shared === undefined ? StandIn.layer(standIn) : SharedRuns.layer(shared))

const ThisProgram = Layer.sync(Program, () => ({
  platform: process.platform,
  node: process.execPath,
  file: process.argv[1] ?? ""
}))

const variable = (name: string) => Effect.orElseSucceed(Config.withDefault(Config.string(name), ""), () => "")

const Copied = Layer.unwrapEffect(
  Effect.gen(function* () {
    const path = yield* variable("PATH")
    const call = Call.of({
      file: process.argv[1] ?? "",
      folder: process.cwd(),
      path: path.split(process.platform === "win32" ? ";" : ":"),
      npmCommand: yield* variable("npm_command")
    })
    return CopiedCommands.layer(call, process.argv.slice(2))
  })
).pipe(Layer.provide(NodeScreen.layer))

const Platform = Layer.mergeAll(NodePlatform.layer, NodeSettingsFiles.layer, Copied, NodeLineEditor.layer, ThisProgram)

/** Loaded only where a collector is configured. */
const telemetry = Layer.unwrapEffect(
  Effect.flatMap(Exporting.isWanted, (wanted) =>
    wanted
      ? Effect.map(
          Effect.promise(() => import("@lms-bridge/telemetry/Telemetry")),
          ({ layer }) => layer(version)
        )
      : Effect.succeed(Layer.empty)
  )
)

// the first signal ends everything in order, a second one ends the process at once
let signal: "SIGINT" | "SIGTERM" | undefined
process.once("SIGINT", () => (signal ??= "SIGINT"))
process.once("SIGTERM", () => (signal ??= "SIGTERM"))
process.once("SIGHUP", () => process.emit("SIGTERM"))

/** SIGTERM is the normal end of a server, and its calls have been answered by then. */
const endsAsUsual = () => signal === "SIGTERM" && ["serve", "ui", "worker"].includes(process.argv[2] ?? "")

const cli = Cli.make((need) => bridge(need).pipe(Layer.provideMerge(logging(need))), endsAsUsual)

const exitCode = <A, E>(exit: Exit.Exit<A, E>): number => {
  if (Exit.isSuccess(exit)) return typeof exit.value === "number" ? exit.value : ExitCode.done
  if (!Cause.isInterruptedOnly(exit.cause)) return ExitCode.failure
  if (endsAsUsual()) return ExitCode.done
  return signal === "SIGTERM" ? ExitCode.terminated : ExitCode.interrupted
}

Effect.suspend(() => cli(process.argv.slice(2))).pipe(
  // a bug: also reported in one line
  Effect.tapDefect((cause) =>
    Effect.flatMap(Screen, (screen) =>
      screen.err(`lms-bridge: internal error: ${Words.oneLine(Cause.pretty(cause), 300)}`)
    )
  ),
  Effect.provide(Layer.provideMerge(telemetry, Platform)),
  (main) => NodeMain.run(main, exitCode)
)
