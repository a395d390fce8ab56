/**
 * The only place where calls are wrapped in retries and circuit breakers. From the inside out: call, time limit, breaker,
 * retry. The policies are data.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Ref from "effect/Ref"
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

      return {
        retryPolicy,
        breakerPolicy,
        guard: (operation) => breakers[operation].protect,
        protect:
          (operation) =>
          <A, E extends { readonly retryable: boolean }, R>(self: Effect.Effect<A, E, R>) => {
            const { name, protect } = breakers[operation]
            return Effect.flatMap(Ref.make<Attempts<E | CircuitOpen>>({ made: 0, told: undefined }), (attempts) => {
              let started = 0
              return protect(Effect.suspend(() => (started++ > 0 && Metrics.retries.add({ operation }), self))).pipe(
                Effect.tapError((error) =>
                  Effect.flatMap(
                    Ref.updateAndGet(attempts, ({ made, told }) => ({
                      made: made + 1,
                      told: isCircuitOpen(error) ? told : error
                    })),
                    ({ made }) => logAttempt(name, made, error)
                  )
                ),
                Effect.retry(schedule),
                // when the breaker opens between two attempts, the caller gets the error of the call itself
                Effect.catchIf(isCircuitOpen, (open) =>
                  Effect.flatMap(Ref.get(attempts), ({ told }) => Effect.fail(told ?? open))
                )
              )
            })
          },
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

/** `told` is the error of the last attempt that reached the call itself. */
interface Attempts<E> {
  readonly made: number
  readonly told: E | undefined
}

const makeBreaker = (settings: Values, policy: BreakerPolicy, operation: OperationClass) =>
  CircuitBreaker.make({ name: `${new URL(baseUrl(settings)).host} ${operation}`, policy, counts: isFarSideFault })

const isFarSideFault = (error: unknown) => Predicate.hasProperty(error, "farSideFault") && error.farSideFault === true

const isCircuitOpen = (error: unknown): error is CircuitOpen => Predicate.isTagged(error, "CircuitOpen")

const logAttempt = (name: string, attempt: number, error: { readonly retryable: boolean }) =>
  Effect.logDebug("attempt failed", {
    breaker: name,
    attempt,
    error: Predicate.hasProperty(error, "_tag") ? error._tag : "unknown",
    message: Predicate.hasProperty(error, "message") ? error.message : "",
    retryable: error.retryable
  })
