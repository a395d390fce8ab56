/**
 * A `CommandExecutor` that starts nothing: a script defines by argv what each process prints and how it ends; starts
 * and signals are recorded.
 */
import * as Command from "@effect/platform/Command"
import * as CommandExecutor from "@effect/platform/CommandExecutor"
import { SystemError, type PlatformError } from "@effect/platform/Error"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import * as Inspectable from "effect/Inspectable"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import type * as Scope from "effect/Scope"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"

/** A piece of output, or time that passes before the next piece. */
export type Piece = string | Uint8Array | { readonly pause: Duration.DurationInput }

/** The behaviour of one process. By default it prints nothing and exits 0 at once. */
export interface Script {
  readonly stdout?: string | ReadonlyArray<Piece>
  readonly stderr?: string | ReadonlyArray<Piece>
  /** `never` runs until it is killed. */
  readonly exitCode?: number | "never"
  /** How long it runs before it exits. */
  readonly runs?: Duration.DurationInput
  /** Only SIGKILL ends it. */
  readonly ignoresSigterm?: boolean
  /** A child process keeps its output pipes open after it has exited. */
  readonly keepsPipesOpen?: boolean
  /** It cannot be started at all. */
  readonly spawnError?: "NotFound" | "PermissionDenied"
}

/** One process as it was started, and its state. */
export interface Seen {
  /** The executable and its arguments. */
  readonly argv: ReadonlyArray<string>
  readonly env: Readonly<Record<string, string>>
  readonly shell: boolean
  /** What it read from stdin until its end; undefined when stdin was left open. */
  readonly stdin: string | undefined
  readonly signals: ReadonlyArray<CommandExecutor.Signal>
  readonly running: boolean
}

/** All processes that were started, oldest first. */
export class FakeProcesses extends Context.Tag("@lms-bridge/testing/FakeProcesses")<
  FakeProcesses,
  Effect.Effect<ReadonlyArray<Seen>>
>() {}

/**
 * `script` gets the argv (the executable first) and how many processes with exactly this argv came before. For an
 * unknown argv it should throw: that is a loud defect in the test.
 */
export const layer = (
  script: (argv: ReadonlyArray<string>, before: number) => Script
): Layer.Layer<CommandExecutor.CommandExecutor | FakeProcesses> =>
  Layer.effectContext(
    Effect.map(Ref.make<ReadonlyArray<Seen>>([]), (seen) =>
      Context.make(
        CommandExecutor.CommandExecutor,
        CommandExecutor.makeExecutor((command) => start(command, script, seen))
      ).pipe(Context.add(FakeProcesses, Ref.get(seen)))
    )
  )

/**
 * Scripts by arguments joined with blanks, without the executable: `{ "ps --json": { stdout: "[]" } }`. An array plays
 * its scripts in order and repeats the last. Anything else is a loud defect.
 */
export const byArguments =
  (scripts: Readonly<Record<string, Script | ReadonlyArray<Script>>>) =>
  (argv: ReadonlyArray<string>, before: number): Script => {
    const found = scripts[argv.slice(1).join(" ")]
    const script = isList(found) ? (found[before] ?? found.at(-1)) : found
    return script ?? unforeseen(argv)
  }

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const isList = (found: Script | ReadonlyArray<Script> | undefined): found is ReadonlyArray<Script> =>
  Array.isArray(found)

const unforeseen = (argv: ReadonlyArray<string>): never => {
  throw new Error(`FakeProcess has no script for: ${argv.join(" ")}`)
}

const start = (
  command: Command.Command,
  script: (argv: ReadonlyArray<string>, before: number) => Script,
  seen: Ref.Ref<ReadonlyArray<Seen>>
): Effect.Effect<CommandExecutor.Process, PlatformError, Scope.Scope> =>
  Effect.gen(function* () {
    const standard = Chunk.unsafeHead(Chunk.fromIterable(Command.flatten(command)))
    const argv = [standard.command, ...standard.args]
    const stdin =
      typeof standard.stdin === "string" ? undefined : yield* standard.stdin.pipe(Stream.decodeText(), Stream.mkString)
    const index = yield* Ref.modify(seen, (before) => [
      before.length,
      [
        ...before,
        {
          argv,
          env: Object.fromEntries(HashMap.toEntries(standard.env)),
          shell: standard.shell !== false,
          stdin,
          signals: [],
          running: true
        }
      ]
    ])
    const change = (changes: (process: Seen) => Partial<Seen>) =>
      Ref.update(seen, (all) =>
        all.map((process, at) => (at === index ? { ...process, ...changes(process) } : process))
      )
    const before = (yield* Ref.get(seen)).filter(
      (process, at) => at < index && process.argv.join("\0") === argv.join("\0")
    ).length
    const plan = yield* Effect.sync(() => script(argv, before))
    if (plan.spawnError !== undefined) {
      yield* change(() => ({ running: false }))
      return yield* systemError(plan.spawnError, "spawn", argv)
    }

    const exit = yield* Deferred.make<CommandExecutor.ExitCode, PlatformError>()
    const end = (outcome: Effect.Effect<CommandExecutor.ExitCode, PlatformError>) =>
      Effect.zipRight(
        Effect.whenEffect(
          change(() => ({ running: false })),
          Effect.negate(Deferred.isDone(exit))
        ),
        Deferred.complete(exit, outcome)
      )

    const kill = (signal: CommandExecutor.Signal = "SIGTERM") =>
      change(({ signals }) => ({ signals: [...signals, signal] })).pipe(
        Effect.zipRight(
          plan.ignoresSigterm === true && signal !== "SIGKILL"
            ? Effect.void
            : end(Effect.fail(systemError("Unknown", `exitCode: killed by ${signal}`, argv)))
        ),
        // like the real executor, it waits until the process has ended
        Effect.zipRight(Effect.ignore(Deferred.await(exit)))
      )

    yield* Effect.addFinalizer(() => Effect.whenEffect(kill("SIGTERM"), Effect.negate(Deferred.isDone(exit))))

    const { exitCode = 0 } = plan
    if (exitCode !== "never") {
      yield* Effect.forkScoped(
        Effect.zipRight(
          plan.runs === undefined ? Effect.void : Effect.sleep(plan.runs),
          end(Effect.succeed(CommandExecutor.ExitCode(exitCode)))
        )
      )
    }

    const output = (pieces: string | ReadonlyArray<Piece> | undefined) =>
      Stream.concat(
        Stream.flatMap(Stream.fromIterable(typeof pieces === "string" ? [pieces] : (pieces ?? [])), emit),
        // the pipe ends with the process
        Stream.drain(
          Stream.fromEffect(plan.keepsPipesOpen === true ? Effect.never : Effect.ignore(Deferred.await(exit)))
        )
      )

    return {
      [CommandExecutor.ProcessTypeId]: CommandExecutor.ProcessTypeId,
      ...Inspectable.BaseProto,
      toJSON: () => ({ _id: "FakeProcess", argv }),
      pid: CommandExecutor.ProcessId(index + 1),
      exitCode: Deferred.await(exit),
      isRunning: Effect.negate(Deferred.isDone(exit)),
      kill,
      stdin: Sink.drain,
      stdout: output(plan.stdout),
      stderr: output(plan.stderr)
    } satisfies CommandExecutor.Process
  })

const emit = (piece: Piece): Stream.Stream<Uint8Array> => {
  if (typeof piece === "string") return Stream.make(new TextEncoder().encode(piece))
  return piece instanceof Uint8Array ? Stream.make(piece) : Stream.drain(Stream.fromEffect(Effect.sleep(piece.pause)))
}

const systemError = (
  reason: "NotFound" | "PermissionDenied" | "Unknown",
  method: string,
  argv: ReadonlyArray<string>
): PlatformError =>
  new SystemError({ reason, module: "Command", method, pathOrDescriptor: argv.join(" "), description: method })
