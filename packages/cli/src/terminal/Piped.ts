/** Text that comes to this process from a pipe or a file instead of a keyboard. */
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
// @effect-diagnostics-next-line nodeBuiltinImport:off
import { fstatSync } from "node:fs"

export interface PipedText {
  readonly text: string
  /** Nothing came in time, so nobody waits for it any longer. */
  readonly late: boolean
}

/** All of standard input; none where it is a terminal. */
export const all: Effect.Effect<Option.Option<string>> = Effect.suspend(() =>
  process.stdin.isTTY === true ? Effect.succeedNone : Effect.asSome(read().text)
)

/**
 * What a shell pipes in beside a task; none where it is anything but a shell's pipe or a file, since a program that starts
 * this one may leave its input open for ever.
 */
export const beside: Effect.Effect<Option.Option<PipedText>> = Effect.suspend(() => {
  if (!isShells()) return Effect.succeedNone
  const { hasBegun, text } = read()
  const late = Effect.suspend(() => (hasBegun() ? Effect.never : Effect.succeed({ text: "", late: true })))
  return Effect.asSome(
    Effect.raceFirst(
      Effect.map(text, (said) => ({ text: said, late: false })),
      Effect.delay(late, patience)
    )
  )
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Until the first piece of text. */
const patience = "3 seconds"

/** A pipe of a shell is a FIFO; programs that start others use sockets. */
const isShells = () => {
  try {
    const stat = fstatSync(0)
    return stat.isFIFO() || stat.isFile()
  } catch {
    return false
  }
}

const read = () => {
  const pieces: Array<Buffer> = []
  const text = Effect.async<string>((resume) => {
    const { stdin } = process
    const came = (piece: Buffer) => void pieces.push(piece)
    const ended = () => {
      stop()
      resume(Effect.succeed(Buffer.concat(pieces).toString("utf8")))
    }
    const stop = () => {
      stdin.off("data", came).off("end", ended).off("error", ended).pause()
      stdin.unref?.()
    }
    stdin.on("data", came).on("end", ended).on("error", ended).resume()
    return Effect.sync(stop)
  })
  return { text, hasBegun: () => pieces.length > 0 }
}
