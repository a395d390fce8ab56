/**
 * What is waited for by the clock, because it passes by itself: a server that loads its model, and one that has gone and
 * comes back. Retries count attempts; here only the time counts.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type { Values } from "../configuration/Settings.ts"

/**
 * How long a model that loads, and a server that has gone, are waited for, and the pause between two questions.
 * Milliseconds.
 */
export class PatiencePolicy extends Schema.Class<PatiencePolicy>("@lms-bridge/core/resilience/PatiencePolicy")({
  loading: Schema.DurationFromMillis,
  comeback: Schema.DurationFromMillis,
  pause: Schema.DurationFromMillis
}) {}

export const policyOf = (settings: Pick<Values, "loadTimeout" | "comebackTimeout">): PatiencePolicy =>
  new PatiencePolicy({
    loading: settings.loadTimeout,
    comeback: settings.comebackTimeout,
    pause: Duration.seconds(1)
  })

/** Whether a server says that it is loading the model: it is at work, and an answer will come. */
export const isLoading = (error: unknown): boolean =>
  Predicate.isTagged(error, "ServerFault") && Predicate.hasProperty(error, "reason") && error.reason === "Loading"

/**
 * Whether a server that has answered this process before cannot be reached any more: it crashed, was closed, is updated.
 * One that never answered is told of at once, unless a proxy stands for it.
 */
export const isGone = (error: unknown): boolean =>
  (Predicate.isTagged(error, "ServerFault") && Predicate.hasProperty(error, "reason") && error.reason === "Gateway") ||
  (Predicate.isTagged(error, "LmStudioUnreachable") &&
    Predicate.hasProperty(error, "answeredBefore") &&
    error.answeredBefore === true &&
    Predicate.hasProperty(error, "reason") &&
    (error.reason === "Refused" || error.reason === "Transport" || error.reason === "NotFound"))

/**
 * Asks again for as long as the server loads its model, up to the limit of loads. `tell` is run now and then meanwhile.
 */
export const whileLoading =
  (policy: PatiencePolicy, tell: Effect.Effect<unknown> = Effect.void) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.catchIf(self, isLoading, () =>
      Effect.zipRight(
        Effect.logInfo("the model is loading; waiting for it"),
        waiting(policy, policy.loading, isLoading, tell)(self)
      )
    )

/**
 * When `self` fails because the server has gone, asks with `sign`, the cheapest sign of life, until it is back, and then
 * `self` once more. Fails with the first error when the time is over.
 */
export const untilBack =
  <E2>(policy: PatiencePolicy, sign: Effect.Effect<unknown, E2>, tell: Effect.Effect<unknown> = Effect.void) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.catchIf(
      self,
      (error) => isGone(error) && !Duration.isZero(policy.comeback),
      (error) =>
        Effect.logInfo("LM Studio has gone; waiting for it to come back").pipe(
          Effect.zipRight(waiting(policy, policy.comeback, isGone, tell)(sign)),
          Effect.matchEffect({
            onFailure: (last) => (isGone(last) ? Effect.fail(error) : self),
            onSuccess: () => self
          })
        )
    )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** How often somebody is told that it is still waited for: each so many pauses. */
const toldEach = 10

const waiting =
  (
    { pause }: PatiencePolicy,
    limit: Duration.Duration,
    passes: (error: unknown) => boolean,
    tell: Effect.Effect<unknown>
  ) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.retry(
      self,
      Schedule.intersect(Schedule.spaced(pause), Schedule.elapsed).pipe(
        Schedule.check((error: E, [, elapsed]) => passes(error) && Duration.lessThan(elapsed, limit)),
        Schedule.tapOutput(([times]) => (times % toldEach === 0 ? tell : Effect.void))
      )
    ).pipe(Effect.delay(pause), (retried) => Effect.zipRight(tell, retried))
