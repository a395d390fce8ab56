/** What is logged and counted of loads and unloads. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { present } from "../../schema/Fields.ts"
import * as Metrics from "../../observability/Metrics.ts"
import type { Outcome } from "./LoadOutcome.ts"
import type { LoadRequest } from "./LoadPlan.ts"

/** Why an instance is unloaded: somebody asked, it was idle, memory or a place was needed, or it did not serve. */
export type UnloadReason = "asked" | "idle" | "room" | "reload" | "mistake"

/** A load with its line in the log. A model that was there already is no load. */
export const ofLoad =
  ({ key }: LoadRequest) =>
  <E extends { readonly _tag: string }, R>(self: Effect.Effect<Outcome, E, R>): Effect.Effect<Outcome, E, R> =>
    Effect.flatMap(Clock.currentTimeMillis, (start) => {
      const counted = (result: string) =>
        Effect.map(Clock.currentTimeMillis, (now) => {
          Metrics.loadAttempts.add({ model: key, result })
          Metrics.loadSeconds.observe({ model: key, result }, (now - start) / 1000)
          return now - start
        })
      return self.pipe(
        Effect.tap(({ action, pushedOut, seen: { entry, instance }, way }) =>
          action === "already-loaded"
            ? Effect.void
            : Effect.flatMap(counted(action), (millis) =>
                // who asked is in the annotations: the run, and the client's session and request
                Effect.logInfo("model loaded", {
                  model: key,
                  action,
                  millis,
                  ...present({
                    instance: instance.id === key ? undefined : instance.id,
                    way,
                    contextLength: instance.contextLength,
                    ttlMillis: entry?.ttlMillis ?? instance.ttlMillis ?? undefined,
                    pushedOut
                  })
                })
              )
        ),
        Effect.tapError(({ _tag }) => counted(_tag))
      )
    })

/** The look after a load. */
export const ofVerification =
  (model: string) =>
  <A, E extends { readonly _tag: string; readonly reason?: string }, R>(
    self: Effect.Effect<A, E, R>
  ): Effect.Effect<A, E, R> =>
    Effect.flatMap(Clock.currentTimeMillis, (start) =>
      self.pipe(
        Effect.tapError(({ _tag, reason }) =>
          Effect.sync(() => Metrics.verificationFailures.add({ model, reason: reason ?? _tag }))
        ),
        Effect.ensuring(
          Effect.map(Clock.currentTimeMillis, (now) => {
            Metrics.verifications.add({ model })
            Metrics.verificationSeconds.observe({ model }, (now - start) / 1000)
          })
        )
      )
    )

export const unloaded = (instance: string, reason: UnloadReason): Effect.Effect<void> =>
  Effect.suspend(() => {
    Metrics.evictions.add({ reason })
    return Effect.logInfo("model unloaded", { instance, reason })
  })
