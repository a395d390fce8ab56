import * as Metrics from "#src/observability/Metrics.ts"
import * as Prometheus from "#src/observability/Prometheus.ts"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

const lines = (name: string) =>
  Effect.runSync(Prometheus.render)
    .split("\n")
    .filter((line) => line.includes(name))

describe("Prometheus", () => {
  it("writes counters with their labels, and escapes what a label may contain", () => {
    Metrics.evictions.add({ reason: 'a "b" \\ c\nd' })
    Metrics.evictions.add({ reason: "of this test" }, 2)
    Metrics.evictions.add({ reason: "of this test" })
    const all = lines("lms_evictions_total")
    assert.deepStrictEqual(all.slice(0, 2), [
      "# HELP lms_evictions_total Models that lms-bridge unloaded, and why.",
      "# TYPE lms_evictions_total counter"
    ])
    assert.includeMembers(all, [
      'lms_evictions_total{reason="a \\"b\\" \\\\ c\\nd"} 1',
      'lms_evictions_total{reason="of this test"} 3'
    ])
  })

  it("writes histograms with cumulative buckets that end with +Inf, their sum and count", () => {
    for (const seconds of [0.02, 0.03, 2, 100]) Metrics.verificationSeconds.observe({ model: "of this test" }, seconds)
    const all = lines("lms_model_verification_duration_seconds")
    const samples = all.filter((line) => line.includes("of this test"))
    assert.strictEqual(all[1], "# TYPE lms_model_verification_duration_seconds histogram")
    const bucket = (bound: string) => samples.find((line) => line.includes(`le="${bound}"`))?.replace(/^.* /, "")
    assert.deepStrictEqual(["0.01", "0.025", "0.05", "2.5", "5", "+Inf"].map(bucket), ["0", "1", "2", "3", "3", "4"])
    assert.include(samples, 'lms_model_verification_duration_seconds_count{model="of this test"} 4')
    assert.isTrue(
      samples.some((line) =>
        line.startsWith('lms_model_verification_duration_seconds_sum{model="of this test"} 102.05')
      )
    )
  })

  it("writes gauges, and no family twice", () => {
    Metrics.activeModels.set({ host: "of this test" }, 2)
    Metrics.activeModels.set({ host: "of this test" }, 1)
    const all = lines("lms_active_models")
    assert.include(all, "# TYPE lms_active_models gauge")
    assert.include(all, 'lms_active_models{host="of this test"} 1')
    const types = lines("# TYPE")
    assert.strictEqual(new Set(types).size, types.length)
  })
})
