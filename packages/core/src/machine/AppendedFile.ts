/**
 * A file of lines that only grows. What is appended is in it whole or not at all; what could not be written, because the disk is
 * full or no file can be opened, is kept and written before the next.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import { closedOnFailure } from "../internal/ownScope.ts"

/** Gives why not all that was appended until now is in the file; undefined if it is. */
export type Append = (text: string) => Effect.Effect<string | undefined>

/**
 * The file is open until the scope closes, and for as long afterwards as there is something to write. A file that cannot be
 * opened now is tried again with each text.
 */
export const make = Effect.fnUntraced(function* (fs: FileSystem.FileSystem, name: string) {
  const scope = yield* Scope.make()
  let file: FileSystem.File | undefined
  let pending = ""
  /** The bytes of it that are whole lines; what is beyond was torn off. */
  let size = 0n
  let isTorn = false

  const opened = Effect.gen(function* () {
    const text = yield* Effect.catchIf(fs.readFileString(name), isMissing, () => Effect.succeed(""))
    const found = yield* fs.open(name, { flag: "a", mode: 0o600 }).pipe(
      Effect.tap(({ stat }) => Effect.map(stat, (known) => (size = known.size))),
      closedOnFailure,
      Scope.extend(scope)
    )
    // a line truncated when a process was killed must not swallow the next one
    if (text !== "" && !text.endsWith("\n")) pending = `\n${pending}`
    file = found
    return found
  })

  const write: Effect.Effect<void, PlatformError> = Effect.gen(function* () {
    const found = file ?? (yield* opened)
    if (isTorn) yield* found.truncate(FileSystem.Size(size))
    isTorn = false
    const bytes = encoder.encode(pending)
    if (bytes.length === 0) return
    isTorn = true
    yield* found.writeAll(bytes)
    isTorn = false
    size += BigInt(bytes.length)
    pending = ""
  })

  const append: Append = (text) =>
    Effect.suspend(() => {
      pending += text
      return Effect.match(write, { onSuccess: () => undefined, onFailure: ({ message }) => message })
    })
  const close = Scope.close(scope, Exit.void)
  const catchUp = Effect.retry(write, Schedule.upTo(Schedule.spaced(lookEvery), patience)).pipe(
    Effect.ignore,
    Effect.zipRight(close)
  )
  yield* Effect.addFinalizer(() => (pending === "" ? close : Effect.forkDaemon(catchUp)))
  return { append }
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const encoder = new TextEncoder()

const isMissing = (error: PlatformError) => error._tag === "SystemError" && error.reason === "NotFound"

const lookEvery = "2 seconds"
const patience = "10 minutes"
