/**
 * Waiting for conditions that pass by themselves: a server that is loading its model, or one that has gone and comes back.
 * Retries are limited by the number of attempts, these waits by time alone.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type { Values } from "../configuration/Settings.ts"

/**
 * How long to wait for a model that is loading (`loading`) and for a server that has gone (`comeback`), and the pause
 * between two requests. Milliseconds.
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

/** Whether the server says that it is loading the model, so that an answer will come. */
export const isLoading = (error: unknown): boolean =>
  Predicate.isTagged(error, "ServerFault") && Predicate.hasProperty(error, "reason") && error.reason === "Loading"

/**
 * Whether a server that has answered this process before is no longer reachable: it crashed, was closed or is being
 * updated. One that never answered is reported at once, unless a proxy answers for it.
 */
export const isGone = (error: unknown): boolean =>
  (Predicate.isTagged(error, "ServerFault") && Predicate.hasProperty(error, "reason") && error.reason === "Gateway") ||
  (Predicate.isTagged(error, "LmStudioUnreachable") &&
    Predicate.hasProperty(error, "answeredBefore") &&
    error.answeredBefore === true &&
    Predicate.hasProperty(error, "reason") &&
    (error.reason === "Refused" || error.reason === "Transport" || error.reason === "NotFound"))

/**
 * Repeats `self` while the server is loading its model, up to `loading`. `tell` runs from time to time meanwhile. `mayRepeat`
 * says whether it may still be repeated.
 */
export const whileLoading =
  (policy: PatiencePolicy, tell: Effect.Effect<unknown> = Effect.void, mayRepeat: () => boolean = () => true) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.catchIf(
      self,
      (error) => mayRepeat() && isLoading(error),
      () =>
        Effect.zipRight(
          Effect.logInfo("the model is loading; waiting for it"),
          waiting(policy, policy.loading, (error) => mayRepeat() && isLoading(error), tell)(self)
        )
    )

/**
 * When `self` fails because the server has gone, repeats `sign`, the cheapest health check, until the server is back, then
 * runs `self` again. Fails with the first error when `comeback` is over.
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

/** `tell` runs after this many pauses. */
const tellEvery = 10

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
        Schedule.tapOutput(([times]) => (times % tellEvery === 0 ? tell : Effect.void))
      )
    ).pipe(Effect.delay(pause), (retried) => Effect.zipRight(tell, retried))
