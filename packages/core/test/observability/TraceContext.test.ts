import * as TraceContext from "#src/observability/TraceContext.ts"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"

const traceId = "0af7651916cd43dd8448eb211c80319c"
const spanId = "b7ad6b7169203331"
const traceparent = `00-${traceId}-${spanId}-01`

describe("the trace context of a message", () => {
  it.effect("makes the work part of the trace of whoever asked, and goes on to the servers", () =>
    Effect.gen(function* () {
      const { span, told } = yield* Effect.all({
        span: Effect.currentSpan,
        told: TraceContext.outgoing
      }).pipe(Effect.withSpan("work"), TraceContext.within({ traceparent, progressToken: 1 }))
      assert.strictEqual(span.traceId, traceId)
      assert.strictEqual(Option.getOrUndefined(span.parent)?.spanId, spanId)
      assert.deepStrictEqual(told, { traceparent: `00-${traceId}-${span.spanId}-01` })
    })
  )

  it.effect("is nothing where nobody traces", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* TraceContext.outgoing, {})
      assert.deepStrictEqual(yield* Effect.withTracerEnabled(Effect.withSpan(TraceContext.outgoing, "x"), false), {})
    })
  )

  it.each([
    [undefined],
    [{}],
    [{ traceparent: 7 }],
    [{ traceparent: "00-xyz" }],
    [{ traceparent: `00-${"0".repeat(32)}-${spanId}-01` }],
    [{ traceparent: `${traceparent}-more` }]
  ])("is none in %j, which is no reason to refuse a request", (meta) => {
    assert.isTrue(Option.isNone(TraceContext.incoming(meta)))
  })
})
