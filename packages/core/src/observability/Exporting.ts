/**
 * Whether something is exported to a collector, and what: asked at every start, so that nothing of an export is loaded where
 * none is configured.
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

export const signals = ["traces", "metrics", "logs"] as const
export type Signal = (typeof signals)[number]

/** A variable of OpenTelemetry; one that is empty counts as not set. */
export const variable = (name: string): Effect.Effect<Option.Option<string>> =>
  Config.string(name).pipe(
    Config.option,
    Effect.map(Option.map((value) => value.trim())),
    Effect.map(Option.filter((value) => value !== "")),
    Effect.orElseSucceed(() => Option.none<string>())
  )

/** The address to which a signal goes: its own variable has it whole, the common one without the path. */
export const addressOf = (signal: Signal): Effect.Effect<Option.Option<string>> =>
  Effect.gen(function* () {
    const upper = signal.toUpperCase()
    const off = yield* variable("OTEL_SDK_DISABLED")
    const exporter = yield* variable(`OTEL_${upper}_EXPORTER`)
    if (Option.exists(off, isTrue) || Option.contains(exporter, "none")) return Option.none()
    const own = yield* variable(`OTEL_EXPORTER_OTLP_${upper}_ENDPOINT`)
    const common = yield* variable("OTEL_EXPORTER_OTLP_ENDPOINT")
    return Option.orElse(own, () => Option.map(common, (base) => `${base.replace(/\/+$/, "")}/v1/${signal}`)).pipe(
      Option.filter((address) => URL.canParse(address))
    )
  })

export const isWanted: Effect.Effect<boolean> = Effect.map(Effect.forEach(signals, addressOf), (addresses) =>
  addresses.some(Option.isSome)
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const isTrue = (value: string) => value.toLowerCase() === "true"
