/**
 * Which instance serves a name (contract C2, C4, E): exact id, key in any case, just-in-time load, or the wrong model.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { ModelOnDisk } from "../state/Catalogue.ts"
import type { BegunLoad, Instance, LmStudioState, Machine } from "../state/LmStudioState.ts"
import * as ErrorBody from "./ErrorBody.ts"
import * as RouterLoads from "./router/RouterLoads.ts"
import type { ApiFault } from "./Reply.ts"

export interface Wanted {
  readonly name: string
  readonly type: "llm" | "embedding"
  /** Milliseconds; only used by routes that accept `ttl`, and only when this request loads the model. */
  readonly ttlMs?: number | undefined
  readonly contextLength?: number | undefined
}

/** An existing instance, or a load that this request has started. */
export type Resolved =
  | { readonly _tag: "Loaded"; readonly instance: Instance }
  | { readonly _tag: "Loading"; readonly begun: BegunLoad }

/** How a route reports a failed load: key and text to a fault. */
export type LoadFault = (key: string, text: string) => ApiFault

const sameName = (left: string, right: string) => left.toLowerCase() === right.toLowerCase()

/** The loaded instance for a name on the OpenAI routes, before any loading. */
export const findInstance = (machine: Machine, name: string): Instance | undefined =>
  machine.instances.find((instance) => instance.id === name) ??
  machine.instances.find((instance) => sameName(instance.key, name))

/** The downloaded model for a name. */
export const findOnDisk = (machine: Machine, name: string): ModelOnDisk | undefined =>
  machine.models.find((model) => sameName(model.key, name) || (model.variants ?? []).some((key) => sameName(key, name)))

/** For `/v1/*` and `/api/v0/*`: the instance, loaded first if necessary. */
export const resolveLenient = Effect.fnUntraced(function* (state: LmStudioState, wanted: Wanted) {
  const machine = yield* state.get
  const { settings } = machine
  if (settings.api === "llama-router") return yield* RouterLoads.resolve(state, wanted.name)
  const existing = findInstance(machine, wanted.name)
  if (existing !== undefined) {
    if (existing.type !== wanted.type) return yield* wrongDomain
    return existing
  }
  const onDisk = findOnDisk(machine, wanted.name)
  if (onDisk !== undefined && settings.jitLoading) {
    if (onDisk.type !== wanted.type) return yield* wrongDomain
    if (!settings.jitWorks) return yield* noModelsLoaded
    return yield* settle(yield* beginJustInTime(state, onDisk, wanted, loadFailed), loadFailed)
  }
  const loaded = machine.instances.filter((instance) => instance.type === wanted.type)
  const [only] = loaded
  if (only !== undefined && loaded.length === 1) return only
  if (only === undefined && !settings.jitLoading) return yield* noModelsLoaded
  return yield* unknownModel(machine, wanted.name)
})

/** For `/api/v1/chat`: never a model other than the named one. */
export const resolveStrict = Effect.fnUntraced(function* (state: LmStudioState, wanted: Wanted, failed: LoadFault) {
  const machine = yield* state.get
  const existing = findInstance(machine, wanted.name)
  if (existing !== undefined) return { _tag: "Loaded", instance: existing } as const
  const onDisk = findOnDisk(machine, wanted.name)
  if (onDisk === undefined) {
    return yield* ErrorBody.native(404, "invalid_request", invalidIdentifier(machine, wanted.name), {
      param: "model",
      code: "model_not_found"
    })
  }
  if (!machine.settings.jitLoading || !machine.settings.jitWorks) return yield* noModelsLoaded
  return yield* beginJustInTime(state, onDisk, wanted, failed)
})

/** Waits for the load, if there is one. */
export const settle = (resolved: Resolved, failed: LoadFault): Effect.Effect<Instance, ApiFault> =>
  resolved._tag === "Loaded"
    ? Effect.succeed(resolved.instance)
    : Effect.mapError(resolved.begun.result, (failure) => failed(failure.key, failure.text))

/** The SDK's own text; the status on the HTTP routes is not on record. */
export const wrongDomain = ErrorBody.openAi(400, "Model has wrong domain.", { param: "model" })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** How the OpenAI routes report a failed just-in-time load. */
const loadFailed = (key: string, text: string): ApiFault =>
  ErrorBody.openAi(400, `Failed to load model "${key}". Error: ${text}`, { param: "model", code: "model_load_failed" })

const beginJustInTime = Effect.fnUntraced(function* (
  state: LmStudioState,
  model: ModelOnDisk,
  wanted: Wanted,
  failed: LoadFault
) {
  const { jitAutoUnload, jitTtl } = yield* state.settings
  const begun = yield* state
    .beginJustInTime({
      key: model.key,
      ttlMs: jitAutoUnload ? (wanted.ttlMs ?? Duration.toMillis(jitTtl)) : null,
      contextLength: wanted.contextLength
    })
    .pipe(Effect.mapError((failure) => failed(model.key, failure.text)))
  return { _tag: "Loading", begun } as const
})

const noModelsLoaded = ErrorBody.openAi(
  400,
  "No models loaded. Please load a model in the developer page or use the 'lms load' command.",
  { param: "model" }
)

const invalidIdentifier = (machine: Machine, name: string) =>
  `Invalid model identifier "${name}". Please specify a valid downloaded model (e.g., ${machine.models
    .slice(0, 3)
    .map((model) => model.key)
    .join(", ")}).`

const unknownModel = (machine: Machine, name: string) =>
  machine.settings.unknownModel === "400"
    ? ErrorBody.openAi(400, invalidIdentifier(machine, name), { param: "model", code: "model_not_found" })
    : ErrorBody.openAi(
        404,
        `Model "${name}" not found. Please specify a valid model.\n\nYour models:\n\n${machine.models
          .map((model) => model.key)
          .join("\n")}`,
        { param: "model", code: "model_not_found" }
      )
