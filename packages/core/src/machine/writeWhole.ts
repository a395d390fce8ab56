/**
 * Replacing a file atomically.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"

/**
 * Writes the whole file or none of it: a reader sees the old text or the new one, never half of one, also after the
 * machine has crashed. Written beside it first, as `temporary`, which two writers at once must not share. `mode` is for
 * the new file.
 *
 * @internal
 */
export const writeWhole = Effect.fnUntraced(function* (
  file: string,
  text: string,
  { mode = 0o600, temporary = `${file}.new` }: { readonly mode?: number; readonly temporary?: string } = {}
) {
  const fs = yield* FileSystem.FileSystem
  yield* Effect.scoped(
    Effect.flatMap(fs.open(temporary, { flag: "w", mode }), (open) =>
      // without it a crash of the machine may leave an empty file under the good name
      Effect.zipRight(open.writeAll(new TextEncoder().encode(text)), open.sync)
    )
  ).pipe(
    Effect.zipRight(fs.rename(temporary, file)),
    Effect.tapError(() => Effect.ignore(fs.remove(temporary, { force: true })))
  )
}, Effect.uninterruptible)
