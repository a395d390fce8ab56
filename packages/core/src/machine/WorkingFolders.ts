/** The folders of a run: the named ones, else the configured one, else the current one; each is checked. */
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { homeFolder } from "./HomeFolder.ts"
import { Settings } from "../configuration/Settings.ts"
import { FolderRefused, judge, type Machine } from "./WorkingFolder.ts"

export class WorkingFolders extends Context.Tag("@lms-bridge/core/agent/WorkingFolders")<
  WorkingFolders,
  {
    /**
     * Absolute, real paths, each once, in the order given. `~` is the home folder. A relative path starts at
     * `WORKING_DIR`, else at the current folder; so does an empty list. Fails with the first folder that may not be
     * worked in.
     */
    readonly resolve: (folders: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<string>, FolderRefused>
  }
>() {
  static readonly layer: Layer.Layer<WorkingFolders, never, FileSystem.FileSystem | Path.Path | Settings> =
    Layer.effect(
      this,
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const path = yield* Path.Path
        const { dataDir, workingDir } = yield* Settings
        const home = Option.getOrUndefined(yield* homeFolder)
        const base = path.resolve(Option.getOrElse(workingDir, () => "."))
        const realHome =
          home === undefined ? undefined : yield* Effect.orElseSucceed(fs.realPath(home), () => path.resolve(home))
        const realOf = (place: string) => Effect.orElseSucceed(fs.realPath(place), () => path.resolve(place))
        const ownData = yield* Effect.transposeMapOption(dataDir, realOf)
        const machine: Machine = {
          separator: path.sep,
          relative: path.relative,
          isAbsolute: path.isAbsolute,
          dirname: path.dirname,
          join: path.join,
          home: realHome,
          secrets: Option.toArray(ownData)
        }

        const fromUrl = (folder: string) =>
          Effect.try({
            try: () => new URL(folder),
            catch: () => new FolderRefused({ folder, reason: "NotAPath" })
          }).pipe(
            Effect.flatMap((url) => path.fromFileUrl(url)),
            Effect.mapError(() => new FolderRefused({ folder, reason: "NotAPath" }))
          )

        const one = Effect.fnUntraced(function* (folder: string) {
          if (folder.trim() === "" || folder.includes("\0")) {
            return yield* new FolderRefused({ folder: folder.replaceAll("\0", "\\0"), reason: "NotAPath" })
          }
          const place = /^file:/i.test(folder) ? yield* fromUrl(folder) : folder
          const written = home === undefined ? place : place.replace(/^~(?=$|[/\\])/, home)
          const absolute = path.resolve(base, written)
          const real = yield* Effect.mapError(fs.realPath(absolute), refusedBy(folder))
          const named = real === folder ? {} : { real }
          const reason = judge(real, machine)
          if (reason !== undefined) return yield* new FolderRefused({ folder, reason, ...named })
          const holding = yield* Effect.findFirst(homeMarkers, (name) =>
            Effect.orElseSucceed(fs.exists(path.join(real, name)), () => false)
          )
          if (Option.isSome(holding)) return yield* new FolderRefused({ folder, reason: "HoldsSecrets", ...named })
          const { type } = yield* Effect.mapError(fs.stat(real), refusedBy(folder))
          if (type !== "Directory") return yield* new FolderRefused({ folder, reason: "NotAFolder" })
          yield* Effect.mapError(fs.access(real, { readable: true }), refusedBy(folder))
          return real
        })

        return {
          resolve: Effect.fn("WorkingFolders.resolve")(function* (folders) {
            const resolved = yield* Effect.forEach(folders.length === 0 ? [base] : folders, one)
            return [...new Set(resolved)]
          })
        }
      })
    )
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Names that only a home contains. */
const homeMarkers = [".ssh", ".gnupg", ".aws", ".kube", ".netrc", ".claude.json", ".lmstudio", ".git-credentials"]

const refusedBy = (folder: string) => (error: PlatformError) =>
  new FolderRefused({
    folder,
    reason: error._tag === "SystemError" && error.reason === "NotFound" ? "NotFound" : "NotReadable"
  })
