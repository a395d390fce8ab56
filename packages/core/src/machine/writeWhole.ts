/** Replacing a file atomically. */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"

/**
 * Writes the file atomically: a reader sees the old content or the new one, even after the machine has crashed. The
 * content is first written to `temporary`, which concurrent writers must not share. `mode` applies to the new file;
 * with `exclusive`, an existing `temporary` is an error.
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
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content
  yield* Effect.scoped(
    Effect.flatMap(fs.open(temporary, { flag: exclusive ? "wx" : "w", mode }), (open) =>
      // without the sync, a crash of the machine may leave an empty file under the final name
      Effect.zipRight(
        // a write of nothing would be an error
        bytes.length === 0 ? Effect.void : open.writeAll(bytes),
        open.sync
      ).pipe(orRemove)
    )
  )
  yield* orRemove(fs.rename(temporary, file))
}, Effect.uninterruptible)
