/** The `lms` command line: one method per subcommand we use; arguments in, schemas out. */
import type * as CommandExecutor from "@effect/platform/CommandExecutor"
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Path from "@effect/platform/Path"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import { Settings } from "../configuration/Settings.ts"
import type { Resilience } from "../resilience/Resilience.ts"
import * as Arguments from "./lms/Arguments.ts"
import * as ExactModel from "./lms/ExactModel.ts"
import * as Messages from "./lms/Messages.ts"
import * as Replies from "./lms/Replies.ts"
import * as Runner from "./lms/Runner.ts"
import type {
  LmsLoad,
  LoadEstimate,
  Application,
  DaemonStatus,
  ServerStatus,
  GetProgress,
  LogEvent,
  LmsVariants,
  LmsInstance,
  LmsModel
} from "./LmsModel.ts"
import { type LmsCallError, LmsCliError } from "./LmsCliError.ts"

export { LmsCliError } from "./LmsCliError.ts"
export { LmsInstance, LmsModel } from "./LmsModel.ts"

/**
 * Every method starts a process without a shell, with stdin closed, and ends the whole process group when it is
 * interrupted or takes too long. A missing binary is a `NotInstalled` error; the next call looks for it again.
 *
 * Most subcommands start LM Studio when it is off and may take minutes (contract F0): check `daemonStatus` or
 * `LmStudioApi.ping` first.
 */
export class LmsCli extends Context.Tag("@lms-bridge/core/lmstudio/LmsCli")<
  LmsCli,
  {
    /**
     * The LM Studio application of this machine, by its status port: starts no process. None when it is not running or
     * when LM Studio is configured on another machine. Needs no `lms`.
     */
    readonly application: Effect.Effect<Option.Option<Application>>
    /** Where the binary is. */
    readonly binary: Effect.Effect<string, LmsCallError>
    /** `lms ps --json`. */
    readonly ps: Effect.Effect<ReadonlyArray<LmsInstance>, LmsCallError>
    /** `lms ls --json`. */
    readonly ls: Effect.Effect<ReadonlyArray<LmsModel>, LmsCallError>
    /** `lms ls --variants --json`: the models that have several variants, with these variants (since October 2025). */
    readonly variants: Effect.Effect<ReadonlyArray<LmsVariants>, LmsCallError>
    /**
     * `lms load PATH --exact --yes --ttl S …` if `lms ls` lists the path of the key, else `lms load KEY --yes --ttl S
     * …`, which may match another model. Exit 0 does not prove that this key is loaded: verify through the API.
     */
    readonly load: (options: LmsLoad) => Effect.Effect<void, LmsCallError>
    /** The same with `--estimate-only`: loads nothing. */
    readonly estimate: (
      options: Pick<LmsLoad, "key" | "contextLength" | "gpu">
    ) => Effect.Effect<LoadEstimate, LmsCallError>
    /**
     * `lms unload ID`, verified by `lms ps`: it exits 0 on unknown ids. Fails with `NotUnloaded` when it is still
     * there.
     */
    readonly unload: (identifier: string) => Effect.Effect<void, LmsCallError>
    /** `lms unload --all`, verified in the same way: no instance that was in memory before is left. */
    readonly unloadAll: Effect.Effect<void, LmsCallError>
    /** `lms get NAME --yes`: progress, then `Done`. Interrupting it ends `lms`; LM Studio may continue the download. */
    readonly get: (name: string) => Stream.Stream<GetProgress, LmsCallError>
    /** `lms server status --json`. Starts nothing. */
    readonly serverStatus: Effect.Effect<ServerStatus, LmsCallError>
    /** `lms server start [--port N]`. Starts LM Studio when it is off. */
    readonly serverStart: (options?: { readonly port?: number | undefined }) => Effect.Effect<void, LmsCallError>
    /** `lms server stop`. Cuts running requests. */
    readonly serverStop: Effect.Effect<void, LmsCallError>
    /** `lms daemon status --json`. Starts nothing. */
    readonly daemonStatus: Effect.Effect<DaemonStatus, LmsCallError>
    /** `lms version --json`: a commit hash in newer versions. Starts nothing. */
    readonly version: Effect.Effect<string, LmsCallError>
    /** `lms log stream --json --source …`. Ends when interrupted. */
    readonly logStream: (source: "model" | "server" | "runtime") => Stream.Stream<LogEvent, LmsCallError>
  }
>() {
  /** `HOME` (or `USERPROFILE`) and `PATH` are read through `Config` when the executable is looked for. */
  static readonly layer: Layer.Layer<
    LmsCli,
    never,
    CommandExecutor.CommandExecutor | HttpClient.HttpClient | FileSystem.FileSystem | Path.Path | Settings | Resilience
  > = Layer.scoped(
    this,
    Effect.gen(function* () {
      const runner = yield* Runner.make
      const { lmsTimeout, loadTimeout } = yield* Settings

      const look = (subcommand: string, args: ReadonlyArray<string>, reach: Runner.Reach) =>
        Effect.map(
          runner.run({ subcommand, args, reach, timeout: lmsTimeout, repeatable: true }),
          ({ stdout, stderr }) => ({
            // an old `lms ps --json` with nothing loaded prints only a sentence, on stderr
            stdout:
              stdout.trim() === "" && /No models are currently loaded|not downloaded any models/.test(stderr)
                ? "[]"
                : stdout,
            stderr
          })
        )

      const act = (
        subcommand: string,
        args: Arguments.Arguments,
        reach: Runner.Reach,
        { onStdout, timeout = lmsTimeout }: Pick<Runner.Run, "onStdout"> & { readonly timeout?: Duration.Duration } = {}
      ) =>
        Effect.flatMap(accepted(subcommand, args), (accepted) =>
          runner.run({ subcommand, args: accepted, reach, timeout, repeatable: false, onStdout })
        )

      const ps = look("ps", ["ps", "--json"], "client").pipe(
        Effect.flatMap(Replies.decode("ps", Replies.decodeInstances)),
        Effect.withSpan("LmsCli.ps")
      )
      const ls = look("ls", ["ls", "--json"], "client").pipe(
        Effect.flatMap(Replies.decode("ls", Replies.decodeModels)),
        Effect.withSpan("LmsCli.ls")
      )
      const byPath = yield* ExactModel.make(ls)

      const unloaded = Effect.fnUntraced(function* (ids: ReadonlyArray<string>) {
        const left = (yield* ps).filter(({ identifier }) => ids.includes(identifier))
        if (left.length === 0) return
        const detail = left.map(({ identifier }) => identifier).join(", ")
        return yield* new LmsCliError({ reason: "NotUnloaded", subcommand: "unload", detail })
      })

      return {
        application: Effect.withSpan(runner.application, "LmsCli.application"),
        binary: runner.binary("version"),
        ps,
        ls,
        variants: look("ls", ["ls", "--variants", "--json"], "client").pipe(
          Effect.flatMap(Replies.decode("ls", Replies.decodeVariants)),
          Effect.withSpan("LmsCli.variants")
        ),
        load: (options) =>
          // an invalid name is refused before anything starts
          accepted("load", Arguments.load(options)).pipe(
            Effect.zipRight(loadProgress(options.onProgress)),
            Effect.flatMap((onStdout) =>
              byPath(options.key, (path) =>
                act("load", Arguments.load(options, path), "client", { timeout: loadTimeout, onStdout })
              )
            ),
            Effect.asVoid,
            Effect.withSpan("LmsCli.load", { attributes: { model: options.key } })
          ),
        estimate: Effect.fn("LmsCli.estimate")(function* (options) {
          yield* accepted("load", Arguments.estimate(options))
          const { stderr } = yield* byPath(options.key, (path) =>
            act("load", Arguments.estimate(options, path), "client")
          )
          const estimate = Messages.estimateOf(stderr)
          return (
            estimate ??
            (yield* new LmsCliError({ reason: "Output", subcommand: "load", detail: Messages.tail(stderr) }))
          )
        }),
        unload: (identifier) =>
          act("unload", Arguments.unload(identifier), "client").pipe(
            Effect.zipRight(unloaded([identifier])),
            Effect.withSpan("LmsCli.unload", { attributes: { instance: identifier } })
          ),
        unloadAll: Effect.flatMap(ps, (before) =>
          Effect.zipRight(
            act("unload", Either.right(["unload", "--all"]), "client"),
            unloaded(before.map(({ identifier }) => identifier))
          )
        ).pipe(Effect.withSpan("LmsCli.unloadAll")),
        get: (name) =>
          Stream.unwrap(Effect.map(accepted("get", Arguments.get(name)), (args) => runner.download(args))).pipe(
            Stream.withSpan("LmsCli.get", { attributes: { model: name } })
          ),
        serverStatus: look("server status", ["server", "status", "--json"], "machine").pipe(
          Effect.flatMap((ended) =>
            // versions before February 2026 have no JSON for this, only a sentence
            ended.stdout.trim() === ""
              ? Replies.serverStatusText(ended.stderr)
              : Replies.decode("server status", Replies.decodeServerStatus)(ended)
          ),
          Effect.withSpan("LmsCli.serverStatus")
        ),
        serverStart: (options) =>
          act("server start", Arguments.serverStart(options?.port), "machine", { timeout: startTimeout }).pipe(
            Effect.asVoid,
            Effect.withSpan("LmsCli.serverStart")
          ),
        serverStop: act("server stop", Either.right(["server", "stop"]), "machine").pipe(
          Effect.asVoid,
          Effect.withSpan("LmsCli.serverStop")
        ),
        daemonStatus: look("daemon status", ["daemon", "status", "--json"], "machine").pipe(
          Effect.flatMap(Replies.decode("daemon status", Replies.decodeDaemonStatus)),
          Effect.withSpan("LmsCli.daemonStatus")
        ),
        version: look("version", ["version", "--json"], "nothing").pipe(
          Effect.flatMap((ended) =>
            Effect.orElse(Replies.decode("version", Replies.decodeVersion)(ended), () =>
              Replies.versionText(ended.stdout)
            )
          ),
          Effect.withSpan("LmsCli.version")
        ),
        logStream: (source) =>
          runner
            .lines("log stream", ["log", "stream", "--json", "--source", source])
            .pipe(
              Stream.filterMap(Replies.decodeLogLine),
              Stream.withSpan("LmsCli.logStream", { attributes: { source } })
            )
      }
    })
  )
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** `lms server start` may have to start LM Studio first and waits some minutes for it (contract F0). */
const startTimeout = Duration.minutes(5)

const accepted = (subcommand: string, args: Arguments.Arguments) =>
  Effect.mapError(args, (detail) => new LmsCliError({ reason: "BadArgument", subcommand, detail }))

/** Calls `onProgress` once per percent; the spinner is redrawn twelve times a second. */
const loadProgress = (onProgress: LmsLoad["onProgress"]) =>
  Effect.map(Ref.make(-1), (last): Runner.Run["onStdout"] =>
    onProgress === undefined
      ? undefined
      : (piece) => {
          const percent = Messages.loadPercentOf(piece)
          return percent === undefined
            ? Effect.void
            : Effect.flatMap(Ref.getAndSet(last, percent), (before) =>
                before === percent ? Effect.void : onProgress(percent / 100)
              )
        }
  )
