/** Loads images from files, URLs or base64, and checks their kind and size. */
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { homeFolder } from "../machine/HomeFolder.ts"
import { Settings } from "../configuration/Settings.ts"
import { isSecretPlace } from "../machine/SecretPlaces.ts"
import { WorkingFolders } from "../machine/WorkingFolders.ts"
import * as ImageData from "./ImageData.ts"
import * as ImageFetch from "./ImageFetch.ts"
import { ImageRefused } from "./ImageRefused.ts"
import { PublicWeb } from "./PublicWeb.ts"

export { ImageRefused } from "./ImageRefused.ts"

export interface Image {
  readonly kind: ImageData.ImageKind
  readonly bytes: number
  /** As it is sent to a model. */
  readonly dataUrl: string
}

export class Images extends Context.Tag("@lms-bridge/core/images/Images")<
  Images,
  {
    /**
     * `source` is a `data:` URL, base64, an http(s) URL or a path. Relative paths start at `WORKING_DIR`, and the folder
     * must be one that a model may work in. URLs are fetched from public addresses only; each redirect is checked again.
     */
    readonly load: (source: string) => Effect.Effect<Image, ImageRefused>
  }
>() {
  static readonly layer: Layer.Layer<Images, never, WorkingFolders | Settings | FileSystem.FileSystem | Path.Path> =
    Layer.effect(
      this,
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const path = yield* Path.Path
        const folders = yield* WorkingFolders
        const web = yield* PublicWeb
        const { workingDir } = yield* Settings
        const home = Option.getOrUndefined(yield* homeFolder)
        const base = path.resolve(Option.getOrElse(workingDir, () => "."))

        const fromFile = Effect.fnUntraced(function* (source: string) {
          const refused = (error: PlatformError) =>
            new ImageRefused({
              source,
              reason: error._tag === "SystemError" && error.reason === "NotFound" ? "NotFound" : "NotReadable"
            })
          const written = source.replace(/^file:\/\//i, "").replace(/^~(?=[/\\])/, home ?? "~")
          const real = yield* Effect.mapError(fs.realPath(path.resolve(base, written)), refused)
          yield* Effect.mapError(
            folders.resolve([path.dirname(real)]).pipe(
              // an image directly in the home folder gives no access to the folder's secrets
              Effect.catchIf(
                ({ reason }) => reason === "HoldsSecrets" && !isSecretPlace(real.replaceAll("\\", "/")),
                () => Effect.void
              )
            ),
            ({ message }) => new ImageRefused({ source, reason: "Folder", detail: message })
          )
          const { size, type } = yield* Effect.mapError(fs.stat(real), refused)
          if (type !== "File") return yield* new ImageRefused({ source, reason: "NotAnImage" })
          if (size > ImageData.maxBytes) return yield* new ImageRefused({ source, reason: "TooLarge" })
          return yield* Effect.mapError(fs.readFile(real), refused)
        })

        const bytesOf = (source: string): Effect.Effect<Uint8Array, ImageRefused> => {
          if (/^https?:/i.test(source)) return ImageFetch.get(web, source)
          const base64 = ImageData.base64In(source)
          return base64 === undefined
            ? fromFile(source)
            : Either.mapLeft(ImageData.decode(base64), (reason) => new ImageRefused({ source, reason }))
        }

        return {
          load: Effect.fn("Images.load")(function* (source) {
            const trimmed = source.trim()
            const bytes = yield* bytesOf(trimmed)
            const kind = ImageData.kindOf(bytes)
            if (kind === undefined) return yield* new ImageRefused({ source: trimmed, reason: "NotAnImage" })
            return { kind, bytes: bytes.length, dataUrl: ImageData.dataUrl(kind, bytes) }
          })
        }
      })
    )
}
