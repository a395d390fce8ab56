/**
 * Limits concurrency fairly: persons come first, callers take turns, so that one with twenty calls does not hold up the
 * others, and a queue that is full says so.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { CurrentCaller } from "../observability/Correlation.ts"
import * as Metrics from "../observability/Metrics.ts"
import { Overloaded } from "./Overloaded.ts"

/** Runs an effect when its caller's turn comes. */
export type InTurn = <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E | Overloaded, R>

/** Whether somebody waits for what is done now (`person`), or asks for it later (`background`). */
export class CurrentPriority extends Context.Reference<CurrentPriority>()(
  "@lms-bridge/core/resilience/CurrentPriority",
  { defaultValue: (): "person" | "background" => "person" }
) {}

export interface Limits {
  /** Concurrent uses. */
  readonly atOnce: number
  /** Uses that may wait. */
  readonly mostWaiting: number
  /** The resource in a sentence, for whoever is refused. */
  readonly what: string
  /** The setting that allows more to wait. */
  readonly setting: string
}

/**
 * For one resource. Below the limit, effects run at once. Above it, what a person waits for goes first, callers take turns,
 * and the calls of each caller run in the order in which they arrived.
 */
export const make = ({ atOnce, mostWaiting, setting, what }: Limits): Effect.Effect<InTurn> =>
  Effect.sync(() => {
    let free = atOnce
    let turn = 0
    let waiting: ReadonlyArray<Waiting> = []
    /** When each waiting caller last had its turn. */
    const lastTurn = new Map<string, number>()

    const took = ({ caller }: Pick<Waiting, "caller">) => void lastTurn.set(caller, turn++)
    const leave = Effect.sync(() => {
      const next = nextOf(waiting, lastTurn)
      if (next === undefined) {
        free++
        lastTurn.clear()
        return
      }
      waiting = waiting.filter((one) => one !== next)
      took(next)
      next.go()
    })
    const enter = Effect.zipWith(CurrentCaller, CurrentPriority, (caller, priority) => ({ caller, priority })).pipe(
      Effect.flatMap((who) =>
        Effect.async<void, Overloaded>((resume) => {
          if (free > 0) {
            free--
            took(who)
            resume(Effect.void)
            // it may be interrupted before it goes on
            return leave
          }
          if (waiting.length >= mostWaiting) {
            Metrics.refusals.add({ reason: "queue" })
            const retryAfter = Duration.seconds(5)
            resume(new Overloaded({ what, setting, limit: mostWaiting, reason: "Queue", retryAfter }))
            return undefined
          }
          const own: Waiting = { ...who, go: () => resume(Effect.void) }
          waiting = [...waiting, own]
          return Effect.suspend(() => {
            const waits = waiting.includes(own)
            waiting = waiting.filter((one) => one !== own)
            // its turn came as it was interrupted
            return waits ? Effect.void : leave
          })
        })
      )
    )
    return (self) =>
      Effect.uninterruptibleMask((restore) => Effect.zipRight(restore(enter), Effect.ensuring(restore(self), leave)))
  })

/** The same for many resources, by name. None is ever removed: there are only as many as models or servers. */
export const makeKeyed = (limits: Omit<Limits, "what">, whatOf: (resource: string) => string) =>
  Effect.sync(() => {
    const all = new Map<string, InTurn>()
    return (resource: string): InTurn =>
      (self) =>
        Effect.flatMap(
          Effect.suspend(() => {
            const known = all.get(resource)
            return known === undefined
              ? Effect.tap(make({ ...limits, what: whatOf(resource) }), (made) =>
                  Effect.sync(() => all.set(resource, made))
                )
              : Effect.succeed(known)
          }),
          (inTurn) => inTurn(self)
        )
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Waiting {
  readonly caller: string
  readonly priority: "person" | "background"
  readonly go: () => void
}

/** Of those who come first, the first call of the caller who has waited longest for a turn. */
const nextOf = (waiting: ReadonlyArray<Waiting>, lastTurn: ReadonlyMap<string, number>): Waiting | undefined => {
  const persons = waiting.filter(({ priority }) => priority === "person")
  const since = ({ caller }: Waiting) => lastTurn.get(caller) ?? -1
  return (persons.length > 0 ? persons : waiting).reduce<Waiting | undefined>(
    (best, one) => (best === undefined || since(one) < since(best) ? one : best),
    undefined
  )
}
