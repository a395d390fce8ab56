/**
 * Who works with what in this process. An instance that is held, or about to be held, cannot be claimed for unloading,
 * and one that is being unloaded cannot be held: each is decided in one step over one state.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import type * as Scope from "effect/Scope"

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
export const make: Effect.Effect<Leases> = Effect.map(
  Ref.make<State>({ holds: new Map(), intents: new Map(), leaving: [] }),
  (state): Leases => {
    /** Counts an intention; or, while an instance of the model is being unloaded, what there is to wait for. */
    const tryToIntend = (model: string) =>
      Ref.modify(state, (now): readonly [Leaving | undefined, State] => {
        const leaving = now.leaving.find((other) => other.model === model)
        return leaving === undefined ? [undefined, { ...now, intents: counted(now.intents, model, 1) }] : [leaving, now]
      })

    const claimed = (leaving: Leaving, despiteIntents: boolean, force: boolean) =>
      Ref.modify(state, (now): readonly [boolean, State] => {
        const free =
          force ||
          (!now.holds.has(leaving.id) &&
            (despiteIntents || !now.intents.has(leaving.model)) &&
            !now.leaving.some(({ id }) => id === leaving.id))
        return [free, free ? { ...now, leaving: [...now.leaving, leaving] } : now]
      })

    const gone = (leaving: Leaving) =>
      Effect.zipRight(
        Ref.update(state, (now) => ({ ...now, leaving: now.leaving.filter((other) => other !== leaving) })),
        Deferred.succeed(leaving.gone, undefined)
      )

    return {
      intend: (model) =>
        Effect.uninterruptibleMask((restore) =>
          Effect.gen(function* () {
            let waited = false
            // the wait may be interrupted; the step that counts may not, or a count would be left over
            for (let leaving = yield* tryToIntend(model); leaving !== undefined; leaving = yield* tryToIntend(model)) {
              waited = true
              yield* restore(Deferred.await(leaving.gone))
            }
            yield* Effect.addFinalizer(() =>
              Ref.update(state, (now) => ({ ...now, intents: counted(now.intents, model, -1) }))
            )
            return waited
          })
        ),
      hold: (instanceId) =>
        Ref.modify(state, (now): readonly [boolean, State] =>
          now.leaving.some(({ id }) => id === instanceId)
            ? [false, now]
            : [true, { ...now, holds: counted(now.holds, instanceId, 1) }]
        ),
      release: (instanceId) =>
        Ref.modify(state, (now): readonly [number, State] => {
          const holds = counted(now.holds, instanceId, -1)
          return [holds.get(instanceId) ?? 0, { ...now, holds }]
        }),
      claim:
        ({ id, model }, { despiteIntents = false, force = false }) =>
        (use) =>
          Effect.flatMap(Deferred.make<void>(), (deferred) => {
            const leaving: Leaving = { id, model, gone: deferred }
            return Effect.acquireUseRelease(
              claimed(leaving, despiteIntents, force),
              (free) => (free ? Effect.asSome(use) : Effect.succeedNone),
              (free) => (free ? gone(leaving) : Effect.void)
            )
          }),
      held: Effect.map(Ref.get(state), ({ holds }) => holds)
    }
  }
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Leaving {
  readonly id: string
  readonly model: string
  readonly gone: Deferred.Deferred<void>
}

interface State {
  /** Per instance. */
  readonly holds: ReadonlyMap<string, number>
  /** Per model. */
  readonly intents: ReadonlyMap<string, number>
  readonly leaving: ReadonlyArray<Leaving>
}

const counted = (counts: ReadonlyMap<string, number>, key: string, by: number): ReadonlyMap<string, number> => {
  const next = new Map(counts)
  const count = (counts.get(key) ?? 0) + by
  if (count > 0) next.set(key, count)
  else next.delete(key)
  return next
}
