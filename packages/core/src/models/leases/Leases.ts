/**
 * Which instances are in use in this process. An instance that is held, or about to be held, cannot be claimed for
 * unloading, and one that is being unloaded cannot be held; both are decided atomically.
 */
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as STM from "effect/STM"
import * as TRef from "effect/TRef"

export interface Leases {
  /**
   * Until the scope closes, no instance of this model can be claimed. Waits while one is being unloaded; true when it had
   * to wait, because what the caller saw before is then out of date.
   */
  readonly intend: (model: string) => Effect.Effect<boolean, never, Scope.Scope>
  /** Adds a hold on an instance. False when it is being unloaded. */
  readonly hold: (instanceId: string) => Effect.Effect<boolean>
  /** Removes a hold; returns how many are left. */
  readonly release: (instanceId: string) => Effect.Effect<number>
  /**
   * Marks an instance as being unloaded while `use` runs. None, without running it, when the instance is held, or when a
   * caller intends to use its model and `despiteIntents` is not set.
   */
  readonly claim: (
    instance: Instance,
    options: { readonly despiteIntents?: boolean; readonly force?: boolean }
  ) => <A, E, R>(use: Effect.Effect<A, E, R>) => Effect.Effect<Option.Option<A>, E, R>
  /** Holds per instance; only instances that have one. */
  readonly held: Effect.Effect<ReadonlyMap<string, number>>
}

export const make: Effect.Effect<Leases> = Effect.map(
  STM.commit(TRef.make<State>({ holds: new Map(), intents: new Map(), leaving: [] })),
  (state): Leases => {
    /** Counts an intent; false while an instance of the model is being unloaded. */
    const tryToIntend = (model: string) =>
      TRef.modify(state, (now): readonly [boolean, State] =>
        now.leaving.some((other) => other.model === model)
          ? [false, now]
          : [true, { ...now, intents: counted(now.intents, model, 1) }]
      )

    const claimed = (leaving: Instance, despiteIntents: boolean, force: boolean) =>
      TRef.modify(state, (now): readonly [boolean, State] => {
        const free =
          force ||
          (!now.holds.has(leaving.id) &&
            (despiteIntents || !now.intents.has(leaving.model)) &&
            !now.leaving.some(({ id }) => id === leaving.id))
        return [free, free ? { ...now, leaving: [...now.leaving, leaving] } : now]
      })

    return {
      intend: (model) =>
        Effect.uninterruptibleMask((restore) =>
          Effect.gen(function* () {
            const atOnce = yield* tryToIntend(model)
            if (!atOnce) yield* restore(STM.commit(STM.flatMap(tryToIntend(model), (done) => STM.check(() => done))))
            yield* Effect.addFinalizer(() =>
              TRef.update(state, (now) => ({ ...now, intents: counted(now.intents, model, -1) }))
            )
            return !atOnce
          })
        ),
      hold: (instanceId) =>
        TRef.modify(state, (now): readonly [boolean, State] =>
          now.leaving.some(({ id }) => id === instanceId)
            ? [false, now]
            : [true, { ...now, holds: counted(now.holds, instanceId, 1) }]
        ),
      release: (instanceId) =>
        TRef.modify(state, (now): readonly [number, State] => {
          const holds = counted(now.holds, instanceId, -1)
          return [holds.get(instanceId) ?? 0, { ...now, holds }]
        }),
      claim:
        ({ id, model }, { despiteIntents = false, force = false }) =>
        (use) =>
          Effect.suspend(() => {
            // of two forced claims, each removes its own mark
            const mark: Instance = { id, model }
            return Effect.acquireUseRelease(
              claimed(mark, despiteIntents, force),
              (free) => (free ? Effect.asSome(use) : Effect.succeedNone),
              () => TRef.update(state, (now) => ({ ...now, leaving: now.leaving.filter((other) => other !== mark) }))
            )
          }),
      held: Effect.map(TRef.get(state), ({ holds }) => holds)
    }
  }
)

/** The counts with `by` added to that of `key`; a count of zero has no entry. */
export const counted = (counts: ReadonlyMap<string, number>, key: string, by: number): ReadonlyMap<string, number> => {
  const next = new Map(counts)
  const count = (counts.get(key) ?? 0) + by
  if (count > 0) next.set(key, count)
  else next.delete(key)
  return next
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Instance {
  readonly id: string
  readonly model: string
}

interface State {
  /** Per instance. */
  readonly holds: ReadonlyMap<string, number>
  /** Per model. */
  readonly intents: ReadonlyMap<string, number>
  /** Instances that are being unloaded. */
  readonly leaving: ReadonlyArray<Instance>
}
