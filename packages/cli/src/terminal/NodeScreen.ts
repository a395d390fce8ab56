/**
 * The screen of a Node process: its two streams, and its terminal where there is one.
 */
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { Style } from "./Markdown.ts"
import * as Piped from "./Piped.ts"
import { OutputClosed, OutputFailed, Screen } from "./Screen.ts"
import * as Words from "../views/Words.ts"

const make = Effect.gen(function* () {
  const { stderr, stdin, stdout } = process
  const standard = yield* Effect.console
  const noColor = (yield* variable("NO_COLOR")) !== ""
  const stdoutIsTerminal = stdout.isTTY === true
  const stderrIsTerminal = stderr.isTTY === true
  const isSmart = stderrIsTerminal && (yield* variable("TERM")) !== "dumb"

  // without a listener a broken pipe would end the process with a stack trace; `write` reports it
  stdout.on("error", ignore)
  stderr.on("error", ignore)

  let passing = ""
  /** Text was written that has not ended its line. */
  let open = false
  const clear = () => {
    if (passing !== "") stderr.write("\r\u001b[K")
    passing = ""
  }
  const newLine = () => {
    clear()
    if (open) stdout.write("\n")
    open = false
  }

  // nothing is printed under a question: it comes after the answer
  let asking = false
  const held: Array<() => void> = []
  const orHeld = (print: () => void) => (asking ? void held.push(print) : print())

  const flow = (piece: string, style: Style = "plain") => Effect.sync(() => orHeld(() => flowNow(piece, style)))
  const flowNow = (piece: string, style: Style) => {
    const text = Words.harmless(piece)
    if (text === "") return
    clear()
    const [before, after] = isSmart && !noColor ? styles[style] : styles.plain
    stdout.write(`${before}${text}${after}`)
    open = !text.endsWith("\n")
  }

  const write = (text: string) =>
    Effect.async<void, OutputClosed | OutputFailed>((resume) => {
      newLine()
      stdout.write(`${text}\n`, (error) =>
        resume(error === null || error === undefined ? Effect.void : outputError(error))
      )
    })

  const err = (line: string) =>
    Effect.async<void>((resume) => {
      const print = (done: () => void) => {
        newLine()
        stderr.write(`${line}\n`, done)
      }
      if (!asking) return print(() => resume(Effect.void))
      held.push(() => print(ignore))
      resume(Effect.void)
    })

  const status = (line: string) =>
    Effect.sync(() => {
      if (!isSmart || asking || open || line === passing) return
      if (line === "") return clear()
      passing = line
      stderr.write(`\r\u001b[K${line}`)
    })

  const oneAtATime = yield* Effect.makeSemaphore(1)
  const prompt = (question: string) =>
    Effect.zipRight(
      err(question),
      Effect.async<Option.Option<string>>((resume) => {
        asking = true
        const answered = (chunk: Buffer) => done(Option.some(chunk.toString("utf8").replace(/\r?\n$/, "")))
        const ended = () => done(Option.none())
        const stop = () => {
          stdin.off("data", answered).off("end", ended)
          stdin.pause()
          asking = false
          for (const print of held.splice(0)) print()
        }
        const done = (line: Option.Option<string>) => {
          stop()
          resume(Effect.succeed(line))
        }
        stdin.on("data", answered).on("end", ended).resume()
        return Effect.sync(stop)
      })
    ).pipe(oneAtATime.withPermits(1))
  const ask = (question: string) =>
    Effect.map(
      prompt(question),
      Option.exists((line) => /^\s*y(es)?\s*$/i.test(line))
    )
  const isAttended = stdin.isTTY === true && stderrIsTerminal

  const screen = Screen.of({
    stdoutIsTerminal,
    stderrIsTerminal,
    stdinIsTerminal: stdin.isTTY === true,
    colors: isSmart && !noColor,
    columns: stdoutIsTerminal && stdout.columns > 0 ? stdout.columns : undefined,
    // a terminal that does not know its width reports 0
    width: Math.max(40, stderr.columns || 120),
    out: (text) => write(stdoutIsTerminal ? Words.harmless(text) : text),
    flow,
    err,
    // OSC 9, which terminals without it ignore
    notify: (text) =>
      Effect.sync(() => {
        if (isSmart) stderr.write(`\u0007\u001b]9;${Words.oneLine(text)}\u0007`)
      }),
    status,
    ask: isAttended ? Option.some(ask) : Option.none(),
    prompt: isAttended ? Option.some(prompt) : Option.none(),
    piped: { all: Piped.all, beside: Piped.beside }
  })

  const styled = stdoutIsTerminal && !noColor
  const console: Console.Console = {
    ...standard,
    // the help of @effect/cli, which is styled even without a terminal
    log: (...parts) => {
      const text = parts.join(" ").trimEnd()
      return Effect.ignore(write(styled ? text : Words.withoutStyle(text)))
    },
    // its report of a usage error, which Cli.ts prints in one line instead
    error: () => Effect.void,
    unsafe: {
      ...standard.unsafe,
      // the log
      error: (...parts) =>
        orHeld(() => {
          newLine()
          standard.unsafe.error(...parts)
        })
    }
  }

  return Layer.merge(Layer.succeed(Screen, screen), Console.setConsole(console))
})

/** The screen, and a `Console` for the help and the log, which print by themselves. */
export const layer: Layer.Layer<Screen> = Layer.unwrapEffect(Effect.suspend(() => make))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const styles: Readonly<Record<Style, readonly [before: string, after: string]>> = {
  plain: ["", ""],
  strong: ["\u001b[1m", "\u001b[22m"],
  code: ["\u001b[36m", "\u001b[39m"],
  quiet: ["\u001b[2m", "\u001b[22m"]
}

const ignore = () => {}

const outputError = (error: Error): OutputClosed | OutputFailed => {
  const code = "code" in error ? String(error.code) : ""
  return code === "EPIPE" || code === "ERR_STREAM_DESTROYED"
    ? new OutputClosed()
    : new OutputFailed({ detail: error.message })
}

const variable = (name: string) => Effect.orElseSucceed(Config.withDefault(Config.string(name), ""), () => "")
