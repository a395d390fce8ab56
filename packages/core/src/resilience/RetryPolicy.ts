/** Retry behaviour as data: a schema-checked record that turns into a `Schedule`. */
import * as Duration from "effect/Duration"
import * as Predicate from "effect/Predicate"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"

/**
 * Delays grow from `base` by `factor` up to `maxDelay`, each jittered by 20 percent either way. There are at most
 * `maxRetries` retries after the first attempt, and none starts later than `budget` after the first failure. All durations
 * in milliseconds.
 */
export class RetryPolicy extends Schema.Class<RetryPolicy>("@lms-bridge/core/resilience/RetryPolicy")({
  base: Schema.DurationFromMillis,
  factor: Schema.Number.pipe(Schema.greaterThanOrEqualTo(1)),
  maxDelay: Schema.DurationFromMillis,
  maxRetries: Schema.NonNegativeInt,
  budget: Schema.DurationFromMillis
}) {}

/** 3 retries at 1, 2 and 4 s, within 30 s in all. */
export const standard: RetryPolicy = new RetryPolicy({
  base: Duration.seconds(1),
  factor: 2,
  maxDelay: Duration.seconds(10),
  maxRetries: 3,
  budget: Duration.seconds(30)
})

/** The delays before each retry, without jitter, as `doctor` shows them; at most eight. */
export const delays = ({ base, factor, maxDelay, maxRetries }: RetryPolicy): ReadonlyArray<Duration.Duration> =>
  Array.from({ length: Math.min(8, maxRetries) }, (_, retry) =>
    Duration.min(Duration.times(base, factor ** retry), maxDelay)
  )

export const isRetryable = (error: unknown): boolean =>
  Predicate.hasProperty(error, "retryable") && error.retryable === true

/** The policy as a schedule. An input without `retryable: true` stops it at once. */
export const toSchedule = (policy: RetryPolicy): Schedule.Schedule<unknown, unknown> =>
  Schedule.exponential(policy.base, policy.factor).pipe(
    Schedule.union(Schedule.spaced(policy.maxDelay)),
    Schedule.jittered,
    Schedule.intersect(Schedule.recurs(policy.maxRetries)),
    Schedule.delays,
    // `upTo` would check the time before the delay, and let a retry start after the budget
    Schedule.intersect(Schedule.elapsed),
    Schedule.whileOutput(([delay, elapsed]) => Duration.lessThanOrEqualTo(Duration.sum(delay, elapsed), policy.budget)),
    Schedule.whileInput(isRetryable)
  )
