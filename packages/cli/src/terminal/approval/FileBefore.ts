/** The file that a call would change, as it is now. */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"

/** Bytes of a file whose change is shown. */
const largest = 200_000

/** Undefined where there is none. `unread`: outside of the folders, too large, or no text. */
export const of = (
  file: string,
  folders: ReadonlyArray<string>
): Effect.Effect<string | undefined | "unread", never, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const roots = yield* Effect.forEach(folders.length === 0 ? ["."] : folders, (folder) => fs.realPath(folder))
    const place = path.resolve(roots[0] ?? ".", file)
    const exists = yield* fs.exists(place)
    // links are followed, also those of the folder that a new file would be in
    const real = exists
      ? yield* fs.realPath(place)
      : path.join(yield* fs.realPath(path.dirname(place)), path.basename(place))
    if (!roots.some((root) => real === root || real.startsWith(root.endsWith(path.sep) ? root : root + path.sep)))
      return "unread"
    if (!exists) return undefined
    const { size, type } = yield* fs.stat(real)
    if (type !== "File" || size > largest) return "unread"
    const bytes = yield* fs.readFile(real)
    return bytes.includes(0) ? "unread" : new TextDecoder().decode(bytes)
  }).pipe(Effect.orElseSucceed(() => "unread" as const))
