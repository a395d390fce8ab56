/**
 * The queue in front of `lease`, for when not all models fit into memory. Requests for the same model are admitted
 * together, so that A B A B becomes A A B B, and the time for which a waiting request may be overtaken is bounded.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as STM from "effect/STM"
import * as TRef from "effect/TRef"
import { counted } from "./Leases.ts"

/**
 * `longestOvertaking` is how long requests for a model in use may overtake a request that waits for another model.
 * `longestWait` is how long a request waits before it gives up. Both in milliseconds.
 */
export class AdmissionPolicy extends Schema.Class<AdmissionPolicy>("@lms-bridge/core/models/AdmissionPolicy")({
  longestOvertaking: Schema.DurationFromMillis,
  longestWait: Schema.DurationFromMillis
}) {}

/** 60 s and 10 minutes. */
export class CurrentAdmissionPolicy extends Context.Reference<CurrentAdmissionPolicy>()(
  "@lms-bridge/core/models/CurrentAdmissionPolicy",
  {
    defaultValue: () =>
      new AdmissionPolicy({ longestOvertaking: Duration.seconds(60), longestWait: Duration.minutes(10) })
  }
) {}

/** A waiting request. `since` is epoch milliseconds. */
export interface Waiting {
  readonly id: number
  readonly model: string
  readonly since: number
}

/** `holders` are the leases per model; `trying` counts the admitted requests that do not have a lease yet. */
export interface Table {
  readonly holders: ReadonlyMap<string, number>
  readonly trying: number
  readonly waiting: ReadonlyArray<Waiting>
}

/**
 * Whether a new request may proceed: always when no request waits; else only if its model is in memory (which groups
 * requests by model) and no request has waited too long for another model.
 */
export const mayGoAhead = (
  table: Table,
  request: { readonly model: string; readonly inMemory: boolean },
  now: number,
  policy: AdmissionPolicy
): boolean =>
  table.waiting.length === 0 ||
  ((request.inMemory || table.holders.has(request.model)) &&
    !table.waiting.some(
      ({ model, since }) => model !== request.model && now - since >= Duration.toMillis(policy.longestOvertaking)
    ))

/** The requests to admit when there may be room: the one that has waited longest, and all that wait for the same model. */
export const next = (table: Table): ReadonlyArray<Waiting> => {
  const oldest = table.waiting.toSorted((left, right) => left.since - right.since || left.id - right.id)[0]
  return oldest === undefined ? [] : table.waiting.filter(({ model }) => model === oldest.model)
}

export interface Queue {
  /** Tries at once; when the attempt fails, the next in the queue may try. */
  readonly attempt: <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /**
   * Tries when its turn comes. `since` is when the request first arrived, in epoch milliseconds. None when it has waited
   * too long.
   */
  readonly attemptInTurn: (
    model: string,
    since: number
  ) => <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<Option.Option<A>, E, R>
  /** Whether a new request may try at once. `request` is evaluated only when another request waits. */
  readonly mayTry: <E>(
    request: Effect.Effect<{ readonly model: string; readonly inMemory: boolean }, E>
  ) => Effect.Effect<boolean, E>
  /** Whether any lease is held or being acquired, so that room may still become free. */
  readonly somebodyActive: Effect.Effect<boolean>
  readonly leaseBegan: (model: string) => Effect.Effect<void>
  readonly leaseEnded: (model: string) => Effect.Effect<void>
}

export const make: Effect.Effect<Queue> = Effect.gen(function* () {
  const policy = yield* CurrentAdmissionPolicy
  const table = yield* STM.commit(TRef.make<Table>({ holders: new Map(), trying: 0, waiting: [] }))
  const ids = yield* STM.commit(TRef.make(0))

  /** Changes the table. If that makes room, the next group stops waiting and counts as trying from then on. */
  const change = (update: (table: Table) => Table, makesRoom: (before: Table, after: Table) => boolean = whenIdle) =>
    TRef.update(table, (before) => {
      const after = update(before)
      const going = makesRoom(before, after) ? next(after) : []
      return {
        ...after,
        trying: after.trying + going.length,
        waiting: after.waiting.filter((waiting) => !going.includes(waiting))
      }
    })

  const tried = change((before) => ({ ...before, trying: before.trying - 1 }))

  const attemptInTurn: Queue["attemptInTurn"] = (model, since) => (self) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const id = yield* TRef.getAndUpdate(ids, (id) => id + 1)
        const isWaiting = ({ waiting }: Table) => waiting.some((other) => other.id === id)
        // room may have become free since the refusal
        yield* change((before) => ({ ...before, waiting: [...before.waiting, { id, model, since }] }))
        const left = Duration.toMillis(policy.longestWait) - ((yield* Clock.currentTimeMillis) - since)
        const giveUp = change((before) =>
          isWaiting(before)
            ? { ...before, waiting: before.waiting.filter((other) => other.id !== id) }
            : // it was admitted just as it gave up
              { ...before, trying: before.trying - 1 }
        )
        const turn = STM.commit(STM.flatMap(TRef.get(table), (now) => STM.check(() => !isWaiting(now))))
        const waited = yield* restore(Effect.timeoutOption(turn, Duration.millis(Math.max(0, left)))).pipe(
          Effect.onExit((exit) => (Exit.isSuccess(exit) && Option.isSome(exit.value) ? Effect.void : giveUp))
        )
        return Option.isNone(waited) ? Option.none() : yield* Effect.ensuring(Effect.asSome(restore(self)), tried)
      })
    )

  return {
    attempt: (self) =>
      Effect.acquireUseRelease(
        TRef.update(table, (before) => ({ ...before, trying: before.trying + 1 })),
        () => self,
        () => tried
      ),
    attemptInTurn,
    mayTry: Effect.fnUntraced(function* (request) {
      if ((yield* TRef.get(table)).waiting.length === 0) return true
      const wanted = yield* request
      return mayGoAhead(yield* TRef.get(table), wanted, yield* Clock.currentTimeMillis, policy)
    }),
    somebodyActive: Effect.map(TRef.get(table), (current) => !isIdle(current)),
    leaseBegan: (model) => TRef.update(table, (before) => ({ ...before, holders: counted(before.holders, model, 1) })),
    leaseEnded: (model) =>
      change(
        (before) => ({ ...before, holders: counted(before.holders, model, -1) }),
        (before, after) => after.holders.size < before.holders.size
      )
  }
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const isIdle = ({ holders, trying }: Table) => holders.size === 0 && trying === 0
const whenIdle = (_: Table, after: Table) => isIdle(after)
