/** What `/metrics` answers. What is only known by looking is looked up now, and not before somebody reads. */
import { LmStudioApi } from "@lms-bridge/core/LmStudioApi"
import { Metrics, Prometheus } from "@lms-bridge/core/Observability"
import { Resilience } from "@lms-bridge/core/Resilience"
import { baseUrl, Settings } from "@lms-bridge/core/Settings"
import * as Effect from "effect/Effect"

export const metricsText = Effect.map(
  Effect.all([LmStudioApi, Resilience, Settings]),
  ([api, { breakers }, settings]): Effect.Effect<string> => {
    const { host } = new URL(baseUrl(settings))
    const models = Effect.map(api.models, (all) =>
      Metrics.activeModels.set(
        { host },
        all.reduce((sum, { instances }) => sum + instances.length, 0)
      )
    )
    return Effect.gen(function* () {
      for (const { name, state } of yield* breakers) Metrics.breakerState.set({ operation: name }, levels[state._tag])
      // without an answer in time, the last count stands
      yield* Effect.ignore(Effect.timeout(models, "2 seconds"))
      return Prometheus.render()
    })
  }
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const levels = { Closed: 0, HalfOpen: 1, Open: 2 } as const
