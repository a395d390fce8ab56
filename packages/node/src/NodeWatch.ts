// @effect-diagnostics nodeBuiltinImport:off -- a backend uses Node's own modules
/**
 * Watches folders with `fs.watch` and reports every event at once. The platform's own backend first checks the file by
 * its bare name, which is not the file in the folder, and fails if there is none.
 */
import * as PlatformError from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { watch } from "node:fs"
import { join } from "node:path"

export const layer: Layer.Layer<FileSystem.WatchBackend> = Layer.succeed(
  FileSystem.WatchBackend,
  FileSystem.WatchBackend.of({
    register: (path, _stat, options) => Option.some(events(path, options))
  })
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const events = (path: string, options?: FileSystem.WatchOptions) =>
  Stream.asyncScoped<FileSystem.WatchEvent, PlatformError.PlatformError>((emit) =>
    Effect.acquireRelease(
      Effect.try({
        try: () =>
          watch(path, { recursive: options?.recursive === true, persistent: false }, (_, name) => {
            // whether the file was created or removed is for the observer to check
            if (name !== null) void emit.single(FileSystem.WatchEventUpdate({ path: join(path, name) }))
          })
            .on("error", (cause) => void emit.fail(failure(path, cause)))
            .on("close", () => void emit.end()),
        catch: (cause) => failure(path, cause)
      }),
      (watcher) => Effect.sync(() => watcher.close())
    )
  )

const failure = (path: string, cause: unknown) =>
  new PlatformError.SystemError({
    module: "FileSystem",
    reason: "Unknown",
    method: "watch",
    pathOrDescriptor: path,
    cause
  })
