/**
 * Replacing a file atomically.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"

/**
 * Writes the whole file or none of it: a reader sees the old text or the new one, never half of one, also after the
 * machine has crashed. Written beside it first, as `temporary`, which two writers at once must not share. `mode` is for
 * the new file; with `exclusive` it is an error when `temporary` is there already.
 *
 * @internal
 */
export const writeWhole = Effect.fnUntraced(function* (
  file: string,
  content: string | Uint8Array,
  {
    exclusive = false,
    mode = 0o600,
    temporary = `${file}.new`
  }: { readonly exclusive?: boolean; readonly mode?: number; readonly temporary?: string } = {}
) {
  const fs = yield* FileSystem.FileSystem
  const orRemove = <A, E, R>(self: Effect.Effect<A, E, R>) =>
    Effect.tapError(self, () => Effect.ignore(fs.remove(temporary, { force: true })))
  yield* Effect.scoped(
    Effect.flatMap(fs.open(temporary, { flag: exclusive ? "wx" : "w", mode }), (open) =>
      // without it a crash of the machine may leave an empty file under the good name
      Effect.zipRight(
        open.writeAll(typeof content === "string" ? new TextEncoder().encode(content) : content),
        open.sync
      ).pipe(orRemove)
    )
  )
  yield* orRemove(fs.rename(temporary, file))
}, Effect.uninterruptible)
