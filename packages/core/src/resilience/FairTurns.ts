/**
 * Who may go next where only so many may go at once: callers take turns, so that one with twenty calls waits for its own
 * and not the others for it.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as PartitionedSemaphore from "effect/PartitionedSemaphore"

/**
 * On whose behalf work is done: an MCP client's session, where there are several. A run keeps the caller that started it.
 */
export class CurrentCaller extends Context.Reference<CurrentCaller>()("@lms-bridge/core/resilience/CurrentCaller", {
  defaultValue: () => ""
}) {}

/** Runs an effect when it is its caller's turn. */
export type InTurn = <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/**
 * For one resource, of which `atOnce` may be used at the same time. Without a wait nothing is decided: whoever comes goes.
 * Else callers take turns one by one, and the calls of each go in the order in which they came.
 */
export const make = (atOnce: number): Effect.Effect<InTurn> =>
  Effect.map(
    PartitionedSemaphore.make<string>({ permits: atOnce }),
    (turns): InTurn =>
      (self) =>
        Effect.flatMap(CurrentCaller, (caller) => turns.withPermits(caller, 1)(self))
  )

/** The same for many resources, by their names. None is forgotten: there are as many as models or servers. */
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
