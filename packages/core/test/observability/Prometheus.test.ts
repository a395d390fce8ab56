import * as Metrics from "#src/observability/Metrics.ts"
import * as Prometheus from "#src/observability/Prometheus.ts"
import { assert, describe, it } from "@effect/vitest"

const lines = (name: string) =>
  Prometheus.render()
    .split("\n")
    .filter((line) => line.includes(name))

describe("Prometheus", () => {
  it("writes counters with their labels, and escapes what a label may contain", () => {
    Metrics.evictions.add({ reason: 'a "b" \\ c\nd' })
    Metrics.evictions.add({ reason: "idle" }, 2)
    Metrics.evictions.add({ reason: "idle" })
    assert.deepStrictEqual(lines("lms_evictions_total"), [
      "# HELP lms_evictions_total Models that lms-bridge unloaded, and why.",
      "# TYPE lms_evictions_total counter",
      'lms_evictions_total{reason="a \\"b\\" \\\\ c\\nd"} 1',
      'lms_evictions_total{reason="idle"} 3'
    ])
  })

  it("writes histograms with cumulative buckets that end with +Inf, their sum and count", () => {
    for (const seconds of [0.02, 0.03, 2, 100]) Metrics.verificationSeconds.observe({ model: "m" }, seconds)
    const [, type, ...samples] = lines("lms_model_verification_duration_seconds")
    assert.strictEqual(type, "# TYPE lms_model_verification_duration_seconds histogram")
    const bucket = (bound: string) => samples.find((line) => line.includes(`le="${bound}"`))?.replace(/^.* /, "")
    assert.deepStrictEqual(["0.01", "0.025", "0.05", "2.5", "5", "+Inf"].map(bucket), ["0", "1", "2", "3", "3", "4"])
    assert.include(samples, 'lms_model_verification_duration_seconds_count{model="m"} 4')
    assert.isTrue(
      samples.some((line) => line.startsWith('lms_model_verification_duration_seconds_sum{model="m"} 102.05'))
    )
  })

  it("writes gauges, and no family twice", () => {
    Metrics.runsActive.add({}, 2)
    Metrics.runsActive.add({}, -1)
    assert.deepStrictEqual(lines("lms_runs_active").slice(1), ["# TYPE lms_runs_active gauge", "lms_runs_active 1"])
    const types = lines("# TYPE")
    assert.strictEqual(new Set(types).size, types.length)
  })
})
