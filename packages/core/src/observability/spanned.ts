/** Spans for frequent operations. */
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import type { SpanOptions } from "effect/Tracer"

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
