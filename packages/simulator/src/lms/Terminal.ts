/** The environment of a command-line program: its arguments, two output streams, an input that may end, and signals. */
import type * as Effect from "effect/Effect"

export type Signal = "SIGINT" | "SIGTERM"

export interface Terminal {
  readonly argv: ReadonlyArray<string>
  /** `LMS_LANG` of its environment. */
  readonly language: string | undefined
  readonly out: (text: string) => Effect.Effect<void>
  readonly err: (text: string) => Effect.Effect<void>
  /** The next line of standard input, or `undefined` at its end; waits for as long as the input is open and silent. */
  readonly line: Effect.Effect<string | undefined>
  /** Catches these signals from now on; the returned effect completes with the first of them. */
  readonly handle: (signals: ReadonlyArray<Signal>) => Effect.Effect<Effect.Effect<Signal>>
  /** Ignores SIGTERM and SIGINT from now on. */
  readonly ignoreSignals: Effect.Effect<void>
}
