/**
 * A circuit breaker: after enough failures in a row it answers at once instead of calling, until one probe succeeds.
 * Transitions are pure; the shell around them only keeps the state.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Cause from "effect/Cause"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as SubscriptionRef from "effect/SubscriptionRef"

/**
 * `failures` in a row open the circuit for `openFor` (milliseconds); then one probe is let through.
 *
 * @since 0.1.0
 * @category models
 */
export class BreakerPolicy extends Schema.Class<BreakerPolicy>("@lms-bridge/core/resilience/BreakerPolicy")({
  failures: Schema.Int.pipe(Schema.positive()),
  openFor: Schema.DurationFromMillis
}) {}

/**
 * 5 failures in a row, 60 s.
 *
 * @since 0.1.0
 * @category constructors
 */
export const standard: BreakerPolicy = new BreakerPolicy({ failures: 5, openFor: Duration.seconds(60) })

/**
 * @since 0.1.0
 * @category references
 */
export class CurrentBreakerPolicy extends Context.Reference<CurrentBreakerPolicy>()(
  "@lms-bridge/core/resilience/CurrentBreakerPolicy",
  { defaultValue: () => standard }
) {}

/**
 * `until` is epoch milliseconds. `HalfOpen` means that one probe is under way.
 *
 * @since 0.1.0
 * @category models
 */
export type State = Data.TaggedEnum<{
  Closed: { readonly failures: number }
  Open: { readonly until: number }
  HalfOpen: {}
}>

/**
 * @since 0.1.0
 * @category models
 */
export const State = Data.taggedEnum<State>()

/**
 * The call was not made: earlier ones failed in a row. Not retryable before `retryAfter`.
 *
 * @since 0.1.0
 * @category errors
 */
export class CircuitOpen extends Schema.TaggedError<CircuitOpen>()("CircuitOpen", {
  name: Schema.String,
  retryAfter: Schema.DurationFromMillis
}) {
  readonly retryable = false
  override get message() {
    return `${this.name} has failed repeatedly, so it is not called now. It will be tried again in ${Duration.format(
      this.retryAfter
    )}; \`lms-bridge doctor\` shows what is wrong.`
  }
}

/**
 * @since 0.1.0
 * @category models
 */
export interface CircuitBreaker {
  readonly name: string
  /** What the breaker is doing, to be read or watched. */
  readonly state: SubscriptionRef.SubscriptionRef<State>
  readonly protect: <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E | CircuitOpen, R>
}

/**
 * Whether a call may be made now, and the state after that decision. The number is how many milliseconds the caller
 * would have to wait; 0 admits the call.
 *
 * @since 0.1.0
 * @category transitions
 */
export const admit = (policy: BreakerPolicy, state: State, now: number): readonly [wait: number, next: State] =>
  State.$match(state, {
    Closed: () => [0, state] as const,
    Open: ({ until }) => (now >= until ? ([0, State.HalfOpen()] as const) : ([until - now, state] as const)),
    // a probe is under way: everybody else waits for its outcome, a full period at the most
    HalfOpen: () => [Duration.toMillis(policy.openFor), state] as const
  })

/**
 * The state after an admitted call has ended. `probe` says whether this call was the half-open probe: the late
 * outcome of a call that was admitted before the circuit opened must neither close it nor open it again.
 *
 * @since 0.1.0
 * @category transitions
 */
export const record = (
  policy: BreakerPolicy,
  state: State,
  outcome: { readonly probe: boolean; readonly result: "ok" | "failed" | "interrupted" },
  now: number
): State => {
  if (outcome.probe) {
    switch (outcome.result) {
      case "ok":
        return State.Closed({ failures: 0 })
      case "failed":
        return State.Open({ until: now + Duration.toMillis(policy.openFor) })
      // the probe never learnt anything: the next caller may probe at once
      case "interrupted":
        return State.Open({ until: now })
    }
  }
  if (state._tag !== "Closed" || outcome.result === "interrupted") return state
  if (outcome.result === "ok") return State.Closed({ failures: 0 })
  return state.failures + 1 >= policy.failures
    ? State.Open({ until: now + Duration.toMillis(policy.openFor) })
    : State.Closed({ failures: state.failures + 1 })
}

/**
 * `counts` says which failures are the far side's fault: a refused model name is not, a reset connection is.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = Effect.fnUntraced(function* (options: {
  readonly name: string
  readonly policy: BreakerPolicy
  readonly counts: (error: unknown) => boolean
}) {
  const { counts, name, policy } = options
  const state = yield* SubscriptionRef.make<State>(State.Closed({ failures: 0 }))

  const acquire = Effect.flatMap(Clock.currentTimeMillis, (now) =>
    SubscriptionRef.modify(state, (current) => {
      const [wait, next] = admit(policy, current, now)
      return [{ wait, probe: current._tag === "Open" && next._tag === "HalfOpen" }, next]
    })
  ).pipe(
    Effect.filterOrFail(
      ({ wait }) => wait === 0,
      ({ wait }) => new CircuitOpen({ name, retryAfter: Duration.millis(wait) })
    )
  )

  const release = (probe: boolean, exit: Exit.Exit<unknown, unknown>) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) =>
      SubscriptionRef.update(state, (current) => record(policy, current, { probe, result: resultOf(exit) }, now))
    )

  const resultOf = (exit: Exit.Exit<unknown, unknown>): "ok" | "failed" | "interrupted" =>
    Exit.match(exit, {
      onSuccess: () => "ok",
      onFailure: (cause) =>
        Option.match(Cause.failureOption(cause), {
          onSome: (error) => (counts(error) ? "failed" : "ok"),
          onNone: () => (Cause.isInterruptedOnly(cause) ? "interrupted" : "failed")
        })
    })

  const breaker: CircuitBreaker = {
    name,
    state,
    protect: (self) =>
      Effect.acquireUseRelease(
        acquire,
        () => self,
        ({ probe }, exit) => release(probe, exit)
      )
  }
  return breaker
})
