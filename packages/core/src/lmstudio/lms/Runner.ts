/** Runs `lms`: finds it, keeps it from starting LM Studio unasked, and turns its output into errors. */
import * as Command from "@effect/platform/Command"
import * as CommandExecutor from "@effect/platform/CommandExecutor"
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { address, Settings } from "../../configuration/Settings.ts"
import { afterExit, runProcess, startProcess } from "../../internal/runProcess.ts"
import { Resilience } from "../../resilience/Resilience.ts"
import { type LmsCallError, LmsCliError } from "../LmsCliError.ts"
import type { GetProgress } from "../LmsModel.ts"
import * as Binary from "./Binary.ts"
import * as Messages from "./Messages.ts"
import * as StatusPort from "./StatusPort.ts"

/**
 * What a subcommand talks to. `client` connects to LM Studio, here or elsewhere, and would start it here when it is off
 * (contract F0). `machine` concerns the LM Studio of this machine. `nothing` is answered by the executable itself.
 */
export type Reach = "client" | "machine" | "nothing"

/** One call. It is `repeatable` only if it changes nothing. */
export interface Run {
  readonly subcommand: string
  readonly args: ReadonlyArray<string>
  readonly reach: Reach
  readonly timeout: Duration.Duration
  readonly repeatable: boolean
  /** Called with each piece of stdout, for commands that show their progress there. */
  readonly onStdout?: ((piece: string) => Effect.Effect<void>) | undefined
}

/** Both without colours and cursor movements. */
export interface Output {
  readonly stdout: string
  readonly stderr: string
}

/** How long LM Studio counts as running after it was seen running. */
export const runningFor = Duration.seconds(5)

/** A child that is being stopped belongs to the scope, not to the caller that was interrupted. */
export const make = Effect.gen(function* () {
  const settings = yield* Settings
  const resilience = yield* Resilience
  // only these: the rest of the context has a scope that outlives each process
  const platform = Context.pick(
    CommandExecutor.CommandExecutor,
    FileSystem.FileSystem,
    Path.Path
  )(yield* Effect.context<CommandExecutor.CommandExecutor | FileSystem.FileSystem | Path.Path>())
  const scope = yield* Effect.scope
  const known = yield* Ref.make(Option.none<string>())
  const runningUntil = yield* Ref.make(0)
  const { host, isLocal, port } = address(settings)
  const { application } = yield* StatusPort.make(settings)

  const binary = Effect.fnUntraced(function* (subcommand: string) {
    if (Option.contains(settings.lmsBinary, "none")) return yield* new LmsCliError({ reason: "Disabled", subcommand })
    const before = yield* Ref.get(known)
    if (Option.isSome(before)) return before.value
    const found = yield* Effect.provide(Binary.find(settings.lmsBinary), platform)
    yield* Ref.set(known, found)
    const configured = Option.match(settings.lmsBinary, { onNone: () => ({}), onSome: (detail) => ({ detail }) })
    return yield* Effect.mapError(found, () => new LmsCliError({ reason: "NotInstalled", subcommand, ...configured }))
  })

  const commandOf = (executable: string, args: ReadonlyArray<string>, reach: Reach) =>
    Command.make(
      executable,
      ...args,
      ...(reach === "client" && !isLocal ? ["--host", host, "--port", String(port)] : [])
    ).pipe(
      // we can only parse its English output, whatever the language of the system is (contract J)
      Command.env({ LMS_LANG: "en" })
    )

  /** If the executable has vanished, the next call looks for it again. */
  const startFailure = (subcommand: string, cause: PlatformError) => {
    const missing = cause._tag === "SystemError" && cause.reason === "NotFound"
    return Effect.zipRight(
      missing ? Ref.set(known, Option.none()) : Effect.void,
      new LmsCliError(
        missing
          ? { reason: "NotInstalled", subcommand }
          : killedBy(cause)
            ? { reason: "Exit", subcommand, detail: "It was killed by a signal." }
            : { reason: "Spawn", subcommand, cause }
      )
    )
  }

  const execute = ({ args, onStdout, reach, subcommand, timeout }: Run, executable: string) =>
    runProcess(commandOf(executable, args, reach), {
      stdout: args.includes("--json") ? "collect" : "tail",
      onStdout
    }).pipe(
      Effect.provide(platform),
      Effect.catchAll((cause) => startFailure(subcommand, cause)),
      interruptedInBackground(scope),
      Effect.timeoutFail({ duration: timeout, onTimeout: () => new LmsCliError({ reason: "Timeout", subcommand }) }),
      Effect.flatMap(({ exitCode, stderr, stdout, truncated }) => {
        if (truncated) return new LmsCliError({ reason: "Output", subcommand, detail: "(too much output)" })
        const problem = problemOf(subcommand, exitCode, stderr, stdout)
        return problem ?? Effect.succeed<Output>({ stdout: Messages.plain(stdout), stderr: Messages.plain(stderr) })
      })
    )

  const daemon: Run = {
    subcommand: "daemon status",
    args: ["daemon", "status", "--json"],
    reach: "machine",
    timeout: settings.lmsTimeout,
    repeatable: true
  }

  /**
   * Most subcommands would start LM Studio and wait for minutes. So its status port is checked first, where they look
   * for it themselves; if nothing answers there, `daemon status`, which starts nothing.
   */
  const refuseToStart = Effect.fnUntraced(function* (subcommand: string, executable: string, reach: Reach) {
    if (reach !== "client" || settings.autostart || !isLocal) return
    const now = yield* Clock.currentTimeMillis
    if (now < (yield* Ref.get(runningUntil))) return
    if (Option.isNone(yield* application)) {
      const status = yield* execute(daemon, executable).pipe(
        Effect.map(({ stdout }) => stdout),
        // versions before October 2025 have no such subcommand, so nothing is known
        Effect.catchIf(
          ({ reason }) => reason === "Exit",
          () => Effect.succeed("")
        )
      )
      if (/"not-running"/.test(status)) return yield* new LmsCliError({ reason: "NotRunning", subcommand })
    }
    yield* Ref.set(runningUntil, now + Duration.toMillis(runningFor))
  })

  const prepare = Effect.fnUntraced(function* (subcommand: string, reach: Reach) {
    if (reach === "machine" && !isLocal) return yield* new LmsCliError({ reason: "Remote", subcommand })
    const executable = yield* binary(subcommand)
    yield* refuseToStart(subcommand, executable, reach)
    return executable
  })

  const run = (call: Run): Effect.Effect<Output, LmsCallError> =>
    Effect.flatMap(prepare(call.subcommand, call.reach), (executable) =>
      (call.repeatable ? resilience.protect("cli") : resilience.guard("cli"))(execute(call, executable))
    )

  /** A process whose output is read while it runs: the output, its stderr so far, and its end. */
  const follow = Effect.fnUntraced(function* (subcommand: string, args: ReadonlyArray<string>) {
    const executable = yield* prepare(subcommand, "client")
    const process = yield* startProcess(commandOf(executable, args, "client")).pipe(
      Effect.provide(platform),
      Effect.catchAll((cause) => startFailure(subcommand, cause)),
      resilience.guard("cli")
    )
    const said = yield* Ref.make("")
    const completed = yield* Deferred.make<void>()
    const reader = yield* process.stderr.pipe(
      Stream.decodeText(),
      Stream.runForEach((piece) =>
        Effect.flatMap(
          Ref.updateAndGet(said, (before) => (before + piece).slice(-stderrKept)),
          (text) => (Messages.saysDownloaded(text) ? Deferred.succeed(completed, undefined) : Effect.void)
        )
      ),
      Effect.forkScoped
    )
    const ended = Effect.gen(function* () {
      const exitCode = yield* Effect.catchAll(process.exitCode, (cause) => startFailure(subcommand, cause))
      yield* reader.await.pipe(Effect.timeoutOption(afterExit))
      const stderr = yield* Ref.get(said)
      return yield* problemOf(subcommand, exitCode, stderr) ?? Effect.succeed(stderr)
    })
    const stdout = process.stdout.pipe(
      Stream.decodeText(),
      Stream.mapError((cause) => new LmsCliError({ reason: "Spawn", subcommand, cause }))
    )
    return { stdout, ended, said: Ref.get(said), completed: Deferred.await(completed) }
  })

  const lines = (subcommand: string, args: ReadonlyArray<string>): Stream.Stream<string, LmsCallError> =>
    Stream.unwrapScoped(
      Effect.map(follow(subcommand, args), ({ ended, stdout }) =>
        Stream.concat(Stream.splitLines(stdout), Stream.drain(Stream.fromEffect(ended)))
      )
    )

  const download = (args: ReadonlyArray<string>): Stream.Stream<GetProgress, LmsCallError> =>
    Stream.unwrapScoped(
      Effect.map(follow("get", args), ({ completed, ended, said, stdout }) =>
        stdout.pipe(
          // the bar is redrawn with carriage returns
          Stream.map((piece) => piece.replaceAll("\r", "\n")),
          Stream.splitLines,
          Stream.filterMap((line) => Option.fromNullable(Messages.progressOf(line))),
          Stream.changesWith((a, b) => a.fraction === b.fraction && a.detail === b.detail),
          Stream.timeoutFail(() => new LmsCliError({ reason: "Timeout", subcommand: "get" }), settings.loadTimeout),
          // some builds finish their work and do not exit (contract H28)
          Stream.interruptWhen(Effect.zipRight(completed, Effect.sleep(afterExit))),
          Stream.concat(
            Stream.fromEffect(
              Effect.map(
                Effect.raceFirst(ended, Effect.zipRight(completed, Effect.zipRight(Effect.sleep(afterExit), said))),
                (stderr): GetProgress => ({ _tag: "Done", alreadyDownloaded: Messages.saysAlreadyDownloaded(stderr) })
              )
            )
          )
        )
      )
    )

  return { application, binary, run, lines, download }
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/**
 * A caller that is interrupted or out of time does not wait for the child to end. The scope waits when it closes, so
 * that no child outlives the program.
 */
const interruptedInBackground =
  (scope: Scope.Scope) =>
  <A, E>(self: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(Effect.forkIn(restore(self), scope), (fiber) =>
        Effect.onInterrupt(restore(Fiber.join(fiber)), () => Fiber.interruptFork(fiber))
      )
    )

const stderrKept = 16_384

/** Failures that exit 0 (contract F2, F5), and any other exit code. stdout is read only when stderr names no reason. */
const problemOf = (subcommand: string, exitCode: number, stderr: string, stdout = ""): LmsCliError | undefined => {
  const complaint = Messages.complaintOf(stderr)
  if (exitCode !== 0) {
    const printed = Messages.printed(stdout)
    return new LmsCliError({
      reason: complaint ?? Messages.complaintOf(printed) ?? "Exit",
      subcommand,
      exitCode,
      detail: [Messages.tail(stderr), printed].filter((said) => said !== "").join("\n")
    })
  }
  return complaint !== undefined && exitsZeroOnFailure.has(subcommand)
    ? new LmsCliError({ reason: complaint, subcommand, exitCode, detail: Messages.tail(stderr) })
    : undefined
}

const exitsZeroOnFailure: ReadonlySet<string> = new Set(["load", "unload", "get"])

const killedBy = (cause: PlatformError) => cause._tag === "SystemError" && cause.method.startsWith("exitCode")
