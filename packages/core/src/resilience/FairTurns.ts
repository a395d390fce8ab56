/**
 * Limits concurrency fairly: callers take turns, so that one with twenty calls does not hold up the others.
 */
import * as Effect from "effect/Effect"
import * as PartitionedSemaphore from "effect/PartitionedSemaphore"
import { CurrentCaller } from "../observability/Correlation.ts"

/** Runs an effect when its caller's turn comes. */
export type InTurn = <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/**
 * For one resource, with at most `atOnce` concurrent uses. Below that limit, effects run at once. Above it, callers take
 * turns, and the calls of each caller run in the order in which they arrived.
 */
export const make = (atOnce: number): Effect.Effect<InTurn> =>
  Effect.map(
    PartitionedSemaphore.make<string>({ permits: atOnce }),
    (turns): InTurn =>
      (self) =>
        Effect.flatMap(CurrentCaller, (caller) => turns.withPermits(caller, 1)(self))
  )

/** The same for many resources, by name. None is ever removed: there are only as many as models or servers. */
export const makeKeyed = (atOnce: number): Effect.Effect<(resource: string) => InTurn> =>
  Effect.sync(() => {
    const all = new Map<string, InTurn>()
    return (resource): InTurn =>
      (self) =>
        Effect.flatMap(
          Effect.suspend(() => {
            const known = all.get(resource)
            return known === undefined
              ? Effect.tap(make(atOnce), (made) => Effect.sync(() => all.set(resource, made)))
              : Effect.succeed(known)
          }),
          (inTurn) => inTurn(self)
        )
  })
