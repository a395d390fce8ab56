/** Spans for frequent operations. */
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import * as Predicate from "effect/Predicate"
import type { SpanOptions } from "effect/Tracer"
import * as Attributes from "./Attributes.ts"

/**
 * `Effect.withSpan`, only when tracing is enabled. A program without a tracer sets `Layer.setTracerEnabled(false)`, which
 * alone saves almost nothing.
 */
export const spanned =
  (name: string, attributes: NonNullable<SpanOptions["attributes"]> = {}) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.flatMap(FiberRef.get(FiberRef.currentTracerEnabled), (enabled) =>
      enabled ? Effect.withSpan(self, name, { attributes, captureStackTrace: false }) : self
    )

/** The same with what is known at its end: `onSuccess` tells it of the span, and a failure its tag. */
export const traced =
  <A>(name: string, options: SpanOptions, onSuccess: (value: A) => Effect.Effect<void>) =>
  <E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.flatMap(FiberRef.get(FiberRef.currentTracerEnabled), (enabled) =>
      enabled
        ? self.pipe(
            Effect.tap(onSuccess),
            Effect.tapError((error) =>
              Attributes.annotate(
                Attributes.errorType(Predicate.hasProperty(error, "_tag") ? String(error._tag) : "unknown")
              )
            ),
            Effect.withSpan(name, { captureStackTrace: false, ...options })
          )
        : self
    )
