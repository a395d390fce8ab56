/** The one way to run a process: no shell, stdin closed, output bounded, and never a child left behind. */
import * as Command from "@effect/platform/Command"
import type * as CommandExecutor from "@effect/platform/CommandExecutor"
import type { PlatformError } from "@effect/platform/Error"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Ref from "effect/Ref"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { undisturbed } from "./undisturbed.ts"

/**
 * How long a process may take to end after SIGTERM before its group gets SIGKILL.
 *
 * @internal
 */
export const grace = Duration.seconds(2)

/**
 * How long output is awaited after the exit: a grandchild that inherited the pipes may hold them open for ever.
 *
 * @internal
 */
export const afterExit = Duration.seconds(1)

/**
 * Most characters of one output stream that are kept.
 *
 * @internal
 */
export const outputLimit = 16 * 1024 * 1024

/**
 * Most characters of an output stream of which only the end is of interest.
 *
 * @internal
 */
export const tailLimit = 16_384

/**
 * What a process printed and how it ended. Output beyond `outputLimit` is dropped from its beginning; `truncated` says so
 * of stdout.
 *
 * @internal
 */
export interface Ended {
  readonly stdout: string
  readonly stderr: string
  readonly exitCode: number
  readonly truncated: boolean
}

/**
 * Starts a process in its own group with stdin at its end. Closing the scope ends the whole group: SIGTERM, `grace`,
 * SIGKILL. The executor alone would wait for ever on a child that ignores SIGTERM.
 *
 * @internal
 */
export const startProcess = (
  command: Command.Command
): Effect.Effect<CommandExecutor.Process, PlatformError, CommandExecutor.CommandExecutor | Scope.Scope> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.tap(restore(Command.start(Command.stdin(command, Stream.empty))), (process) =>
      Effect.addFinalizer(() => stop(process))
    )
  )

/**
 * Runs a command to its end and collects what it printed. `Command.string` ignores the exit code and deadlocks on a child
 * that fills stderr. Put `Effect.disconnect` around it before a time limit, so that the caller does not wait for `stop`.
 *
 * @internal
 */
export const runProcess = (
  command: Command.Command,
  options: {
    /** `tail` keeps its last `tailLimit` characters. */
    readonly stdout: "collect" | "tail"
    /** Told of each piece of stdout as it comes. */
    readonly onStdout?: ((piece: string) => Effect.Effect<void>) | undefined
  } = { stdout: "collect" }
): Effect.Effect<Ended, PlatformError, CommandExecutor.CommandExecutor> =>
  Effect.gen(function* () {
    const process = yield* startProcess(command)
    const limit = options.stdout === "collect" ? outputLimit : tailLimit
    const stdout = yield* collect(process.stdout, limit, options.onStdout)
    const stderr = yield* collect(process.stderr, outputLimit)
    const exitCode = yield* process.exitCode
    yield* Fiber.await(Fiber.zip(stdout.fiber, stderr.fiber)).pipe(Effect.timeoutOption(afterExit))
    const out = yield* Ref.get(stdout.text)
    const err = yield* Ref.get(stderr.text)
    return {
      stdout: out.text.slice(-limit),
      stderr: err.text.slice(-outputLimit),
      exitCode,
      truncated: options.stdout === "collect" && (out.dropped || out.text.length > outputLimit)
    }
  }).pipe(Effect.scoped)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const stop = (process: CommandExecutor.Process) =>
  process.kill("SIGTERM").pipe(
    Effect.interruptible,
    // the executor's `kill` waits for the end of the process
    Effect.timeout(grace),
    Effect.ignore,
    // the process itself may be gone and a child of it still there; a group that is empty refuses the signal
    Effect.zipRight(process.kill("SIGKILL")),
    Effect.whenEffect(process.isRunning),
    Effect.ignore,
    undisturbed
  )

const collect = Effect.fnUntraced(function* (
  stream: Stream.Stream<Uint8Array, PlatformError>,
  limit: number,
  onPiece: (piece: string) => Effect.Effect<void> = () => Effect.void
) {
  const text = yield* Ref.make({ text: "", dropped: false })
  const fiber = yield* stream.pipe(
    Stream.decodeText(),
    Stream.runForEach((piece) =>
      Effect.zipRight(
        Ref.update(text, (before) => append(before, piece, limit)),
        onPiece(piece)
      )
    ),
    Effect.forkScoped
  )
  return { text, fiber }
})

/** Cut only when there is twice too much, so that a flood does not copy the whole text for every piece. */
const append = (before: { readonly text: string; readonly dropped: boolean }, piece: string, limit: number) => {
  const text = before.text + piece
  return text.length <= 2 * limit ? { ...before, text } : { text: text.slice(-limit), dropped: true }
}
