/** The log in a file, as JSON lines. A file that has reached its size becomes `.1`, the one before it `.2`, up to `.3`. */
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import type * as Scope from "effect/Scope"

/** Lines are written together a few times a second, and when the scope closes. */
export const make = (
  fs: FileSystem.FileSystem,
  file: string,
  mostBytes: number
): Effect.Effect<Logger.Logger<unknown, void>, never, Scope.Scope> =>
  Effect.gen(function* () {
    let size = yield* Effect.match(fs.stat(file), { onFailure: () => 0, onSuccess: (found) => Number(found.size) })
    let said = false
    const console = yield* Effect.console
    const rotated = Effect.gen(function* () {
      for (let older = kept - 1; older > 0; older--)
        yield* Effect.ignore(fs.rename(`${file}.${older}`, `${file}.${older + 1}`))
      yield* Effect.ignore(fs.rename(file, `${file}.1`))
      size = 0
    })
    const write = Effect.fnUntraced(function* (lines: ReadonlyArray<string>) {
      if (lines.length === 0) return
      const text = lines.map((line) => `${line}\n`).join("")
      const bytes = new TextEncoder().encode(text)
      if (size > 0 && size + bytes.length > mostBytes) yield* rotated
      yield* fs.writeFile(file, bytes, { flag: "a", mode: 0o600 })
      size += bytes.length
    })
    return yield* Logger.batched(Logger.jsonLogger, "200 millis", (lines) =>
      Effect.catchAll(write(lines), ({ message }) =>
        Effect.sync(() => {
          if (!said) console.unsafe.error(`lms-bridge: the log file ${file} cannot be written (${message}).`)
          said = true
        })
      )
    )
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Files beside the current one. */
const kept = 3
