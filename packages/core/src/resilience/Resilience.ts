/**
 * The only place where calls are wrapped in retries and circuit breakers. From the inside out: call, time limit, breaker,
 * retry. The policies are data.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as SubscriptionRef from "effect/SubscriptionRef"
import { baseUrl, Settings, type Values } from "../configuration/Settings.ts"
import * as Metrics from "../observability/Metrics.ts"
import * as CircuitBreaker from "./CircuitBreaker.ts"
import type { BreakerPolicy, CircuitOpen, State } from "./CircuitBreaker.ts"
import * as RetryPolicy from "./RetryPolicy.ts"

/**
 * Calls that fail together share a breaker. `http.read` lists and inspects, `http.inference` generates, `http.lifecycle`
 * loads and unloads, `cli` is `lms`.
 */
export type OperationClass = "http.read" | "http.inference" | "http.lifecycle" | "cli"

export const operationClasses: ReadonlyArray<OperationClass> = ["http.read", "http.inference", "http.lifecycle", "cli"]

/** What `doctor` and `health_check` print. */
export interface BreakerView {
  /** Host and operation class, `127.0.0.1:1234 http.read`. */
  readonly name: string
  readonly state: State
}

export class Resilience extends Context.Tag("@lms-bridge/core/resilience/Resilience")<
  Resilience,
  {
    /** Breaker and retries around one call. An error's `retryable` says whether another attempt can help. */
    readonly protect: (
      operation: OperationClass
    ) => <A, E extends { readonly retryable: boolean }, R>(
      self: Effect.Effect<A, E, R>
    ) => Effect.Effect<A, E | CircuitOpen, R>
    /** The same for a call that is not repeated once it has run `answered`, which it does at its first success. */
    readonly protectUntil: (
      operation: OperationClass
    ) => <A, E, R>(
      call: (answered: Effect.Effect<void>) => Effect.Effect<A, E, R>
    ) => Effect.Effect<A, E | CircuitOpen, R>
    /** The breaker alone, for calls that must not be repeated. */
    readonly guard: (
      operation: OperationClass
    ) => <A, E extends { readonly retryable: boolean }, R>(
      self: Effect.Effect<A, E, R>
    ) => Effect.Effect<A, E | CircuitOpen, R>
    readonly breakers: Effect.Effect<ReadonlyArray<BreakerView>>
    readonly retryPolicy: RetryPolicy.RetryPolicy
    readonly breakerPolicy: BreakerPolicy
  }
>() {
  /**
   * Policies from `Settings`. A failure counts for a breaker only when the error says `farSideFault: true`: a broken
   * connection or a server fault, not a request that the server refused.
   */
  static readonly layer: Layer.Layer<Resilience, never, Settings> = Layer.effect(
    this,
    Effect.gen(function* () {
      const settings = yield* Settings
      const retryPolicy = retryPolicyOf(settings)
      const breakerPolicy = breakerPolicyOf(settings)
      const schedule = RetryPolicy.toSchedule(retryPolicy)

      const breakers: Record<OperationClass, CircuitBreaker.CircuitBreaker> = yield* Effect.all({
        "http.read": makeBreaker(settings, breakerPolicy, "http.read"),
        "http.inference": makeBreaker(settings, breakerPolicy, "http.inference"),
        "http.lifecycle": makeBreaker(settings, breakerPolicy, "http.lifecycle"),
        cli: makeBreaker(settings, breakerPolicy, "cli")
      })

      const protectUntil =
        (operation: OperationClass) =>
        <A, E, R>(call: (answered: Effect.Effect<void>) => Effect.Effect<A, E, R>) =>
          Effect.suspend(() => {
            const { name, protectUntil } = breakers[operation]
            let made = 0
            let isAnswered = false
            let told: E | CircuitOpen | undefined
            const attempt = protectUntil((answered) => {
              if (made > 0) Metrics.retries.add({ operation })
              return call(
                Effect.suspend(() => {
                  isAnswered = true
                  return answered
                })
              )
            })
            const logged = Effect.tapError(attempt, (error) => {
              if (isAnswered) return Effect.void
              made += 1
              if (!isCircuitOpen(error)) told = error
              return logAttempt(name, made, error)
            })
            // most calls need no schedule: it begins with an error that has happened
            return Effect.catchAll(logged, (first) => {
              let isFirst = true
              const again = Effect.suspend(() => {
                if (!isFirst) return logged
                isFirst = false
                return Effect.fail(first)
              })
              return Effect.retry(again, { schedule, while: () => !isAnswered }).pipe(
                // when the breaker opens between two attempts, the caller gets the error of the call itself
                Effect.catchIf(isCircuitOpen, (open) => Effect.fail(told ?? open))
              )
            })
          })

      return {
        retryPolicy,
        breakerPolicy,
        guard: (operation) => breakers[operation].protect,
        protect: (operation) => (self) => protectUntil(operation)(() => self),
        protectUntil,
        breakers: Effect.forEach(operationClasses, (operation) =>
          Effect.map(SubscriptionRef.get(breakers[operation].state), (state) => ({
            name: breakers[operation].name,
            state
          }))
        )
      }
    })
  )
}

export const retryPolicyOf = (settings: Values): RetryPolicy.RetryPolicy =>
  new RetryPolicy.RetryPolicy({
    ...RetryPolicy.standard,
    base: settings.retryBase,
    maxDelay: settings.retryMaximum,
    maxRetries: settings.retries,
    budget: settings.retryBudget
  })

export const breakerPolicyOf = (settings: Values): BreakerPolicy =>
  new CircuitBreaker.BreakerPolicy({ failures: settings.breakerFailures, openFor: settings.breakerOpenFor })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const makeBreaker = (settings: Values, policy: BreakerPolicy, operation: OperationClass) =>
  CircuitBreaker.make({ name: `${new URL(baseUrl(settings)).host} ${operation}`, policy, counts: isFarSideFault })

const isFarSideFault = (error: unknown) => Predicate.hasProperty(error, "farSideFault") && error.farSideFault === true

const isCircuitOpen = (error: unknown): error is CircuitOpen => Predicate.isTagged(error, "CircuitOpen")

const logAttempt = (name: string, attempt: number, error: unknown) =>
  Effect.logDebug("attempt failed", {
    breaker: name,
    attempt,
    error: Predicate.hasProperty(error, "_tag") ? error._tag : "unknown",
    message: Predicate.hasProperty(error, "message") ? error.message : "",
    retryable: RetryPolicy.isRetryable(error)
  })
