/**
 * Detects changes to files by watching their folders, because a watch on the file itself is lost when an editor
 * replaces the file. A folder that cannot be watched is simply not covered.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as FiberMap from "effect/FiberMap"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

export interface ConfigWatch {
  /** Watches these files from now on, as far as their folders exist. Covering a file twice has no further effect. */
  readonly cover: (files: ReadonlyArray<string>) => Effect.Effect<void>
  /** Whether changes to this file are certain to be detected. */
  readonly covers: (file: string) => boolean
}

/**
 * `changed` runs whenever something happens to a covered file, at once and possibly several times for one change.
 * Watching ends with the scope.
 */
export const make = Effect.fnUntraced(function* (
  changed: Effect.Effect<void>
): Effect.fn.Return<ConfigWatch, never, FileSystem.FileSystem | Path.Path | Scope.Scope> {
  const fileSystem = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const folders = yield* FiberMap.make<string>()
  const standing = new Set<string>()
  const names = new Set<string>()

  const watch = (folder: string) =>
    fileSystem.watch(folder).pipe(
      // some backends report the name, others the whole path
      Stream.filter((event) => names.has(path.join(folder, path.basename(event.path)))),
      Stream.runForEach(() => changed),
      Effect.zipLeft(
        Effect.zipRight(
          Effect.sleep(settled),
          Effect.sync(() => standing.add(folder))
        ),
        {
          concurrent: true
        }
      ),
      Effect.ensuring(Effect.sync(() => standing.delete(folder))),
      Effect.catchAll((error) =>
        Effect.logDebug("a folder cannot be watched").pipe(Effect.annotateLogs({ folder, reason: error.message }))
      )
    )

  return {
    covers: (file) => standing.has(path.dirname(file)),
    cover: (files) =>
      Effect.forEach(
        files,
        (file) => {
          names.add(path.normalize(file))
          const folder = path.dirname(file)
          return FiberMap.run(folders, folder, watch(folder), { onlyIfMissing: true })
        },
        { discard: true }
      )
  }
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Nothing reports when a watch is active. After this time it is, or it has failed. */
const settled = "100 millis"
