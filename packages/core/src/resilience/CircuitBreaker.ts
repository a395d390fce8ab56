/**
 * A circuit breaker: after enough consecutive failures it refuses calls at once, until a probe succeeds. Transitions are
 * pure; the shell around them only keeps the state.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as Metrics from "../observability/Metrics.ts"

/** `failures` consecutive failures open the circuit for `openFor` (milliseconds); then one probe is admitted. */
export class BreakerPolicy extends Schema.Class<BreakerPolicy>("@lms-bridge/core/resilience/BreakerPolicy")({
  failures: Schema.Int.pipe(Schema.positive()),
  openFor: Schema.DurationFromMillis
}) {}

/** 5 consecutive failures, 60 s. */
export const standard: BreakerPolicy = new BreakerPolicy({ failures: 5, openFor: Duration.seconds(60) })

/**
 * All times are epoch milliseconds. `Closed` counts the consecutive failures of calls admitted at `since` or later. `Open`
 * refuses until `until`. `HalfOpen` means that a probe is in flight; if it does not end, another is admitted at `until`.
 */
export type State = Data.TaggedEnum<{
  Closed: { readonly failures: number; readonly since: number }
  Open: { readonly until: number }
  HalfOpen: { readonly until: number }
}>

export const State = Data.taggedEnum<State>()

/** The state of a breaker before its first call. */
export const initial: State = State.Closed({ failures: 0, since: 0 })

/** The call was not made, because earlier calls failed consecutively. Not retryable before `retryAfter`. */
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

export interface CircuitBreaker {
  readonly name: string
  /** The current state, to be read or watched. */
  readonly state: SubscriptionRef.SubscriptionRef<State>
  readonly protect: <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E | CircuitOpen, R>
  /** The same for a call whose success is known before its end: when it runs `answered`. */
  readonly protectUntil: <A, E, R>(
    call: (answered: Effect.Effect<void>) => Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E | CircuitOpen, R>
}

/** Permission to make a call, with what `record` needs to know about it afterwards. */
export interface Admission {
  /** Whether this call is the half-open probe. */
  readonly probe: boolean
  readonly admittedAt: number
}

/**
 * Whether a call may be made now, and the state after that decision. `wait` is how many milliseconds a refused caller
 * would have to wait; 0 admits the call.
 */
export const admit = (
  policy: BreakerPolicy,
  state: State,
  now: number
): readonly [decision: Admission & { readonly wait: number }, next: State] => {
  if (state._tag === "Closed") return [{ wait: 0, probe: false, admittedAt: now }, state]
  return now >= state.until
    ? [{ wait: 0, probe: true, admittedAt: now }, State.HalfOpen({ until: now + Duration.toMillis(policy.openFor) })]
    : [{ wait: state.until - now, probe: false, admittedAt: now }, state]
}

/**
 * The state after an admitted call has ended. `unknown` is a call that says nothing about the far side, such as an
 * interrupted one. The late outcome of a call admitted before the circuit opened neither closes nor reopens it, and does
 * not count once it is closed.
 */
export const record = (
  policy: BreakerPolicy,
  state: State,
  call: Admission & { readonly result: "ok" | "failed" | "unknown" },
  now: number
): State => {
  if (call.probe && state._tag !== "Closed") {
    switch (call.result) {
      case "ok":
        return State.Closed({ failures: 0, since: now })
      case "failed":
        return State.Open({ until: now + Duration.toMillis(policy.openFor) })
      // the probe was inconclusive: the next caller may probe at once
      case "unknown":
        return State.Open({ until: now })
    }
  }
  if (state._tag !== "Closed" || call.result === "unknown" || call.admittedAt < state.since) return state
  if (call.result === "ok") return state.failures === 0 ? state : State.Closed({ ...state, failures: 0 })
  return state.failures + 1 >= policy.failures
    ? State.Open({ until: now + Duration.toMillis(policy.openFor) })
    : State.Closed({ ...state, failures: state.failures + 1 })
}

/**
 * `counts` says which failures are the far side's fault: a reset connection is, a refused model name is not. A failure
 * that does not count is an answer, so it resets the count.
 */
export const make = Effect.fnUntraced(function* (options: {
  readonly name: string
  readonly policy: BreakerPolicy
  readonly counts: (error: unknown) => boolean
}) {
  const { counts, name, policy } = options
  const state = yield* SubscriptionRef.make<State>(initial)

  // read and changed synchronously, so that no two calls are decided on the same state; `state` follows
  let current: State = initial
  const count = () => Metrics.breakerState.set({ operation: name }, levels[current._tag])
  count()
  /** Most calls to a healthy server change nothing, so there is nothing to publish. */
  const changeTo = (next: State) => {
    if (next === current) return Effect.void
    const changed = next._tag !== current._tag
    current = next
    const published = SubscriptionRef.update(state, () => current)
    if (!changed) return published
    count()
    return Effect.zipRight(published, Effect.logDebug("circuit breaker", { breaker: name, state: next._tag }))
  }

  const acquire = Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const [admission, next] = admit(policy, current, now)
    return Effect.zipRight(
      changeTo(next),
      admission.wait === 0
        ? Effect.succeed(admission)
        : new CircuitOpen({ name, retryAfter: Duration.millis(admission.wait) })
    )
  })

  const protectUntil: CircuitBreaker["protectUntil"] = (call) =>
    Effect.suspend(() => {
      let isKnown = false
      const tell = (admission: Admission, result: () => "ok" | "failed" | "unknown") =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => {
          if (isKnown) return Effect.void
          isKnown = true
          return changeTo(record(policy, current, { ...admission, result: result() }, now))
        })
      return Effect.acquireUseRelease(
        acquire,
        (admission) => call(tell(admission, () => "ok")),
        (admission, exit) => tell(admission, () => resultOf(exit, counts))
      )
    })

  const breaker: CircuitBreaker = { name, state, protectUntil, protect: (self) => protectUntil(() => self) }
  return breaker
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const levels = { Closed: 0, HalfOpen: 1, Open: 2 } as const

const resultOf = (exit: Exit.Exit<unknown, unknown>, counts: (error: unknown) => boolean) =>
  Exit.match(exit, {
    onSuccess: () => "ok" as const,
    onFailure: (cause) =>
      Option.match(Cause.failureOption(cause), {
        onSome: (error) => (counts(error) ? ("failed" as const) : ("ok" as const)),
        // an interruption or a defect of ours says nothing about the far side
        onNone: () => "unknown" as const
      })
  })
