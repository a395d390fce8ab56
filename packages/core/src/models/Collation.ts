/**
 * The queue in front of `lease` for when models cannot all be in memory: requests for the same model are let through
 * together, so that A B A B becomes A A B B, and nobody waits longer than a bound while others overtake him.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"

/**
 * `longestOvertaking`: so long may requests for a model in use go ahead of one that waits for another model.
 *
 * @since 0.1.0
 * @category models
 */
export class CollationPolicy extends Schema.Class<CollationPolicy>("@lms-bridge/core/models/CollationPolicy")({
  longestOvertaking: Schema.DurationFromMillis
}) {}

/**
 * 60 s.
 *
 * @since 0.1.0
 * @category references
 */
export class CurrentCollationPolicy extends Context.Reference<CurrentCollationPolicy>()(
  "@lms-bridge/core/models/CurrentCollationPolicy",
  { defaultValue: () => new CollationPolicy({ longestOvertaking: Duration.seconds(60) }) }
) {}

/**
 * A request that waits. `since` is epoch milliseconds.
 *
 * @since 0.1.0
 * @category models
 */
export interface Waiting {
  readonly id: number
  readonly model: string
  readonly since: number
}

/**
 * `holders` are the leases per model; `trying` counts requests that were let through and have not got a lease yet.
 *
 * @since 0.1.0
 * @category models
 */
export interface Table {
  readonly holders: ReadonlyMap<string, number>
  readonly trying: number
  readonly waiting: ReadonlyArray<Waiting>
}

/**
 * Whether a request that comes in now may go ahead. With nobody waiting: always. Else only for a model in use (that is
 * the grouping), and only while nobody has waited too long for another.
 *
 * @since 0.1.0
 * @category getters
 */
export const mayGoAhead = (table: Table, model: string, now: number, policy: CollationPolicy): boolean =>
  table.waiting.length === 0 ||
  (table.holders.has(model) &&
    !table.waiting.some(
      (other) => other.model !== model && now - other.since >= Duration.toMillis(policy.longestOvertaking)
    ))

/**
 * Who is let through when room may have come: the one who has waited longest, and all who wait for the same model.
 *
 * @since 0.1.0
 * @category getters
 */
export const next = (table: Table): ReadonlyArray<Waiting> => {
  const oldest = table.waiting.toSorted((left, right) => left.since - right.since || left.id - right.id)[0]
  return oldest === undefined ? [] : table.waiting.filter(({ model }) => model === oldest.model)
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Queue {
  /**
   * Waits for its turn if others wait; a request that nobody is in the way of goes straight through. `model` is asked
   * only when somebody waits.
   */
  readonly enter: <E>(model: Effect.Effect<string, E>, onWait: Effect.Effect<void>) => Effect.Effect<void, E>
  /** Waits until a lease ends. `since` is when the request first came. */
  readonly wait: (model: string, since: number) => Effect.Effect<void>
  readonly leaseBegan: (model: string) => Effect.Effect<void>
  readonly leaseEnded: (model: string) => Effect.Effect<void>
  /** Runs an attempt to get a lease; when it fails, the next in the queue may try. */
  readonly attempt: <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const make: Effect.Effect<Queue> = Effect.gen(function* () {
  const policy = yield* CurrentCollationPolicy
  const table = yield* Ref.make<Table>({ holders: new Map(), trying: 0, waiting: [] })
  const turns = new Map<number, Deferred.Deferred<void>>()
  let ids = 0

  const letThrough = (who: ReadonlyArray<Waiting>) =>
    Effect.forEach(
      who,
      ({ id }) => {
        const turn = turns.get(id)
        return turn === undefined ? Effect.void : Effect.asVoid(Deferred.succeed(turn, undefined))
      },
      { discard: true }
    )

  /** A change that may make room: the next group goes. */
  const change = (update: (table: Table) => Table, makesRoom: (after: Table) => boolean) =>
    Ref.modify(table, (before): readonly [ReadonlyArray<Waiting>, Table] => {
      const after = update(before)
      const going = makesRoom(after) ? next(after) : []
      return [going, { ...after, waiting: after.waiting.filter((waiting) => !going.includes(waiting)) }]
    }).pipe(Effect.flatMap(letThrough))

  const nobodyBusy = (after: Table) => after.holders.size === 0 && after.trying === 0

  const queue = Effect.fnUntraced(function* (model: string, since: number) {
    const turn = yield* Deferred.make<void>()
    const id = ids++
    turns.set(id, turn)
    // the room may have come between the refusal and this moment
    yield* change((before) => ({ ...before, waiting: [...before.waiting, { id, model, since }] }), nobodyBusy)
    const leave = Effect.suspend(() => {
      turns.delete(id)
      return change((before) => ({ ...before, waiting: before.waiting.filter((other) => other.id !== id) }), nobodyBusy)
    })
    yield* Effect.ensuring(Effect.interruptible(Deferred.await(turn)), leave)
  }, Effect.uninterruptible)

  return {
    enter: Effect.fnUntraced(function* (model, onWait) {
      if ((yield* Ref.get(table)).waiting.length === 0) return
      const key = yield* model
      const now = yield* Clock.currentTimeMillis
      if (mayGoAhead(yield* Ref.get(table), key, now, policy)) return
      yield* onWait
      yield* queue(key, now)
    }),
    wait: queue,
    leaseBegan: (model) =>
      change(
        (before) => ({ ...before, holders: new Map(before.holders).set(model, (before.holders.get(model) ?? 0) + 1) }),
        () => false
      ),
    leaseEnded: (model) =>
      Effect.flatMap(Ref.get(table), ({ holders }) => {
        const last = (holders.get(model) ?? 0) <= 1
        return change(
          (before) => {
            const left = new Map(before.holders)
            if (last) left.delete(model)
            else left.set(model, (left.get(model) ?? 1) - 1)
            return { ...before, holders: left }
          },
          () => last
        )
      }),
    attempt: (self) =>
      Effect.acquireUseRelease(
        Ref.update(table, (before) => ({ ...before, trying: before.trying + 1 })),
        () => self,
        () => change((before) => ({ ...before, trying: before.trying - 1 }), nobodyBusy)
      )
  }
})
