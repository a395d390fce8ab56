/** Retries and circuit breakers; their policies are data. */
export { Resilience, type BreakerView, type OperationClass } from "./resilience/Resilience.ts"
export { CurrentPriority, measure as measureQueues, type Uses } from "./resilience/FairTurns.ts"
export { Overloaded } from "./resilience/Overloaded.ts"
export { CircuitOpen } from "./resilience/CircuitBreaker.ts"
export * as CircuitBreaker from "./resilience/CircuitBreaker.ts"
export { sizeOf } from "./resilience/ByteLimits.ts"
export * as RetryPolicy from "./resilience/RetryPolicy.ts"
export * as TtlPolicy from "./resilience/TtlPolicy.ts"
