/** Whether work can be handed to LM Studio now: it answers, and says which models it has. */
import {
  type ApiError,
  type ApiModel,
  LmStudioApi,
  RequestTimeout,
  type ServerInfo
} from "@lms-bridge/core/LmStudioApi"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

/** How long a supervisor waits for `/readyz`, and a person for `health_check`. */
const patience = Duration.seconds(2)

/** The server and its models, or why there is neither. `health_check` and `/readyz` say what this says. */
export const readiness: Effect.Effect<
  readonly [server: ServerInfo, models: ReadonlyArray<ApiModel>],
  ApiError,
  LmStudioApi
> = Effect.flatMap(LmStudioApi, (api) => Effect.zip(api.ping, api.models)).pipe(
  Effect.timeoutFail({
    duration: patience,
    onTimeout: () => new RequestTimeout({ operation: "model list", phase: "Look", limit: patience, delivered: 0 })
  })
)
