/** Starts LM Studio's server when it does not answer, if the configuration allows it. */
import * as Effect from "effect/Effect"
import { address } from "../../configuration/Settings.ts"
import type { ApiError } from "../../lmstudio/LmStudioError.ts"
import type { ApiModel } from "../../lmstudio/ApiModel.ts"
import * as Patience from "../../resilience/Patience.ts"
import type { LifecycleParts } from "./LifecycleParts.ts"

/** Requests the model list. `tell` receives the reason for each wait. */
export type Look = (tell?: (why: string) => Effect.Effect<void>) => Effect.Effect<ReadonlyArray<ApiModel>, ApiError>

/**
 * The model list. With `LMS_BRIDGE_AUTOSTART`, when nothing listens at the address and it is on this machine, one caller
 * runs `lms server start` for all, and the list is requested again. Waits for a server that has gone since it last
 * answered, and for one that is still loading.
 */
export const make = ({ api, cli, settings }: LifecycleParts): Effect.Effect<Look> =>
  Effect.map(Effect.makeSemaphore(1), (oneStarter) => {
    const patience = Patience.policyOf(settings)
    const start = Effect.whenEffect(
      Effect.logInfo("starting LM Studio's server").pipe(
        Effect.zipRight(Effect.suspend(() => cli.serverStart({ port: address(settings).port })))
      ),
      // another caller may have started it while this one waited
      Effect.map(Effect.either(api.ping), ({ _tag }) => _tag === "Left")
    )
    const woken = Effect.catchIf(
      api.models,
      (error) => settings.autostart && error._tag === "LmStudioUnreachable" && error.reason === "Refused",
      (unreachable) =>
        oneStarter
          .withPermits(1)(start)
          .pipe(
            Effect.tapError((error) => Effect.logWarning("LM Studio was not started", { error: error.message })),
            Effect.mapError(() => unreachable),
            Effect.zipRight(api.models)
          )
    )
    return (tell = () => Effect.void) =>
      woken.pipe(
        Patience.untilBack(patience, api.ping, tell(gone)),
        Patience.whileLoading(patience, tell("the server says that it is still loading"))
      )
  })

/** The reason for waiting when the server has gone. */
export const gone = "LM Studio has gone and may come back"
