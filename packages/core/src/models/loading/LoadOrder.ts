/** What is ordered of LM Studio for a wish in a situation: by which ways, under which identifier, with which limit. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as TtlPolicy from "../../resilience/TtlPolicy.ts"
import { idleOfOurs, type LifecycleParts, type Seen, type Survey } from "./LifecycleParts.ts"
import type { Choice } from "./LoadWays.ts"
import * as LoadWays from "./LoadWays.ts"
import type { CatalogModel } from "../catalog/CatalogModel.ts"
import { sameName } from "../../lmstudio/ModelName.ts"
import type { EnsureOptions } from "../EnsureOptions.ts"

/** A model and what is asked of its instance. */
export interface Wanted {
  readonly key: string
  readonly instanceId: string | undefined
  readonly variant: string | undefined
  readonly options: EnsureOptions
}

/** What to load and how. `ttl` in whole seconds; never without one. */
export interface LoadOrder extends Choice {
  readonly model: CatalogModel
  /** The key, or the variant that was asked for. */
  readonly name: string
  readonly ttl: Duration.Duration
  readonly contextLength: number | undefined
  readonly gpu: EnsureOptions["gpu"]
  readonly parallel: number | undefined
  readonly identifier: string | undefined
  /** Ids of all instances that were there before. */
  readonly before: ReadonlySet<string>
  /** A look may show that somebody else loaded what was wanted; then the mistaken copy goes and that one is used. */
  readonly serves: (seen: Seen) => boolean
}

/** The identifier of a copy that we load beside one that does not serve and has to stay, such as a user's own. */
export const secondIdentifier = (key: string): string => `${key}:lms-bridge`

/**
 * The instance that serves: of the identifier asked for; with enough context, as far as the server tells; the one that
 * was named, else the one that bears the model's own key, else the first. The share of the GPU and the variant cannot be
 * seen of an instance and are not asked of one that is there.
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
  ({ instanceId, key, options }: Wanted) =>
  ({ instance, model }: Seen): boolean =>
    model.key === key && pick([instance], { instanceId, model }, options) !== undefined

/** Equal for callers who would be served, or refused, alike. */
export const purposeOf = ({ options, variant }: Wanted): string =>
  [variant, options.contextLength, options.gpu, options.parallel, options.identifier, options.makeRoom === true].join(
    "|"
  )

export const make = Effect.fnUntraced(function* (
  parts: LifecycleParts,
  wanted: Wanted,
  model: CatalogModel,
  look: Survey
) {
  const { contextLength, gpu, identifier, parallel } = wanted.options
  const { lms, server } = look.catalog
  const secondCopy = look.seen.some((seen) => seen.model.key === wanted.key)
  const wishes: ReadonlyArray<LoadWays.Wish> = [
    ...(contextLength === undefined ? [] : (["contextLength"] as const)),
    ...(gpu === undefined ? [] : (["gpu"] as const)),
    ...(parallel === undefined ? [] : (["parallel"] as const)),
    ...(identifier === undefined ? [] : (["identifier"] as const)),
    ...(wanted.variant === undefined ? [] : (["variant"] as const)),
    ...(secondCopy ? (["secondCopy"] as const) : [])
  ]
  const idle = new Set((yield* idleOfOurs(parts, look)).map(({ instance }) => instance.id))
  const { passedOver, ways } = LoadWays.choose(wishes, {
    dialect: server.dialect,
    isLmStudio: server.isLmStudio,
    lms: lms.used,
    lmsWhy: lms.why,
    // without `lms` nobody can tell that it is idle
    jitMayEvict: look.seen.some((seen) => mayHaveComeJustInTime(seen) && !(lms.used && idle.has(seen.instance.id)))
  })
  const free = !look.seen.some(({ instance }) => instance.id === secondIdentifier(wanted.key))
  const order: LoadOrder = {
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
  return order
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** LM Studio evicts only what a request loaded; of that, `lms ps` knows a TTL, and our entry the way. */
const mayHaveComeJustInTime = ({ entry, instance }: Seen) =>
  entry === undefined ? instance.ttlMillis !== null : entry.way === "jit"

/** What `lms` and requests take; the policy gives at least one. */
const wholeSeconds = (ttl: Duration.Duration) => Duration.seconds(Math.floor(Duration.toSeconds(ttl)))
