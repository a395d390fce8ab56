/**
 * Lines that a person types, with what was typed before at the arrow keys.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"

export type Typed =
  | { readonly _tag: "Line"; readonly text: string }
  /** Ctrl-C; `empty`: nothing stood there. */
  | { readonly _tag: "Cancelled"; readonly empty: boolean }
  /** Ctrl-D, or the end of what is piped in. */
  | { readonly _tag: "Closed" }

export interface Reading {
  readonly prompt: string
  /** Earlier lines, the oldest first. */
  readonly history: ReadonlyArray<string>
  /** What the TAB key offers for the line so far. */
  readonly complete: (line: string) => ReadonlyArray<string>
}

export class LineEditor extends Context.Tag("@lms-bridge/cli/LineEditor")<
  LineEditor,
  {
    /** Lines that are pasted together come together. */
    readonly read: (reading: Reading) => Effect.Effect<Typed>
    /** Carries out `self`, which Ctrl-C interrupts, and nothing else with it. */
    readonly stoppable: <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<Exit.Exit<A, E>, never, R>
  }
>() {}
