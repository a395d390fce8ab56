// @effect-diagnostics strictEffectProvide:off -- the store is of this module alone
/** How often a client may ask: token buckets, one for each client and kind. */
import * as RateLimiter from "@effect/experimental/RateLimiter"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { Settings, table } from "@lms-bridge/core/Settings"
import { CurrentCaller, Metrics } from "@lms-bridge/core/Observability"
import { Overloaded } from "@lms-bridge/core/Resilience"

export interface RateLimits {
  /** One request of the current caller. */
  readonly request: Effect.Effect<void, Overloaded>
  /** One run that it starts. */
  readonly run: Effect.Effect<void, Overloaded>
}

/** By `LMS_BRIDGE_REQUESTS_PER_MINUTE` and `LMS_BRIDGE_RUNS_PER_MINUTE`. */
export const make: Effect.Effect<RateLimits, never, Settings> = Effect.gen(function* () {
  const { requestsPerMinute, runsPerMinute } = yield* Settings
  const limiter = yield* Effect.provide(RateLimiter.make, RateLimiter.layerStoreMemory)
  const admit = (kind: "request" | "run", limit: number, setting: string) =>
    Effect.flatMap(CurrentCaller, (caller) =>
      limiter.consume({
        algorithm: "token-bucket",
        onExceeded: "fail",
        window: "1 minute",
        limit,
        key: `${kind} ${caller}`
      })
    ).pipe(
      Effect.asVoid,
      Effect.catchAll((error) => {
        // a store in memory does not fail
        if (error.reason !== "Exceeded") return Effect.void
        Metrics.refusals.add({ reason: kind })
        return Effect.zipRight(
          Effect.logInfo("a client asks too often", { kind, limit }),
          new Overloaded({
            what: "this client",
            setting,
            limit,
            reason: "Rate",
            ...(kind === "run" ? { runs: true } : {}),
            retryAfter: Duration.millis(Math.max(1, Math.ceil(Duration.toMillis(error.retryAfter))))
          })
        )
      })
    )
  return {
    request: admit("request", requestsPerMinute, table.requestsPerMinute.variable),
    run: admit("run", runsPerMinute, table.runsPerMinute.variable)
  }
})
