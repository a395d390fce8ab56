/**
 * The surroundings of the program: where it is, a screen that keeps what is written, and a `Console` that keeps what
 * @effect/cli prints by itself.
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import type * as HttpClient from "@effect/platform/HttpClient"
import { Program } from "#src/Program.ts"
import { LineEditor, type Typed } from "#src/terminal/LineEditor.ts"
import { OutputClosed, Screen } from "#src/terminal/Screen.ts"
import * as Words from "#src/views/Words.ts"
import { Console, Context, Effect, Layer, Option, Ref } from "effect"

export interface Options {
  /** stdout is closed after so many lines. */
  readonly closedAfter?: number
  readonly terminal?: boolean
  readonly colors?: boolean
  /** Columns of stdout. */
  readonly columns?: number
  readonly answer?: boolean
  /** What is typed, line by line; then the input ends. */
  readonly lines?: ReadonlyArray<string>
  /** What is typed at the prompt of a chat; `^C` is that key; then comes Ctrl-D. */
  readonly typed?: ReadonlyArray<string>
  /** What a shell pipes in. */
  readonly piped?: string
  /** Nothing comes from the pipe. */
  readonly late?: boolean
}

export class Written extends Context.Tag("@lms-bridge/cli/test/Written")<
  Written,
  {
    readonly out: Effect.Effect<ReadonlyArray<string>>
    readonly err: Effect.Effect<ReadonlyArray<string>>
    readonly flowed: Effect.Effect<string>
  }
>() {}

export const layer = (
  options: Options = {}
): Layer.Layer<Screen | Written | Program | LineEditor | HttpClient.HttpClient> =>
  Layer.unwrapEffect(
    Effect.gen(function* () {
      const out = yield* Ref.make<ReadonlyArray<string>>([])
      const err = yield* Ref.make<ReadonlyArray<string>>([])
      const flowed = yield* Ref.make("")
      const standard = yield* Effect.console
      const write = (text: string) =>
        Effect.flatMap(Ref.get(out), (lines) =>
          lines.length >= (options.closedAfter ?? Number.POSITIVE_INFINITY)
            ? new OutputClosed()
            : Ref.set(out, [...lines, text])
        )
      const terminal = options.terminal ?? false
      const screen = Screen.of({
        stdoutIsTerminal: terminal,
        stderrIsTerminal: terminal,
        stdinIsTerminal: terminal,
        colors: options.colors ?? false,
        columns: options.columns,
        width: 120,
        out: write,
        flow: (piece) => Ref.update(flowed, (text) => text + piece),
        notify: (text) => Ref.update(err, (lines) => [...lines, `notified: ${text}`]),
        err: (line) => Ref.update(err, (lines) => [...lines, line]),
        status: () => Effect.void,
        ask: Option.map(
          Option.fromNullable(options.answer),
          (yes) => (question: string) =>
            Effect.as(
              Ref.update(err, (lines) => [...lines, question]),
              yes
            )
        ),
        piped: {
          all: Effect.succeed(Option.fromNullable(options.piped)),
          beside: Effect.succeed(
            Option.map(Option.fromNullable(options.piped), (text) => ({ text, late: options.late ?? false }))
          )
        },
        prompt: Option.map(Option.fromNullable(options.lines), (lines) => {
          const left = [...lines]
          return (question: string) =>
            Effect.as(
              Ref.update(err, (written) => [...written, question]),
              Option.none<string>()
            ).pipe(Effect.map(() => Option.fromNullable(left.shift())))
        })
      })
      const console: Console.Console = {
        ...standard,
        log: (...parts) => Effect.ignore(write(Words.withoutStyle(parts.join(" ").trimEnd()))),
        error: () => Effect.void
      }
      const left = [...(options.typed ?? [])]
      const next = (): Typed => {
        const text = left.shift()
        if (text === undefined) return { _tag: "Closed" }
        return text === "^C" ? { _tag: "Cancelled", empty: true } : { _tag: "Line", text }
      }
      return Layer.mergeAll(
        FetchHttpClient.layer,
        Layer.succeed(Screen, screen),
        Layer.succeed(LineEditor, { read: () => Effect.sync(next), stoppable: Effect.exit }),
        Layer.succeed(Program, { platform: "linux", node: "/usr/bin/node", file: "/opt/cli/lms-bridge.js" }),
        Layer.succeed(Written, { out: Ref.get(out), err: Ref.get(err), flowed: Ref.get(flowed) }),
        Console.setConsole(console)
      )
    })
  )
