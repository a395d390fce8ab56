/** Whether work can be handed to LM Studio now: it answers, and says which models it has. */
import { type ApiError, type ApiModel, LmStudioApi, type ServerInfo } from "@lms-bridge/core/LmStudioApi"
import * as Effect from "effect/Effect"

/** The server and its models, or why there is neither. `health_check` and `/readyz` say what this says. */
export const readiness: Effect.Effect<
  readonly [server: ServerInfo, models: ReadonlyArray<ApiModel>],
  ApiError,
  LmStudioApi
> = Effect.flatMap(LmStudioApi, (api) => Effect.zip(api.ping, api.models))
