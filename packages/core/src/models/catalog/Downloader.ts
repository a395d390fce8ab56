/**
 * Downloads a model: over HTTP, or with `lms get` where the server is too old for that. Watches the progress, and reports
 * success only when LM Studio lists the model.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { LmStudioApi } from "../../lmstudio/LmStudioApi.ts"
import type { ApiError } from "../../lmstudio/LmStudioError.ts"
import type { DownloadStatus } from "../../lmstudio/ApiModel.ts"
import { LmsCli } from "../../lmstudio/LmsCli.ts"
import type { LmsCallError } from "../../lmstudio/LmsCliError.ts"
import * as ModelName from "../../lmstudio/ModelName.ts"

export class ModelDownloadFailed extends Schema.TaggedError<ModelDownloadFailed>()("ModelDownloadFailed", {
  model: Schema.String,
  reason: Schema.Literal("Failed", "Paused", "NotListed")
}) {
  readonly retryable = false
  override get message() {
    switch (this.reason) {
      case "Failed":
        return `The download of "${this.model}" failed. See LM Studio's Downloads panel for the reason, and check the free disk space.`
      case "Paused":
        return `The download of "${this.model}" is paused. Resume it in LM Studio's Downloads panel.`
      case "NotListed":
        return `LM Studio reports that "${this.model}" is downloaded, but does not list it. Restart LM Studio, or check its Downloads panel.`
    }
  }
}

/** `fraction` 0..1. */
export interface DownloadProgress {
  readonly fraction: number
  readonly bytesPerSecond: number | undefined
}

/** `downloading` when the caller did not wait; `key` is the model's key in LM Studio's list, once it is there. */
export interface Downloaded {
  readonly status: "already-there" | "downloaded" | "downloading"
  readonly key: string | undefined
}

export type DownloaderError = ApiError | LmsCallError | ModelDownloadFailed

export class Downloader extends Context.Tag("@lms-bridge/core/models/Downloader")<
  Downloader,
  {
    /**
     * Interruption ends `lms get`. A download by LM Studio itself continues, because its API cannot stop one. `wait: false`
     * returns once such a download has started; `lms get` is always awaited.
     */
    readonly download: (
      model: string,
      options?: {
        readonly wait?: boolean | undefined
        readonly onProgress?: ((progress: DownloadProgress) => Effect.Effect<void>) | undefined
      }
    ) => Effect.Effect<Downloaded, DownloaderError>
  }
>() {
  static readonly layer: Layer.Layer<Downloader, never, LmStudioApi | LmsCli> = Layer.effect(
    this,
    Effect.gen(function* () {
      const api = yield* LmStudioApi
      const cli = yield* LmsCli

      /** The key of the downloaded model: by its name, else the one that was not listed before. */
      const listed = Effect.fnUntraced(function* (model: string, before: ReadonlyArray<string>) {
        const models = yield* api.models
        const key =
          ModelName.find(models, model)?.model.key ??
          models.find((candidate) => !before.includes(candidate.key))?.key ??
          ModelName.nearest(
            model,
            models.map((candidate) => candidate.key)
          )[0]
        return key ?? (yield* new ModelDownloadFailed({ model, reason: "NotListed" }))
      })

      return {
        download: Effect.fn("Downloader.download")(function* (
          model,
          { onProgress = () => Effect.void, wait = true } = {}
        ) {
          yield* Effect.annotateCurrentSpan({ model })
          const models = yield* api.models
          const known = ModelName.find(models, model)
          if (known !== undefined) return { status: "already-there", key: known.model.key }
          const before = models.map(({ key }) => key)

          const watched = (status: DownloadStatus): Effect.Effect<Downloaded["status"], DownloaderError> =>
            Effect.gen(function* () {
              const { bytesPerSecond, downloadedBytes = 0, totalBytes = 0 } = status
              const fraction = totalBytes === 0 ? 0 : downloadedBytes / totalBytes
              switch (status.status) {
                case "already_downloaded":
                  return "already-there" as const
                case "completed":
                  return "downloaded" as const
                case "failed":
                  return yield* new ModelDownloadFailed({ model, reason: "Failed" })
                case "paused":
                  return yield* new ModelDownloadFailed({ model, reason: "Paused" })
                default:
                  yield* onProgress({ fraction, bytesPerSecond })
                  return "downloading" as const
              }
            })
          const overHttp = Effect.gen(function* () {
            const begun = yield* api.download(model)
            const first = yield* watched(begun)
            const { jobId } = begun
            if (first !== "downloading" || !wait || jobId === undefined) return first
            return yield* Effect.flatMap(api.downloadStatus(jobId), watched).pipe(
              Effect.repeat(
                Schedule.zipLeft(
                  Schedule.recurUntil((now: Downloaded["status"]) => now !== "downloading"),
                  Schedule.spaced(interval)
                )
              )
            )
          })
          const byLms = Stream.runFoldEffect(
            Stream.suspend(() => cli.get(model)),
            "downloaded" as Downloaded["status"],
            (status, event) =>
              event._tag === "Downloading"
                ? Effect.as(onProgress({ fraction: event.fraction, bytesPerSecond: undefined }), status)
                : Effect.succeed(event.alreadyDownloaded ? ("already-there" as const) : status)
          )
          const status = yield* Effect.catchTag(overHttp, "Unsupported", () => byLms)
          return { status, key: status === "downloading" ? undefined : yield* listed(model, before) }
        })
      }
    })
  )
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const interval = Duration.seconds(1)
