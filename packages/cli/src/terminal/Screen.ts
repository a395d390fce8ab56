/**
 * What a person or a script sees: results on stdout, everything else on stderr.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Style } from "./Markdown.ts"
import type { PipedText } from "./Piped.ts"

/** The reader of stdout closed it, as `head` does. */
export class OutputClosed extends Schema.TaggedError<OutputClosed>()("OutputClosed", {}) {
  readonly retryable = false
  override get message() {
    return "The reader of the output closed it."
  }
}

/** stdout cannot be written: a full disk, for instance. */
export class OutputFailed extends Schema.TaggedError<OutputFailed>()("OutputFailed", { detail: Schema.String }) {
  readonly retryable = false
  override get message() {
    return `The output could not be written: ${this.detail}.`
  }
}

export class Screen extends Context.Tag("@lms-bridge/cli/Screen")<
  Screen,
  {
    readonly stdoutIsTerminal: boolean
    readonly stderrIsTerminal: boolean
    /** Whether somebody types what is read, and no program writes it. */
    readonly stdinIsTerminal: boolean
    /** Whether stderr may have colours. */
    readonly colors: boolean
    /** Columns of stdout where it is a terminal, for tables. */
    readonly columns: number | undefined
    /** Columns of stderr. */
    readonly width: number
    /** Writes a line to stdout and waits until it is written. A terminal gets no control characters. */
    readonly out: (text: string) => Effect.Effect<void, OutputClosed | OutputFailed>
    /** Writes a piece of text to a terminal's stdout as it comes; the next line begins on a line of its own. */
    readonly flow: (piece: string, style?: Style) => Effect.Effect<void>
    /** Rings the bell of a terminal, and gives it a text that it may show. Does nothing if stderr is not a terminal. */
    readonly notify: (text: string) => Effect.Effect<void>
    /** Writes a line to stderr. */
    readonly err: (line: string) => Effect.Effect<void>
    /** Replaces the status line of a terminal; "" removes it. Does nothing if stderr is not a terminal. */
    readonly status: (line: string) => Effect.Effect<void>
    /** Asks a yes-or-no question; none where nobody can be asked. */
    readonly ask: Option.Option<(question: string) => Effect.Effect<boolean>>
    /**
     * Asks for a line; returns none at the end of the input. What is printed meanwhile appears after the answer. None where
     * nobody can be asked.
     */
    readonly prompt: Option.Option<(question: string) => Effect.Effect<Option.Option<string>>>
    /** Text that is piped in: all of it as the task, or beside a task (`Piped`). */
    readonly piped: {
      readonly all: Effect.Effect<Option.Option<string>>
      readonly beside: Effect.Effect<Option.Option<PipedText>>
    }
  }
>() {}
