/** What the steps of the life cycle share: LM Studio, the catalog, the ledger and the leases. */
import type * as Context from "effect/Context"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { present } from "../../schema/Fields.ts"
import type { Values } from "../../configuration/Settings.ts"
import type { LmStudioApi } from "../../lmstudio/LmStudioApi.ts"
import type { LmsCli } from "../../lmstudio/LmsCli.ts"
import type { InTurn } from "../../resilience/FairTurns.ts"
import type { TtlPolicy } from "../../resilience/TtlPolicy.ts"
import type { Leases } from "../leases/Leases.ts"
import type { Ledger } from "../ledger/Ledger.ts"
import type { MachineLock } from "../../machine/MachineLock.ts"
import type { ModelCatalog } from "../catalog/ModelCatalog.ts"
import type { Catalog, CatalogInstance, CatalogModel } from "../catalog/CatalogModel.ts"
import { isOurs, type LedgerEntry } from "../ledger/Ownership.ts"

export interface LifecycleParts {
  readonly api: Context.Tag.Service<LmStudioApi>
  readonly cli: Context.Tag.Service<LmsCli>
  readonly catalog: Context.Tag.Service<ModelCatalog>
  readonly ledger: Ledger
  readonly leases: Leases
  readonly lock: MachineLock
  readonly settings: Values
  readonly ttlPolicy: TtlPolicy
  /** Makes a request to a model wait for its caller's turn when there are many. */
  readonly inTurn: (model: string) => InTurn
  /** Base URL, by which the ledger identifies this LM Studio. */
  readonly server: string
}

/** An instance with its model, and our ledger entry when it is ours. */
export interface Seen {
  readonly model: CatalogModel
  readonly instance: CatalogInstance
  readonly entry: LedgerEntry | undefined
}

/** What is in memory, and which of it is ours. `survey` also updates the ledger. */
export interface Survey {
  readonly catalog: Catalog
  readonly seen: ReadonlyArray<Seen>
  /** Epoch milliseconds. */
  readonly at: number
}

export const survey = Effect.fnUntraced(function* ({ catalog, ledger }: LifecycleParts) {
  const at = yield* Clock.currentTimeMillis
  const picture = yield* catalog.inMemory
  const listed = new Map(picture.models.flatMap(({ instances }) => instances.map((one) => [one.id, one] as const)))
  const gone = (yield* ledger.own).filter(
    // except what was loaded during the look
    ({ instanceId, lastUsedAt, state }) => state === "loaded" && lastUsedAt < at && !listed.has(instanceId)
  )
  yield* ledger.forget(gone.map(({ instanceId }) => instanceId))
  // a load whose end we did not see has succeeded
  for (const entry of yield* ledger.own) {
    const instance = listed.get(entry.instanceId)
    if (entry.state !== "loading" || instance === undefined || !isOurs(entry, instance, at)) continue
    const { contextLength } = instance
    yield* ledger.put({ ...entry, state: "loaded", ...present({ contextLength }) })
  }
  // another product at an address where LM Studio used to be has loaded nothing for us
  const entries = picture.server.dialect === "openai" ? [] : yield* ledger.all
  const result: Survey = { catalog: picture, seen: seenIn(picture.models, entries, at), at }
  return result
})

export const seenIn = (
  models: ReadonlyArray<CatalogModel>,
  entries: ReadonlyArray<LedgerEntry>,
  now: number
): ReadonlyArray<Seen> =>
  models.flatMap((model) =>
    model.instances.map((instance) => {
      const entry = entries.find(({ instanceId }) => instanceId === instance.id)
      return { model, instance, entry: isOurs(entry, instance, now) ? entry : undefined }
    })
  )

/**
 * Our unused instances, the least recently used first. Without `lms`, the requests of other programs are invisible, so only
 * our own count.
 */
export const idleOfOurs = Effect.fnUntraced(function* (parts: LifecycleParts, { seen }: Survey) {
  const held = yield* parts.leases.held
  const heldElsewhere = yield* parts.ledger.heldElsewhere
  const unused = seen
    .filter(
      (candidate): candidate is Seen & { readonly entry: LedgerEntry } =>
        candidate.entry !== undefined &&
        candidate.instance.busy !== true &&
        !held.has(candidate.instance.id) &&
        !heldElsewhere.has(candidate.instance.id)
    )
    .toSorted((left, right) => lastUse(left) - lastUse(right))
  return yield* Effect.filter(unused, ({ instance }) => isAtWork(parts, instance), { negate: true })
})

/**
 * Whether an instance answers a request of anybody. llama.cpp's router is asked about that only before an unload, because
 * to be asked counts as a use: a model that is watched would never sleep.
 */
export const isAtWork = Effect.fnUntraced(
  function* ({ api }: LifecycleParts, { busy, id, status }: CatalogInstance) {
    if (busy !== undefined || status === "sleeping") return busy === true
    if ((yield* api.server).dialect !== "llama-router") return false
    return (yield* api.rouse(id)).busy === true
  },
  // gone, or it could not be asked: either way it is left alone
  Effect.orElseSucceed(() => true)
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const lastUse = ({ entry, instance }: Seen & { readonly entry: LedgerEntry }) =>
  Math.max(entry.lastUsedAt, instance.lastUsedAt ?? 0)
