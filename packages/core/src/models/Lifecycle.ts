/**
 * The service put together: the steps of a model's life over what they share, and the fibers that look after it.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import { baseUrl, Settings, type Values } from "../configuration/Settings.ts"
import { LmStudioApi } from "../lmstudio/LmStudioApi.ts"
import { LmsCli } from "../lmstudio/LmsCli.ts"
import * as TtlPolicy from "../resilience/TtlPolicy.ts"
import * as Collation from "./Collation.ts"
import * as Ensure from "./Ensure.ts"
import * as Leases from "./Leases.ts"
import * as Ledger from "./Ledger.ts"
import { survey, type LifecycleParts, type Seen } from "./LifecycleParts.ts"
import * as MachineLock from "./MachineLock.ts"
import { ModelCatalog } from "./ModelCatalog.ts"
import * as ModelLease from "./ModelLease.ts"
import type { Ensured, EnsureOptions, LoadedModel, ModelLifecycle } from "./ModelLifecycle.ts"
import { expiryOf } from "./Ownership.ts"
import * as Reaper from "./Reaper.ts"
import * as StateDirectory from "./StateDirectory.ts"
import { unload } from "./Unloading.ts"

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = Effect.gen(function* () {
  const settings = yield* Settings
  const server = baseUrl(settings)
  const state = yield* StateDirectory.make
  const parts: LifecycleParts = {
    api: yield* LmStudioApi,
    cli: yield* LmsCli,
    catalog: yield* ModelCatalog,
    ledger: yield* Ledger.make(state, server),
    leases: yield* Leases.make,
    lock: yield* MachineLock.make(state),
    settings,
    ttlPolicy: ttlPolicyOf(settings),
    server
  }
  const { ensure, resolve } = yield* Ensure.make(parts)
  const queue = yield* Collation.make
  yield* Effect.addFinalizer(() => Reaper.close(parts))
  yield* Reaper.run(parts)

  const tellHolds = Effect.flatMap(parts.leases.held, (held) => parts.ledger.hold([...held.keys()].toSorted()))

  const letGo = Effect.fnUntraced(function* ({ instanceId, model }: Ensured) {
    yield* parts.leases.release(instanceId)
    yield* parts.ledger.used(instanceId)
    yield* tellHolds
    yield* queue.leaseEnded(model)
  })

  const lease = Effect.fn("ModelLifecycle.lease")(function* (name: string | undefined, options: EnsureOptions = {}) {
    const holding = yield* Ref.make(Option.none<Ensured>())
    yield* Effect.addFinalizer(() =>
      Effect.flatMap(Ref.getAndSet(holding, Option.none()), (held) =>
        Option.isSome(held) ? letGo(held.value) : Effect.void
      )
    )
    /** Moves the hold to this instance. */
    const take: Ensure.Take = (ensured) =>
      Effect.uninterruptible(
        Effect.gen(function* () {
          if (!(yield* parts.leases.hold(ensured.instanceId))) return false
          yield* queue.leaseBegan(ensured.model)
          const before = yield* Ref.getAndSet(holding, Option.some(ensured))
          yield* Option.isSome(before) ? letGo(before.value) : tellHolds
          return true
        })
      )
    const get = (again: Ensured | undefined) =>
      queue.attempt(
        ensure(
          again === undefined ? name : again.model,
          again === undefined ? options : { ...options, fallback: [] },
          take
        )
      )
    const waiting = (model: string) =>
      options.onProgress?.({ _tag: "Waiting", model, why: "other runs hold the models that are in its way" }) ??
      Effect.void

    const since = yield* Clock.currentTimeMillis
    yield* queue.enter(resolve(name), waiting(name ?? "default"))
    while (true) {
      const result = yield* Effect.either(get(undefined))
      if (result._tag === "Right") break
      const error = result.left
      const inTheWay = (yield* parts.leases.held).size > 0
      if (error._tag !== "ModelLoadRefused" || options.makeRoom !== true || !inTheWay) return yield* error
      yield* waiting(error.model)
      yield* queue.wait(error.model, since)
    }
    const held = Effect.flatMap(Ref.get(holding), Option.match({ onSome: Effect.succeed, onNone: () => Effect.never }))
    return yield* ModelLease.make(parts, {
      ttl: TtlPolicy.resolve(parts.ttlPolicy, options),
      held,
      again: Effect.flatMap(held, get)
    })
  })

  const service: Context.Tag.Service<ModelLifecycle> = {
    resolve,
    ensureLoaded: Effect.fn("ModelLifecycle.ensureLoaded")((name: string | undefined, options: EnsureOptions = {}) =>
      ensure(name, options, () => Effect.succeed(true))
    ),
    lease,
    withModel: (name, options) => (use) => Effect.scoped(Effect.flatMap(lease(name, options), use)),
    loaded: Effect.gen(function* () {
      const { seen } = yield* survey(parts)
      const held = yield* parts.leases.held
      return seen.map((one) => loadedModel(one, held.get(one.instance.id) ?? 0))
    }).pipe(Effect.withSpan("ModelLifecycle.loaded")),
    unload: (instanceId, options = {}) => unload(parts, instanceId, options)
  }
  return service
})

/**
 * @since 0.1.0
 * @category getters
 */
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
  // LM Studio's own word first; a load by REST has no TTL there, and ours then holds
  const ttlMillis =
    entry?.way === "rest" ? entry.ttlMillis : (instance.ttlMillis ?? entry?.ttlMillis ?? instance.ttlMillis)
  const idleSince = entry === undefined ? instance.lastUsedAt : expiryOf(entry, instance) - entry.ttlMillis
  const ends = typeof ttlMillis === "number" && idleSince !== undefined && instance.busy !== true && leases === 0
  return {
    model: model.key,
    instanceId: instance.id,
    type: model.type,
    owner: entry === undefined ? "user" : "lms-bridge",
    ...(instance.contextLength === undefined ? {} : { contextLength: instance.contextLength }),
    ...(model.sizeBytes === undefined ? {} : { sizeBytes: model.sizeBytes }),
    ...(instance.status === undefined ? {} : { status: instance.status }),
    ...(ttlMillis === undefined ? {} : { ttlMillis }),
    ...(ends ? { expiresAt: idleSince + ttlMillis } : {}),
    leases
  }
}
