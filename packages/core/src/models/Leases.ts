/**
 * Who works with what in this process. An instance that is held, or about to be held, cannot be claimed for unloading,
 * and one that is being unloaded cannot be held: both are decided in one transaction.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as STM from "effect/STM"
import * as TRef from "effect/TRef"

/**
 * @since 0.1.0
 * @category models
 */
export interface Leases {
  /**
   * Until the scope closes, nobody claims an instance of this model. Waits while one is being unloaded; true when it had
   * to, so that what the caller saw before is out of date.
   */
  readonly intend: (model: string) => Effect.Effect<boolean, never, Scope.Scope>
  /** One hold more on an instance. False when it is being unloaded. */
  readonly hold: (instanceId: string) => Effect.Effect<boolean>
  /** One hold less; the number that is left. */
  readonly release: (instanceId: string) => Effect.Effect<number>
  /**
   * Marks an instance as being unloaded for as long as `use` runs. None, without running it, when it is held, or when
   * somebody intends to use its model and `despiteIntents` is not set.
   */
  readonly claim: (
    instance: { readonly id: string; readonly model: string },
    options: { readonly despiteIntents?: boolean; readonly force?: boolean }
  ) => <A, E, R>(use: Effect.Effect<A, E, R>) => Effect.Effect<Option.Option<A>, E, R>
  /** Holds per instance; only such as have one. */
  readonly held: Effect.Effect<ReadonlyMap<string, number>>
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<Leases> = Effect.gen(function* () {
  const holds = yield* TRef.make(HashMap.empty<string, number>())
  const intents = yield* TRef.make(HashMap.empty<string, number>())
  /** Instance id to model. */
  const leaving = yield* TRef.make(HashMap.empty<string, string>())

  const count = (ref: TRef.TRef<HashMap.HashMap<string, number>>, key: string, by: number) =>
    TRef.modify(ref, (counts) => {
      const next = Option.getOrElse(HashMap.get(counts, key), () => 0) + by
      return [next, next <= 0 ? HashMap.remove(counts, key) : HashMap.set(counts, key, next)]
    })

  const isLeaving = (model: string) =>
    STM.map(TRef.get(leaving), (instances) => HashMap.some(instances, (other) => other === model))

  const tryToIntend = (model: string) =>
    STM.commit(
      STM.flatMap(isLeaving(model), (yes) => (yes ? STM.succeed(false) : STM.as(count(intents, model, 1), true)))
    )

  return {
    intend: (model) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.gen(function* () {
          let waited = false
          // the wait may be interrupted; the step that counts may not, or a count would be left over
          while (!(yield* tryToIntend(model))) {
            waited = true
            yield* restore(STM.commit(STM.flatMap(isLeaving(model), (yes) => STM.check(() => !yes))))
          }
          yield* Effect.addFinalizer(() => STM.commit(count(intents, model, -1)))
          return waited
        })
      ),
    hold: (instanceId) =>
      STM.commit(
        STM.flatMap(TRef.get(leaving), (instances) =>
          HashMap.has(instances, instanceId) ? STM.succeed(false) : STM.as(count(holds, instanceId, 1), true)
        )
      ),
    release: (instanceId) => STM.commit(count(holds, instanceId, -1)),
    claim:
      ({ id, model }, { despiteIntents = false, force = false }) =>
      (use) =>
        Effect.acquireUseRelease(
          STM.gen(function* () {
            const free =
              force ||
              (!HashMap.has(yield* TRef.get(holds), id) &&
                (despiteIntents || !HashMap.has(yield* TRef.get(intents), model)) &&
                !HashMap.has(yield* TRef.get(leaving), id))
            if (free) yield* TRef.update(leaving, HashMap.set(id, model))
            return free
          }).pipe(STM.commit),
          (free) => (free ? Effect.asSome(use) : Effect.succeedNone),
          (free) => (free ? STM.commit(TRef.update(leaving, HashMap.remove(id))) : Effect.void)
        ),
    held: Effect.map(STM.commit(TRef.get(holds)), (counts) => new Map(counts))
  }
})
