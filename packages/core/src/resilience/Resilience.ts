/**
 * The one place where retries and circuit breakers are put around calls: `call, time limit, breaker, retry`, from the
 * inside out, by policies that are data.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { BreakerPolicy, CircuitOpen, State } from "./CircuitBreaker.ts"
import type { RetryPolicy } from "./RetryPolicy.ts"

/**
 * Calls that fail together share a breaker. `http.read` looks, `http.inference` generates, `http.lifecycle` loads and
 * unloads, `cli` is `lms`.
 *
 * @since 0.1.0
 * @category models
 */
export type OperationClass = "http.read" | "http.inference" | "http.lifecycle" | "cli"

/**
 * What `doctor` and `health_check` print.
 *
 * @since 0.1.0
 * @category models
 */
export interface BreakerView {
  /** Host and operation class, `127.0.0.1:1234 http.read`. */
  readonly name: string
  readonly state: State
}

/**
 * @since 0.1.0
 * @category services
 */
export class Resilience extends Context.Tag("@lms-bridge/core/resilience/Resilience")<
  Resilience,
  {
    /** Breaker and retries around one call. Errors say by `retryable` whether another attempt can help. */
    readonly protect: (
      operation: OperationClass
    ) => <A, E extends { readonly retryable: boolean }, R>(
      self: Effect.Effect<A, E, R>
    ) => Effect.Effect<A, E | CircuitOpen, R>
    /** The breaker alone, for calls that must not be repeated. */
    readonly guard: (
      operation: OperationClass
    ) => <A, E extends { readonly retryable: boolean }, R>(
      self: Effect.Effect<A, E, R>
    ) => Effect.Effect<A, E | CircuitOpen, R>
    readonly breakers: Effect.Effect<ReadonlyArray<BreakerView>>
    readonly retryPolicy: RetryPolicy
    readonly breakerPolicy: BreakerPolicy
  }
>() {}
