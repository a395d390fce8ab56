/** Assembles the service: the steps of the life cycle over their shared parts, and the reaper's fibers. */
import * as Effect from "effect/Effect"
import { present } from "../../schema/Fields.ts"
import { baseUrl, Settings, table, type Values } from "../../configuration/Settings.ts"
import { LmStudioApi } from "../../lmstudio/LmStudioApi.ts"
import { LmsCli } from "../../lmstudio/LmsCli.ts"
import * as FairTurns from "../../resilience/FairTurns.ts"
import * as TtlPolicy from "../../resilience/TtlPolicy.ts"
import * as Ensure from "./Ensure.ts"
import * as AcquireLease from "../leases/AcquireLease.ts"
import * as Leases from "../leases/Leases.ts"
import * as Ledger from "../ledger/Ledger.ts"
import { survey, type LifecycleParts, type Seen } from "./LifecycleParts.ts"
import * as MachineLock from "../../machine/MachineLock.ts"
import { ModelCatalog } from "../catalog/ModelCatalog.ts"
import type { EnsureOptions } from "../EnsureOptions.ts"
import type { LoadedModel, ModelLease } from "../LoadedModel.ts"
import { expiryOf } from "../ledger/Ownership.ts"
import * as Reaper from "../ledger/Reaper.ts"
import * as StateDirectory from "../../machine/StateDirectory.ts"
import { unload } from "./Unloading.ts"

export const make = Effect.gen(function* () {
  const settings = yield* Settings
  const server = baseUrl(settings)
  const state = yield* StateDirectory.make
  const turns = yield* FairTurns.makeKeyed(
    { atOnce: settings.modelConcurrency, mostWaiting: settings.queue, setting: table.queue.variable },
    (model) => `the model "${model}"`
  )
  const parts: LifecycleParts = {
    api: yield* LmStudioApi,
    cli: yield* LmsCli,
    catalog: yield* ModelCatalog,
    ledger: yield* Ledger.make(state, server),
    leases: yield* Leases.make,
    lock: yield* MachineLock.make(state),
    settings,
    ttlPolicy: ttlPolicyOf(settings),
    inTurn: turns.inTurn,
    server
  }
  const steps = yield* Ensure.make(parts)
  yield* Effect.addFinalizer(() => Reaper.close(parts))
  yield* Reaper.run(parts)

  const lease = yield* AcquireLease.make(parts, steps)

  return {
    resolve: steps.resolve,
    ensureLoaded: (name: string | undefined, options: EnsureOptions = {}) =>
      steps.ensure(name, options, () => Effect.succeed(true)),
    lease,
    withModel:
      (name: string | undefined, options?: EnsureOptions) =>
      <A, E, R>(use: (held: ModelLease) => Effect.Effect<A, E, R>) =>
        Effect.scoped(Effect.flatMap(lease(name, options), use)),
    loaded: Effect.gen(function* () {
      const { seen } = yield* survey(parts)
      const held = yield* parts.leases.held
      const elsewhere = yield* parts.ledger.heldElsewhere
      return yield* Effect.forEach(seen, (one) =>
        Effect.map(turns.uses(one.model.key), (requests): LoadedModel => ({
          ...loadedModel(one, held.get(one.instance.id) ?? 0),
          ...(elsewhere.has(one.instance.id) ? { heldElsewhere: true as const } : {}),
          requests
        }))
      )
    }).pipe(Effect.withSpan("ModelLifecycle.loaded")),
    unload: (instanceId: string, options: { readonly force?: boolean | undefined } = {}) =>
      unload(parts, instanceId, options)
  }
})

export const ttlPolicyOf = (settings: Values): TtlPolicy.TtlPolicy =>
  new TtlPolicy.TtlPolicy({
    standard: settings.ttl,
    temporary: settings.ttlTemporary,
    maximum: settings.ttlMaximum
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const loadedModel = ({ entry, instance, model }: Seen, leases: number): LoadedModel => {
  // LM Studio's own value first; for a load by REST it has none, so ours applies
  const ttlMillis =
    entry?.way === "rest" ? entry.ttlMillis : (instance.ttlMillis ?? entry?.ttlMillis ?? instance.ttlMillis)
  const idleSince = entry === undefined ? instance.lastUsedAt : expiryOf(entry, instance) - entry.ttlMillis
  const ends = typeof ttlMillis === "number" && idleSince !== undefined && instance.busy !== true && leases === 0
  return {
    model: model.key,
    instanceId: instance.id,
    type: model.type,
    owner: entry === undefined ? "user" : "lms-bridge",
    ...present({
      contextLength: instance.contextLength,
      sizeBytes: model.sizeBytes,
      status: instance.status,
      ttlMillis
    }),
    ...(ends ? { expiresAt: idleSince + ttlMillis } : {}),
    leases
  }
}
