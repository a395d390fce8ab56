/** Interprets a failed load: whether another way may still work, and which error the caller gets. */
import * as Effect from "effect/Effect"
import { present } from "../../schema/Fields.ts"
import * as ErrorClassifier from "../../lmstudio/ErrorClassifier.ts"
import { type ApiError, ModelLoadFailed, ModelLoadRefused, ModelNotFound } from "../../lmstudio/LmStudioError.ts"
import type { LmsCliError, LmsCallError } from "../../lmstudio/LmsCliError.ts"
import * as Patience from "../../resilience/Patience.ts"
import { idleOfOurs, type LifecycleParts, type Survey } from "./LifecycleParts.ts"
import type { LoadWay } from "../Ensured.ts"
import type { CatalogModel } from "../catalog/CatalogModel.ts"
import type { ModelLifecycleError } from "../ModelLifecycleError.ts"

/**
 * Whether the failure says that this way is not available here, and nothing about the model: the executable is missing or
 * too old, the route does not exist, or just-in-time loading is switched off (LM Studio then says that no model is loaded
 * or that the name is unknown, or lets another model answer).
 */
export const isWayClosed = (way: LoadWay, error: ApiError | LmsCallError): boolean => {
  switch (error._tag) {
    case "CircuitOpen":
      return way === "cli"
    case "LmsCliError":
      return closedReasons.has(error.reason) || (error.reason === "Exit" && /unknown option/i.test(error.detail ?? ""))
    case "Unsupported":
      return true
    case "ModelNotLoaded":
    case "ModelNotFound":
    case "WrongModelAnswered":
      return way === "jit"
    case "RequestRejected":
      // a model that neither chats nor embeds: no request can load it
      return way === "jit" && /wrong domain/i.test(error.serverMessage)
    default:
      return false
  }
}

/** Whether LM Studio itself says that it has not loaded the model. After any other failure it may have done so. */
export const isDefinite = (error: ApiError | LmsCallError): boolean =>
  error._tag === "ModelLoadRefused" ||
  (error._tag === "ModelLoadFailed" && error.reason !== "Timeout") ||
  error._tag === "ModelNotFound" ||
  error._tag === "Unauthorized" ||
  (error._tag === "LmsCliError" && (error.reason === "LoadRefused" || error.reason === "ModelNotFound"))

/** Whether the connection to LM Studio broke during the load. LM Studio may have continued, or it may have exited. */
export const isCut = (error: ApiError | LmsCallError): boolean =>
  error._tag === "StreamCut" ||
  Patience.isGone(error) ||
  (error._tag === "LmsCliError" && error.reason === "Exit" && connectionLost.test(error.detail ?? ""))

/**
 * The error for a failed load, in LM Studio's terms whichever way was used. A refusal for lack of memory names our idle
 * models that could be unloaded.
 */
export const explain = Effect.fnUntraced(function* (
  parts: LifecycleParts,
  model: CatalogModel,
  error: ApiError | LmsCallError,
  look: Survey
) {
  const explained = error._tag === "LmsCliError" ? ofLms(model.key, error) : error
  // it had no request yet, so it crashed while loading
  if (explained._tag === "ModelCrashed") {
    return new ModelLoadFailed({
      model: model.key,
      reason: explained.reason === "Crashed" ? "Engine" : "Other",
      serverMessage: explained.serverMessage
    })
  }
  if (explained._tag !== "ModelLoadRefused") return explained
  return yield* refused(parts, model, look, explained)
})

export const refused = (
  parts: LifecycleParts,
  model: CatalogModel,
  look: Survey,
  facts: { readonly requiredBytes?: number | undefined; readonly serverMessage: string }
): Effect.Effect<ModelLoadRefused> =>
  Effect.map(
    idleOfOurs(parts, look),
    (idle) =>
      new ModelLoadRefused({
        model: model.key,
        ...present({ requiredBytes: facts.requiredBytes }),
        couldUnload: idle.filter((one) => one.model.key !== model.key).map(({ instance }) => instance.id),
        serverMessage: facts.serverMessage
      })
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const closedReasons: ReadonlySet<LmsCliError["reason"]> = new Set([
  "NotInstalled",
  "Disabled",
  "Spawn",
  "NotRunning",
  "Remote"
])

const connectionLost =
  /\bsocket hang up|\bECONNRESET|\bECONNREFUSED|\bEPIPE|connection (?:to .{1,60} )?(?:was |has been )?(?:unexpectedly )?(?:closed|lost|reset|terminated|dropped|refused)|(?:lost|closed) (?:the )?connection|WebSocket|\bdisconnected\b/i

/** `lms` prints LM Studio's own sentences, so the classifier of HTTP error bodies applies to them. */
const ofLms = (key: string, error: LmsCliError): ModelLifecycleError => {
  const said = error.detail ?? ""
  switch (error.reason) {
    case "Timeout":
      return new ModelLoadFailed({
        model: key,
        reason: "Timeout",
        serverMessage: "`lms load` did not finish in time, and the model is not in memory."
      })
    case "ModelNotFound":
      return new ModelNotFound({ model: key, available: [], nearest: [], serverMessage: said })
    case "LoadRefused":
    case "Exit":
    case "Output": {
      const classified = ErrorClassifier.classify({ operation: "model load", model: key, facts: { message: said } })
      return classified._tag === "ServerFault" || classified._tag === "RequestRejected"
        ? new ModelLoadFailed({ model: key, reason: "Other", serverMessage: said })
        : classified
    }
    default:
      return error
  }
}
