/** Metrics in Prometheus' text format. */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as MetricState from "effect/MetricState"
import type * as MetricPair from "effect/MetricPair"

/** All metrics whose names begin with `lms_`, by name. */
export const render = Effect.map(Metric.snapshot, (pairs): string => {
  const families = new Map<string, Array<MetricPair.MetricPair.Untyped>>()
  for (const pair of pairs) {
    const { name } = pair.metricKey
    if (!name.startsWith("lms_")) continue
    families.set(name, [...(families.get(name) ?? []), pair])
  }
  return [...families]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, pairs]) => family(name, pairs))
    .map((line) => `${line}\n`)
    .join("")
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const family = (name: string, pairs: ReadonlyArray<MetricPair.MetricPair.Untyped>): ReadonlyArray<string> => {
  const [first] = pairs
  if (first === undefined) return []
  const help = first.metricKey.description
  return [
    ...(help._tag === "Some" ? [`# HELP ${name} ${escaped(help.value)}`] : []),
    `# TYPE ${name} ${typeOf(first.metricState)}`,
    ...pairs.flatMap((pair) => samples(name, pair)).toSorted()
  ]
}

const typeOf = (state: unknown) =>
  MetricState.isCounterState(state) ? "counter" : MetricState.isHistogramState(state) ? "histogram" : "gauge"

const samples = (name: string, { metricKey, metricState }: MetricPair.MetricPair.Untyped): ReadonlyArray<string> => {
  const labels = metricKey.tags.map(({ key, value }) => `${key}="${escaped(value).replaceAll('"', '\\"')}"`).toSorted()
  const sample = (suffix: string, value: number | bigint, more: ReadonlyArray<string> = []) => {
    const all = [...labels, ...more]
    return `${name}${suffix}${all.length === 0 ? "" : `{${all.join(",")}}`} ${value}`
  }
  if (MetricState.isCounterState(metricState)) return [sample("", metricState.count)]
  if (MetricState.isGaugeState(metricState)) return [sample("", metricState.value)]
  if (!MetricState.isHistogramState(metricState)) return []
  return [
    ...[...metricState.buckets]
      .filter(([bound]) => Number.isFinite(bound))
      .map(([bound, count]) => sample("_bucket", count, [`le="${bound}"`])),
    sample("_bucket", metricState.count, [`le="+Inf"`]),
    sample("_sum", metricState.sum),
    sample("_count", metricState.count)
  ]
}

const escaped = (text: string) => text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")
