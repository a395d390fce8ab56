/** Spans of what each step of a run does again. */
import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import type { SpanOptions } from "effect/Tracer"

/**
 * `Effect.withSpan`, made only where tracing is on: a program without a tracer says so by `Layer.setTracerEnabled(false)`,
 * which alone saves next to nothing.
 */
export const spanned =
  (name: string, attributes: NonNullable<SpanOptions["attributes"]> = {}) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.flatMap(FiberRef.get(FiberRef.currentTracerEnabled), (enabled) =>
      enabled ? Effect.withSpan(self, name, { attributes, captureStackTrace: false }) : self
    )
