/**
 * Acquires a lease on an ensured model: in turn when models compete for memory, moved to the new instance when the model
 * had to be reloaded, released when the scope closes.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import type * as Scope from "effect/Scope"
import * as TtlPolicy from "../../resilience/TtlPolicy.ts"
import * as AdmissionQueue from "./AdmissionQueue.ts"
import type { Ensure, Take } from "../loading/Ensure.ts"
import type { LifecycleParts } from "../loading/LifecycleParts.ts"
import * as ModelLease from "./ModelLease.ts"
import type { ModelLease as Held } from "../LoadedModel.ts"
import type { EnsureOptions } from "../EnsureOptions.ts"
import type { Ensured } from "../Ensured.ts"
import type { ModelLifecycleError } from "../ModelLifecycleError.ts"

export type Lease = (
  name: string | undefined,
  options?: EnsureOptions
) => Effect.Effect<Held, ModelLifecycleError, Scope.Scope>

export const make = Effect.fnUntraced(function* (parts: LifecycleParts, { ensure, peek }: Ensure) {
  const { leases, ledger, ttlPolicy } = parts
  const queue = yield* AdmissionQueue.make
  const longestWait = Duration.toMillis((yield* AdmissionQueue.CurrentAdmissionPolicy).longestWait)

  const tellOthers = Effect.flatMap(leases.held, (held) => ledger.hold([...held.keys()].toSorted()))

  const letGo = Effect.fnUntraced(function* ({ instanceId, model }: Ensured) {
    yield* leases.release(instanceId)
    yield* ledger.used(instanceId)
    yield* tellOthers
    yield* queue.leaseEnded(model)
  })

  const lease: Lease = Effect.fn("ModelLifecycle.lease")(function* (name, options = {}) {
    const holding = yield* Ref.make(Option.none<Ensured>())
    yield* Effect.addFinalizer(() =>
      Effect.flatMap(Ref.getAndSet(holding, Option.none()), (held) =>
        Option.isSome(held)
          ? Effect.zipRight(
              letGo(held.value),
              options.stays === true ? ledger.leave(held.value.instanceId) : Effect.void
            )
          : Effect.void
      )
    )
    const take: Take = (ensured) =>
      Effect.uninterruptible(
        Effect.gen(function* () {
          if (!(yield* leases.hold(ensured.instanceId))) return false
          yield* queue.leaseBegan(ensured.model)
          const before = yield* Ref.getAndSet(holding, Option.some(ensured))
          yield* Option.isSome(before) ? letGo(before.value) : tellOthers
          return true
        })
      )
    const waiting = (model: string) =>
      options.onProgress?.({ _tag: "Waiting", model, why: "other runs hold models that take up the memory" }) ??
      Effect.void

    const since = yield* Clock.currentTimeMillis
    const want = ensure(name, options, take, undefined, true)
    const inTurn = (model: string, refusal: Option.Option<ModelLifecycleError>) =>
      waiting(model).pipe(
        Effect.zipRight(queue.attemptInTurn(model, since)(want)),
        // waited too long: the refusal stands, and a request that was never refused tries now
        Effect.flatMap(
          Option.match({
            onSome: Effect.succeed,
            onNone: () => Option.match(refusal, { onNone: () => queue.attempt(want), onSome: Effect.fail })
          })
        ),
        Effect.either
      )
    let result = (yield* queue.mayTry(peek(name)))
      ? yield* Effect.either(queue.attempt(want))
      : yield* inTurn((yield* peek(name)).model, Option.none())
    while (Either.isLeft(result)) {
      const error: ModelLifecycleError = result.left
      if (error._tag !== "ModelLoadRefused" || options.makeRoom !== true) return yield* error
      const waitedLongest = (yield* Clock.currentTimeMillis) - since >= longestWait
      if (waitedLongest || !(yield* queue.somebodyActive)) return yield* error
      result = yield* inTurn(error.model, Option.some(error))
    }
    const first = result.right
    const held = Effect.map(
      Ref.get(holding),
      Option.getOrElse(() => first)
    )
    return yield* ModelLease.make(parts, {
      ttl: TtlPolicy.resolve(ttlPolicy, options),
      held,
      again: Effect.flatMap(held, ({ instanceId, model }) =>
        queue.attempt(ensure(model, { ...options, fallback: [] }, take, instanceId))
      )
    })
  })
  return lease
})
