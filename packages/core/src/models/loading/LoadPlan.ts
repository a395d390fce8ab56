/** Turns a request for a model into a load plan: the ways to try, the identifier and the idle limit. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as TtlPolicy from "../../resilience/TtlPolicy.ts"
import { idleOfOurs, type LifecycleParts, type Seen, type Survey } from "./LifecycleParts.ts"
import type { Choice } from "./LoadWays.ts"
import * as LoadWays from "./LoadWays.ts"
import type { CatalogModel } from "../catalog/CatalogModel.ts"
import { sameName } from "../../lmstudio/ModelName.ts"
import type { EnsureOptions } from "../EnsureOptions.ts"

/** A model and the requirements on its instance. */
export interface LoadRequest {
  readonly key: string
  readonly instanceId: string | undefined
  readonly variant: string | undefined
  readonly options: EnsureOptions
}

/** What to load and how. `ttl` is in whole seconds and always set. */
export interface LoadPlan extends Choice {
  readonly model: CatalogModel
  /** The key, or the requested variant. */
  readonly name: string
  readonly ttl: Duration.Duration
  readonly contextLength: number | undefined
  /** The context to load it with where `contextLength` asks for none; only `lms` can set it, and any other will do. */
  readonly preferredContext?: number | undefined
  readonly gpu: EnsureOptions["gpu"]
  readonly parallel: number | undefined
  readonly identifier: string | undefined
  /** Ids of all instances in memory before the load. */
  readonly before: ReadonlySet<string>
  /** Whether an instance meets the request. If another program loaded one meanwhile, it is used and our copy unloaded. */
  readonly serves: (seen: Seen) => boolean
}

/** The identifier of a copy that we load beside one that does not serve but must stay, such as a user's own. */
export const secondIdentifier = (key: string): string => `${key}:lms-bridge`

/**
 * The instance that serves: with the requested identifier, and with enough context as far as the server reports it. Among
 * several: the named one, else the one with the model's own key as id, else the first. The GPU share and the variant of an
 * instance cannot be seen, so they are not checked.
 */
export const pick = <I extends { readonly id: string; readonly contextLength?: number | undefined }>(
  instances: ReadonlyArray<I>,
  named: { readonly instanceId?: string | undefined; readonly model?: { readonly key: string } },
  { contextLength, identifier }: Pick<EnsureOptions, "contextLength" | "identifier">
): I | undefined => {
  const serving = instances.filter(
    (instance) =>
      (identifier === undefined || instance.id === identifier) &&
      (contextLength === undefined || instance.contextLength === undefined || instance.contextLength >= contextLength)
  )
  return (
    serving.find(({ id }) => id === named.instanceId) ??
    serving.find(({ id }) => named.model !== undefined && sameName(id, named.model.key)) ??
    serving[0]
  )
}

export const serves =
  ({ instanceId, key, options }: LoadRequest) =>
  ({ instance, model }: Seen): boolean =>
    model.key === key && pick([instance], { instanceId, model }, options) !== undefined

/** Equal for callers that would be served, or refused, alike. */
export const purposeOf = ({ options, variant }: LoadRequest): string =>
  [
    variant,
    options.contextLength,
    options.preferredContext?.join(),
    options.gpu,
    options.parallel,
    options.identifier,
    options.makeRoom === true,
    options.beside === true
  ].join("|")

export const make = Effect.fnUntraced(function* (
  parts: LifecycleParts,
  wanted: LoadRequest,
  model: CatalogModel,
  look: Survey
) {
  const { contextLength, gpu, identifier, parallel } = wanted.options
  const { lms, server } = look.catalog
  const secondCopy = look.seen.some((seen) => seen.model.key === wanted.key)
  const requirements: ReadonlyArray<LoadWays.Requirement> = [
    ...(contextLength === undefined ? [] : (["contextLength"] as const)),
    ...(gpu === undefined ? [] : (["gpu"] as const)),
    ...(parallel === undefined ? [] : (["parallel"] as const)),
    ...(identifier === undefined ? [] : (["identifier"] as const)),
    ...(wanted.variant === undefined ? [] : (["variant"] as const)),
    ...(secondCopy ? (["secondCopy"] as const) : [])
  ]
  const beside = wanted.options.beside === true
  const idle = new Set((yield* idleOfOurs(parts, look)).map(({ instance }) => instance.id))
  const { passedOver, ways } = LoadWays.choose(requirements, {
    dialect: server.dialect,
    isLmStudio: server.isLmStudio,
    lms: lms.used,
    lmsWhy: lms.why,
    beside,
    // without `lms` it is unknown whether it is idle
    jitMayEvict: look.seen.some((seen) => mayHaveComeJustInTime(seen) && !(lms.used && idle.has(seen.instance.id)))
  })
  const free = !look.seen.some(({ instance }) => instance.id === secondIdentifier(wanted.key))
  const plan: LoadPlan = {
    model,
    name: wanted.variant ?? model.key,
    ttl: wholeSeconds(TtlPolicy.resolve(parts.ttlPolicy, wanted.options)),
    contextLength,
    gpu,
    parallel,
    identifier: identifier ?? (secondCopy && free ? secondIdentifier(wanted.key) : undefined),
    ways,
    passedOver,
    before: new Set(look.seen.map(({ instance }) => instance.id)),
    serves: serves(wanted)
  }
  return plan
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** LM Studio evicts only models loaded just in time: those have a TTL in `lms ps`, or `jit` in our entry. */
const mayHaveComeJustInTime = ({ entry, instance }: Seen) =>
  entry === undefined ? instance.ttlMillis !== null : entry.way === "jit"

/** `lms` and requests take whole seconds; the policy guarantees at least one. */
const wholeSeconds = (ttl: Duration.Duration) => Duration.seconds(Math.floor(Duration.toSeconds(ttl)))
