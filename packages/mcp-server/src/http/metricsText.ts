/** What `/metrics` answers. What is only known by looking is looked up now, and not before somebody reads. */
import { LmStudioApi } from "@lms-bridge/core/LmStudioApi"
import { Metrics, Prometheus } from "@lms-bridge/core/Observability"
import { measureQueues } from "@lms-bridge/core/Resilience"
import { baseUrl, Settings } from "@lms-bridge/core/Settings"
import * as Effect from "effect/Effect"

export const metricsText = Effect.map(Effect.all([LmStudioApi, Settings]), ([api, settings]): Effect.Effect<string> => {
  const { host } = new URL(baseUrl(settings))
  const models = Effect.map(api.models, (all) =>
    Metrics.activeModels.set(
      { host },
      all.reduce((sum, { instances }) => sum + instances.length, 0)
    )
  )
  // without an answer in time, the last count stands
  return Effect.ignore(Effect.timeout(models, "2 seconds")).pipe(
    Effect.zipRight(measureQueues),
    Effect.zipRight(Prometheus.render)
  )
})
