import * as MetricsTable from "#src/commands/server/MetricsTable.ts"
import { assert, describe, it } from "@effect/vitest"

const text = [
  "# HELP lms_evictions_total Models that lms-bridge unloaded, and why.",
  "# TYPE lms_evictions_total counter",
  'lms_evictions_total{reason="idle"} 3',
  "lms_runs_active 1",
  'lms_autonomous_task_duration_seconds_bucket{status="done",le="+Inf"} 4',
  'lms_autonomous_task_duration_seconds_sum{status="done"} 10',
  'lms_autonomous_task_duration_seconds_count{status="done"} 4',
  'lms_tool_calls_total{server="a \\"b\\"",tool="x"} 2'
].join("\n")

describe("the table of metrics", () => {
  it("has a row for each number, and of a histogram its count and mean", () => {
    assert.deepStrictEqual(
      MetricsTable.read(text).map(({ labels, mean, name, value }) => [name, Object.values(labels).join(), value, mean]),
      [
        ["lms_evictions_total", "idle", 3, undefined],
        ["lms_runs_active", "", 1, undefined],
        ["lms_autonomous_task_duration_seconds", "done", 4, 2.5],
        ["lms_tool_calls_total", 'a "b",x', 2, undefined]
      ]
    )
    assert.match(
      MetricsTable.render(MetricsTable.read(text)),
      /^autonomous_task_duration_seconds +status done +4 +2\.5$/m
    )
    assert.strictEqual(MetricsTable.render([]), "Nothing has been counted yet.")
  })
})
