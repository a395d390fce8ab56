/** Downloads a model in the best available way, with its progress. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { LmStudioApi } from "../../lmstudio/LmStudioApi.ts"
import { type ApiError, ModelNotFound, ServerFault } from "../../lmstudio/LmStudioError.ts"
import type { DownloadStatus } from "../../lmstudio/ApiModel.ts"
import { sizeOf } from "../../resilience/ByteLimits.ts"
import { LmsCli } from "../../lmstudio/LmsCli.ts"
import type { LmsCallError } from "../../lmstudio/LmsCliError.ts"
import type { GetProgress } from "../../lmstudio/LmsModel.ts"

/** How often LM Studio is asked for the progress of its own download. */
export const lookEvery = "1 second"

/**
 * Uses `lms get`, or LM Studio's own route where there is no `lms`. `name` is `owner/name`, a search term (`lms` only), or
 * the URL of a Hugging Face repository. The last element is always `Done`. Interruption stops watching and ends `lms`; LM
 * Studio itself continues its download, and has no route to stop it (contract A, F5).
 */
export const download = (name: string): Stream.Stream<GetProgress, ApiError | LmsCallError, LmStudioApi | LmsCli> =>
  Stream.unwrap(
    Effect.map(Effect.all([LmsCli, LmStudioApi]), ([cli, api]) =>
      Stream.catchSome(cli.get(name), (error) =>
        isWithoutLms(error) ? Option.some(byRest(api, name)) : Option.none()
      ).pipe(Stream.mapError((error) => (isUnknown(error) ? notInCatalogue(name) : error)))
    )
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const isWithoutLms = (error: LmsCallError) =>
  error._tag === "LmsCliError" && (error.reason === "NotInstalled" || error.reason === "Disabled")

const isUnknown = (error: ApiError | LmsCallError) =>
  error._tag === "ModelNotFound" || (error._tag === "LmsCliError" && error.reason === "ModelNotFound")

const notInCatalogue = (model: string) =>
  new ModelNotFound({ model, available: [], nearest: [], searched: "catalogue" })

const byRest = (api: typeof LmStudioApi.Service, name: string): Stream.Stream<GetProgress, ApiError> =>
  Stream.unwrap(
    Effect.map(api.download(name), (begun) => {
      const { jobId } = begun
      const later =
        jobId === undefined || isOver(begun)
          ? Stream.empty
          : Stream.repeatEffectWithSchedule(api.downloadStatus(jobId), Schedule.spaced(lookEvery))
      return Stream.make(begun).pipe(Stream.concat(later), Stream.takeUntil(isOver), Stream.mapEffect(progressOf))
    })
  )

const isOver = ({ status }: DownloadStatus) =>
  status === "completed" || status === "already_downloaded" || status === "failed"

const progressOf = (state: DownloadStatus): Effect.Effect<GetProgress, ServerFault> => {
  const { bytesPerSecond, downloadedBytes = 0, status, totalBytes } = state
  if (status === "failed") {
    return new ServerFault({
      operation: "download",
      reason: "Unknown",
      serverMessage: "The download has failed",
      delivered: 0
    })
  }
  if (isOver(state)) return Effect.succeed({ _tag: "Done", alreadyDownloaded: status === "already_downloaded" })
  const detail = [
    ...(totalBytes === undefined ? [] : [`${sizeOf(downloadedBytes)} / ${sizeOf(totalBytes)}`]),
    ...(bytesPerSecond === undefined ? [] : [`${sizeOf(bytesPerSecond)}/s`]),
    ...(status === "paused" ? ["paused"] : [])
  ].join(" | ")
  return Effect.succeed({
    _tag: "Downloading",
    fraction: totalBytes === undefined || totalBytes === 0 ? 0 : Math.min(1, downloadedBytes / totalBytes),
    detail
  })
}
