/**
 * Limits concurrency fairly: persons come first, callers take turns, so that one with twenty calls does not hold up the
 * others, and a queue that is full says so.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { CurrentCaller, CurrentRunId } from "../observability/Correlation.ts"
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

/** A use that goes on or waits: since when, in epoch milliseconds, for whom, and of which run, if of one. */
export interface Use {
  readonly since: number
  readonly priority: "person" | "background"
  readonly runId: string | undefined
}

/** What goes on now and what waits, in the order of arrival. */
export interface Uses {
  readonly active: ReadonlyArray<Use>
  readonly waiting: ReadonlyArray<Use>
}

/**
 * For one resource. Below the limit, effects run at once. Above it, what a person waits for goes first, callers take turns,
 * and the calls of each caller run in the order in which they arrived.
 */
export const make = (limits: Limits): Effect.Effect<InTurn> => Effect.map(watched(limits), ({ inTurn }) => inTurn)

const watched = ({ atOnce, model, mostWaiting, setting, what }: Limits & { readonly model?: string }) =>
  Effect.sync(() => {
    const active = new Set<Use>()
    let free = atOnce
    let turn = 0
    let waiting: ReadonlyArray<Waiting> = []
    /** When each waiting caller last had its turn. */
    const lastTurn = new Map<string, number>()

    const wait = (next: ReadonlyArray<Waiting>) => {
      waiting = next
      if (model === undefined) return
      if (next.length > 0) queues.set(model, next)
      else queues.delete(model)
      Metrics.queueDepth.set({ model }, next.length)
      if (next.length === 0) Metrics.queueOldest.set({ model }, 0)
    }
    const took = ({ caller }: Pick<Waiting, "caller">) => void lastTurn.set(caller, turn++)
    const leave = (use: Use) =>
      Effect.sync(() => {
        active.delete(use)
        const next = nextOf(waiting, lastTurn)
        if (next === undefined) {
          free++
          lastTurn.clear()
          return
        }
        wait(waiting.filter((one) => one !== next))
        took(next)
        next.go()
      })
    const asking = Effect.contextWithEffect((context: Context.Context<never>) =>
      Effect.map(Clock.currentTimeMillis, (since) => ({
        caller: Context.get(context, CurrentCaller),
        priority: Context.get(context, CurrentPriority),
        runId: Option.getOrUndefined(Context.get(context, CurrentRunId)),
        since
      }))
    )
    const turnOf = (use: Omit<Waiting, "go">) =>
      Effect.async<void>((resume) => {
        const go = () => {
          active.add(use)
          resume(Effect.void)
        }
        const own: Waiting = { ...use, go }
        wait([...waiting, own])
        return Effect.suspend(() => {
          const waits = waiting.includes(own)
          wait(waiting.filter((one) => one !== own))
          // its turn came as it was interrupted
          return waits ? Effect.void : leave(use)
        })
      })
    const inTurn: InTurn = <A, E, R>(self: Effect.Effect<A, E, R>) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.flatMap(asking, (use): Effect.Effect<A, E | Overloaded, R> => {
          const used = Effect.ensuring(restore(self), leave(use))
          if (free > 0) {
            free--
            took(use)
            active.add(use)
            return used
          }
          if (waiting.length < mostWaiting) return Effect.zipRight(restore(turnOf(use)), used)
          Metrics.refusals.add({ reason: "queue" })
          return new Overloaded({ what, setting, limit: mostWaiting, reason: "Queue", retryAfter: Duration.seconds(5) })
        })
      )
    return { inTurn, uses: (): Uses => ({ active: [...active].map(useOf), waiting: waiting.map(useOf) }) }
  })

/** How long the oldest has waited is only known by looking: before metrics are read. */
export const measure: Effect.Effect<void> = Effect.map(Clock.currentTimeMillis, (now) => {
  for (const [model, [first]] of queues)
    if (first !== undefined) Metrics.queueOldest.set({ model }, (now - first.since) / 1000)
})

/** The same for many models, by name. None is ever removed: there are only as many as models or servers. */
export const makeKeyed = (limits: Omit<Limits, "what">, whatOf: (resource: string) => string) =>
  Effect.sync(() => {
    const all = new Map<string, Effect.Effect.Success<ReturnType<typeof watched>>>()
    const inTurn =
      (resource: string): InTurn =>
      (self) =>
        Effect.flatMap(
          Effect.suspend(() => {
            const known = all.get(resource)
            return known === undefined
              ? Effect.tap(watched({ ...limits, what: whatOf(resource), model: resource }), (made) =>
                  Effect.sync(() => all.set(resource, made))
                )
              : Effect.succeed(known)
          }),
          (turns) => turns.inTurn(self)
        )
    return {
      inTurn,
      /** What goes on at a resource; looked at when somebody asks. */
      uses: (resource: string): Effect.Effect<Uses> =>
        Effect.sync(() => all.get(resource)?.uses() ?? { active: [], waiting: [] })
    }
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Of the models for which something waits, for the metrics, which are the process's. */
const queues = new Map<string, ReadonlyArray<Waiting>>()

/** Without who the caller is: the id of a session opens it. */
const useOf = ({ priority, runId, since }: Use): Use => ({ priority, runId, since })

interface Waiting extends Use {
  readonly caller: string
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
