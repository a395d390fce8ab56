/** Whether a collector of traces is configured: asked at every start, so that nothing of an export is loaded without one. */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"

export const isWanted: Effect.Effect<boolean> = Config.all({
  endpoint: Config.withDefault(Config.string("OTEL_EXPORTER_OTLP_ENDPOINT"), ""),
  off: Config.withDefault(Config.string("OTEL_SDK_DISABLED"), "")
}).pipe(
  Effect.map(({ endpoint, off }) => endpoint.trim() !== "" && off.toLowerCase() !== "true"),
  Effect.orElseSucceed(() => false)
)
