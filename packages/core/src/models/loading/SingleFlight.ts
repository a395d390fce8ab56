/**
 * Runs one piece of work per key at a time, shared by all callers that request it meanwhile. The work belongs to the
 * service, not to the first caller: interrupting a caller does not affect the others. The work is interrupted when no
 * caller waits any more, unless it must finish.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import type * as Scope from "effect/Scope"

/** What the work can do while it runs. */
export interface Flight<P> {
  /** Reports progress to all waiting callers. */
  readonly report: (progress: P) => Effect.Effect<void>
  /** From now on, the work runs to its end even when no caller waits any more. */
  readonly mustFinish: Effect.Effect<void>
}

/**
 * `mine` is the outcome of work that this caller started; `shared` is that of work in progress, started for `purpose`;
 * `abandoned` means that the work was interrupted just as this caller joined.
 */
export type Outcome<A, E> =
  | { readonly _tag: "mine"; readonly exit: Exit.Exit<A, E> }
  | { readonly _tag: "shared"; readonly exit: Exit.Exit<A, E>; readonly purpose: string }
  | { readonly _tag: "abandoned" }

export interface SingleFlight<P, A, E> {
  readonly run: (options: {
    readonly key: string
    /** What this caller wants; callers that join learn the purpose for which the work was started. */
    readonly purpose: string
    readonly onProgress: (progress: P) => Effect.Effect<void>
    /** Runs at once when work for the key is already in progress. */
    readonly onJoin: Effect.Effect<void>
    readonly work: (flight: Flight<P>) => Effect.Effect<A, E>
  }) => Effect.Effect<Outcome<A, E>>
}

/** Work runs in the scope in which this is made. */
export const make = <P, A, E>(): Effect.Effect<SingleFlight<P, A, E>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const flights = yield* Ref.make<Flights<P, A, E>>(new Map())

    const remove = (running: Running<P, A, E>) =>
      Ref.update(flights, (all) => new Map([...all].filter(([, other]) => other !== running)))

    const start = (running: Running<P, A, E>, work: (flight: Flight<P>) => Effect.Effect<A, E>) =>
      work({
        report: (progress) =>
          Effect.suspend(() => Effect.forEach([...running.listeners], (tell) => tell(progress), { discard: true })),
        mustFinish: Effect.sync(() => {
          running.mustFinish = true
        })
      }).pipe(
        // only the work itself is interruptible; what follows must always run, or the key would stay taken
        Effect.interruptible,
        Effect.exit,
        Effect.flatMap((exit) => Effect.zipRight(remove(running), Deferred.succeed(running.done, exit))),
        Effect.forkIn(scope),
        Effect.tap((fiber) =>
          Effect.sync(() => {
            running.fiber = Option.some(fiber)
          })
        )
      )

    const leave = (running: Running<P, A, E>, listener: (progress: P) => Effect.Effect<void>) =>
      Effect.suspend(() => {
        running.listeners.delete(listener)
        running.waiting -= 1
        return running.waiting === 0 && !running.mustFinish && Option.isSome(running.fiber)
          ? Fiber.interruptFork(running.fiber.value)
          : Effect.void
      })

    return {
      run: ({ key, onJoin, onProgress, purpose, work }) =>
        Effect.uninterruptibleMask((restore) =>
          Effect.gen(function* () {
            const fresh: Running<P, A, E> = {
              purpose,
              done: yield* Deferred.make<Exit.Exit<A, E>>(),
              listeners: new Set(),
              waiting: 0,
              mustFinish: false,
              fiber: Option.none()
            }
            const running = yield* Ref.modify(flights, (all): readonly [Running<P, A, E>, Flights<P, A, E>] => {
              const present = all.get(key)
              return present === undefined ? [fresh, new Map(all).set(key, fresh)] : [present, all]
            })
            // one object per caller, to tell two callers with the same function apart
            const listener = (progress: P) => onProgress(progress)
            running.listeners.add(listener)
            running.waiting += 1
            if (running === fresh) yield* start(running, work)
            const wait =
              running === fresh ? Deferred.await(running.done) : Effect.zipRight(onJoin, Deferred.await(running.done))
            const exit = yield* Effect.onExit(restore(wait), () => leave(running, listener))
            if (running === fresh) return { _tag: "mine", exit } as const
            return Exit.isInterrupted(exit)
              ? ({ _tag: "abandoned" } as const)
              : ({ _tag: "shared", exit, purpose: running.purpose } as const)
          })
        )
    }
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Changed only synchronously by the steps above. */
interface Running<P, A, E> {
  readonly purpose: string
  readonly done: Deferred.Deferred<Exit.Exit<A, E>>
  readonly listeners: Set<(progress: P) => Effect.Effect<void>>
  waiting: number
  mustFinish: boolean
  fiber: Option.Option<Fiber.RuntimeFiber<unknown, never>>
}

type Flights<P, A, E> = ReadonlyMap<string, Running<P, A, E>>
