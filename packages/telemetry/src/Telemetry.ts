/**
 * Traces, logs and metrics over OpenTelemetry, by its standard variables. A collector that does not answer loses spans, and
 * never a run.
 */
import * as OtlpLogger from "@effect/opentelemetry/OtlpLogger"
import * as OtlpMetrics from "@effect/opentelemetry/OtlpMetrics"
import * as OtlpSerialization from "@effect/opentelemetry/OtlpSerialization"
import * as OtlpTracer from "@effect/opentelemetry/OtlpTracer"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { CaptureContent, Exporting } from "@lms-bridge/core/Observability"
import { RunMetrics, RunReaders } from "@lms-bridge/core/RunJournal"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"

/** Exports each signal to the address that the variables name; nothing where they name none. */
export const layer = (version: string): Layer.Layer<never> =>
  Layer.unwrapEffect(
    Effect.gen(function* () {
      const name = yield* Exporting.variable("OTEL_SERVICE_NAME")
      const content = yield* Exporting.variable("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT")
      const protocol = yield* Exporting.variable("OTEL_EXPORTER_OTLP_PROTOCOL")
      // the variables of the resource take precedence
      const resource = { serviceName: Option.getOrElse(name, () => "lms-bridge"), serviceVersion: version }
      const of = Effect.fnUntraced(function* <A>(
        signal: Exporting.Signal,
        exporter: (options: Target) => Layer.Layer<A, never, OtlpSerialization.OtlpSerialization | HttpClient>
      ) {
        const url = yield* Exporting.addressOf(signal)
        if (Option.isNone(url)) return Layer.empty
        const own = yield* Exporting.variable(`OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_HEADERS`)
        const common = yield* Exporting.variable("OTEL_EXPORTER_OTLP_HEADERS")
        const headers = { ...pairsOf(common), ...pairsOf(own) }
        return Layer.discard(exporter({ url: url.value, headers, resource, shutdownTimeout: "500 millis" }))
      })
      const traces = yield* of("traces", OtlpTracer.layer)
      const metrics = yield* of("metrics", OtlpMetrics.layer)
      const logs = yield* of("logs", (options) => OtlpLogger.layer({ ...options, excludeLogSpans: true }))
      return Layer.mergeAll(
        Layer.mergeAll(traces, metrics, logs).pipe(
          Layer.provide(
            Option.contains(protocol, "http/protobuf") ? OtlpSerialization.layerProtobuf : OtlpSerialization.layerJson
          ),
          Layer.provide(FetchHttpClient.layer)
        ),
        traces === Layer.empty ? Layer.empty : Layer.setTracerEnabled(true),
        metrics === Layer.empty ? Layer.empty : Layer.effect(RunReaders, RunMetrics.counted),
        Layer.succeed(
          CaptureContent,
          Option.exists(content, (wanted) => /^(?:SPAN_ONLY|SPAN_AND_EVENT|true)$/i.test(wanted))
        )
      )
    })
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Target = Parameters<typeof OtlpTracer.layer>[0]
type HttpClient = Layer.Layer.Success<typeof FetchHttpClient.layer>

/** `name=value,name=value`, percent-encoded, as the specification of the exporter has it. */
const pairsOf = (text: Option.Option<string>): Record<string, string> =>
  Object.fromEntries(
    Option.getOrElse(text, () => "")
      .split(",")
      .flatMap((pair) => {
        const at = pair.indexOf("=")
        return at <= 0 ? [] : [[pair.slice(0, at).trim(), decoded(pair.slice(at + 1).trim())]]
      })
  )

const decoded = (value: string) => {
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}
