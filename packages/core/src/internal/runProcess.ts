/** The only way to run a process: without a shell, with stdin closed and output bounded, leaving no child behind. */
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
 * How long a process may take to exit after SIGTERM before its group gets SIGKILL.
 *
 * @internal
 */
export const grace = Duration.seconds(2)

/**
 * How long output is awaited after the exit: a grandchild that inherited the pipes may keep them open for ever.
 *
 * @internal
 */
export const afterExit = Duration.seconds(1)

/**
 * Most characters that are kept of one output stream.
 *
 * @internal
 */
export const outputLimit = 16 * 1024 * 1024

/**
 * Most characters that are kept of an output stream when only its end matters.
 *
 * @internal
 */
export const tailLimit = 16_384

/**
 * What a process printed and how it ended. Beyond `outputLimit`, the beginning of the output is dropped; `truncated` says
 * whether that happened to stdout.
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
 * Starts a process in its own group with an empty stdin. Closing the scope ends the whole group: SIGTERM, `grace`,
 * SIGKILL. The executor alone would wait for ever for a child that ignores SIGTERM.
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
 * Runs a command to its end and collects what it printed. `Command.string` would ignore the exit code and deadlock on a
 * child that fills stderr. Apply `Effect.disconnect` before a time limit, so that the caller does not wait for `stop`.
 *
 * @internal
 */
export const runProcess = (
  command: Command.Command,
  options: {
    /** `tail` keeps only the last `tailLimit` characters. */
    readonly stdout: "collect" | "tail"
    /** Called with each chunk of stdout as it arrives. */
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
    // the executor's `kill` waits for the process to exit
    Effect.timeout(grace),
    Effect.ignore,
    // the process may have exited while a child of it still runs; an empty group refuses the signal
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

/** Cuts only at twice the limit, so that heavy output does not copy the whole text for every chunk. */
const append = (before: { readonly text: string; readonly dropped: boolean }, piece: string, limit: number) => {
  const text = before.text + piece
  return text.length <= 2 * limit ? { ...before, text } : { text: text.slice(-limit), dropped: true }
}
