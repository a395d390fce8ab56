// @effect-diagnostics nodeBuiltinImport:off -- Node's own line editor: no module of Effect's keeps a history
// @effect-diagnostics globalTimers:off -- within a callback of that editor
/**
 * The line editor of a Node process: on a terminal with history and TAB, from a pipe line by line.
 */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { createInterface } from "node:readline"
import { LineEditor, type Reading, type Typed } from "./LineEditor.ts"

export const layer: Layer.Layer<LineEditor> = Layer.sync(LineEditor, () => ({
  read: process.stdin.isTTY === true && process.stderr.isTTY === true ? fromTerminal : piped(),
  stoppable
}))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Milliseconds within which the next line of pasted text comes. */
const pasted = 25

const fromTerminal = ({ complete, history, prompt }: Reading): Effect.Effect<Typed> =>
  Effect.async((resume) => {
    const lines: Array<string> = []
    let timer: NodeJS.Timeout | undefined
    const reader = createInterface({
      input: process.stdin,
      output: process.stderr,
      terminal: true,
      history: history.toReversed(),
      historySize: history.length + 1,
      removeHistoryDuplicates: true,
      prompt,
      completer: (line: string) => [complete(line), line] as [Array<string>, string]
    })
    const stop = () => {
      clearTimeout(timer)
      reader.off("close", closed)
      reader.close()
    }
    const done = (typed: Typed) => {
      stop()
      resume(Effect.succeed(typed))
    }
    const closed = () => {
      process.stderr.write("\n")
      done({ _tag: "Closed" })
    }
    const took = () => done({ _tag: "Line", text: lines.join("\n") })
    reader.on("line", (line) => {
      // a backslash at the end: the next line belongs to it
      const open = line.endsWith("\\")
      lines.push(open ? line.slice(0, -1) : line)
      clearTimeout(timer)
      if (!open) timer = setTimeout(took, pasted)
      else {
        reader.setPrompt("… ")
        reader.prompt()
      }
    })
    reader.on("SIGINT", () => {
      const empty = reader.line === "" && lines.length === 0
      process.stderr.write("\n")
      done({ _tag: "Cancelled", empty })
    })
    reader.on("close", closed)
    reader.prompt()
    return Effect.sync(stop)
  })

/** One reader for all lines: what a pipe has sent is not lost between two of them. */
const piped = () => {
  let lines: AsyncIterator<string> | undefined
  return (_: Reading): Effect.Effect<Typed> =>
    Effect.suspend(() => {
      lines ??= createInterface({ input: process.stdin, terminal: false })[Symbol.asyncIterator]()
      const next = lines.next()
      return Effect.map(
        Effect.promise(() => next),
        ({ done, value }): Typed => (done === true ? { _tag: "Closed" } : { _tag: "Line", text: value })
      )
    })
}

/** The runtime's own listener would interrupt the main fiber for good, so it is set aside meanwhile. A second Ctrl-C reaches it. */
const stoppable = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<Exit.Exit<A, E>, never, R> =>
  Effect.scoped(
    Effect.gen(function* () {
      const fiber = yield* Effect.forkScoped(self)
      const others = process.listeners("SIGINT")
      const restore = () => {
        process.off("SIGINT", stop)
        for (const other of others) process.on("SIGINT", other)
      }
      const stop = () => {
        restore()
        fiber.unsafeInterruptAsFork(fiber.id())
      }
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          process.removeAllListeners("SIGINT")
          process.on("SIGINT", stop)
        }),
        () => Effect.sync(() => process.listeners("SIGINT").includes(stop) && restore())
      )
      return yield* Fiber.await(fiber)
    })
  )
