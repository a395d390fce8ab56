/** W3C trace context in the `_meta` of MCP messages, in and out. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"

/** `traceparent` of the current span; nothing where nobody traces. */
export const outgoing: Effect.Effect<{ readonly traceparent?: string }> = Effect.map(
  Effect.option(Effect.currentSpan),
  (span) =>
    Option.isSome(span) && isTraceId(span.value.traceId)
      ? { traceparent: `00-${span.value.traceId}-${span.value.spanId}-${span.value.sampled ? "01" : "00"}` }
      : {}
)

/** Makes `self` part of the trace that `meta` names, if it names one. */
export const within =
  (meta: unknown) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Option.match(incoming(meta), {
      onNone: () => self,
      onSome: (span) => Effect.withParentSpan(self, span)
    })

/** The span that a `traceparent` names; none for text of another form, which is no reason to refuse a request. */
export const incoming = (meta: unknown): Option.Option<Tracer.ExternalSpan> => {
  const text = typeof meta === "object" && meta !== null && "traceparent" in meta ? meta.traceparent : undefined
  const [, traceId = "", spanId = "", flags = ""] =
    typeof text === "string" ? (/^[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})$/.exec(text) ?? []) : []
  return isTraceId(traceId) && !/^0+$/.test(spanId)
    ? Option.some(Tracer.externalSpan({ traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 }))
    : Option.none()
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const isTraceId = (id: string) => /^[\da-f]{32}$/.test(id) && !/^0+$/.test(id)
