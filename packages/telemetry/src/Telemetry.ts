/**
 * Traces, logs and metrics over OpenTelemetry, by its standard variables. A collector that does not answer loses spans, and
 * never a run.
 */
import * as Otlp from "@effect/opentelemetry/Otlp"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { CaptureContent } from "@lms-bridge/core/Observability"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"

/** Exports to `OTEL_EXPORTER_OTLP_ENDPOINT`; nothing where that is not set. */
export const layer = (version: string): Layer.Layer<never> =>
  Layer.unwrapEffect(
    Effect.gen(function* () {
      const endpoint = yield* text("OTEL_EXPORTER_OTLP_ENDPOINT")
      if (Option.isNone(endpoint)) return Layer.empty
      const headers = yield* text("OTEL_EXPORTER_OTLP_HEADERS")
      const content = yield* text("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT")
      const name = yield* text("OTEL_SERVICE_NAME")
      const otlp = Otlp.layerJson({
        baseUrl: endpoint.value,
        // the variables of the resource take precedence
        resource: { serviceName: Option.getOrElse(name, () => "lms-bridge"), serviceVersion: version },
        headers: Option.match(headers, { onNone: () => ({}), onSome: pairsOf }),
        loggerExcludeLogSpans: true,
        shutdownTimeout: "500 millis"
      }).pipe(Layer.provide(FetchHttpClient.layer))
      return Layer.mergeAll(
        otlp,
        Layer.setTracerEnabled(true),
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

const text = (variable: string) =>
  Config.string(variable).pipe(
    Config.option,
    Effect.map(Option.filter((value) => value.trim() !== "")),
    Effect.orElseSucceed(() => Option.none<string>())
  )

/** `name=value,name=value`, percent-encoded, as the specification of the exporter has it. */
const pairsOf = (text: string): Record<string, string> =>
  Object.fromEntries(
    text.split(",").flatMap((pair) => {
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
