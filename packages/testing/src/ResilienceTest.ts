/**
 * Doubles of `Resilience`: one that lets every call through once, and one whose breakers are open.
 *
 * @since 0.1.0
 */
import * as CircuitBreaker from "@lms-bridge/core/resilience/CircuitBreaker"
import { operationClasses, Resilience, type OperationClass } from "@lms-bridge/core/resilience/Resilience"
import * as RetryPolicy from "@lms-bridge/core/resilience/RetryPolicy"
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/**
 * No retries and no breakers: a test sees every failure as it is, at once.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerPassThrough: Layer.Layer<Resilience> = Layer.sync(Resilience, () => ({
  protect: () => (self) => self,
  guard: () => (self) => self,
  breakers: Effect.succeed(operationClasses.map((operation) => ({ name: operation, state: CircuitBreaker.initial }))),
  ...policies
}))

/**
 * The breakers of these operations (all when left out) are open and stay so: their calls are not made and fail with
 * `CircuitOpen`. The others let everything through once. `retryAfter` is what the error says, 60 s when left out.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerOpen = (
  operations: ReadonlyArray<OperationClass> = operationClasses,
  retryAfter: Duration.DurationInput = Duration.seconds(60)
): Layer.Layer<Resilience> =>
  Layer.sync(Resilience, () => {
    const wait = Duration.decode(retryAfter)
    const refuse =
      (operation: OperationClass) =>
      <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E | CircuitBreaker.CircuitOpen, R> =>
        operations.includes(operation) ? new CircuitBreaker.CircuitOpen({ name: operation, retryAfter: wait }) : self
    return {
      protect: refuse,
      guard: refuse,
      breakers: Effect.clockWith((clock) =>
        Effect.map(clock.currentTimeMillis, (now) =>
          operationClasses.map((operation) => ({
            name: operation,
            state: operations.includes(operation)
              ? CircuitBreaker.State.Open({ until: now + Duration.toMillis(wait) })
              : CircuitBreaker.initial
          }))
        )
      ),
      ...policies
    }
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const policies: Pick<Context.Tag.Service<Resilience>, "retryPolicy" | "breakerPolicy"> = {
  retryPolicy: new RetryPolicy.RetryPolicy({ ...RetryPolicy.standard, maxRetries: 0 }),
  breakerPolicy: CircuitBreaker.standard
}
