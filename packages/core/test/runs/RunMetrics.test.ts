import * as Prometheus from "#src/observability/Prometheus.ts"
import { RunId } from "#src/observability/Correlation.ts"
import { type AgentEventBody, stamp } from "#src/agent/rules/AgentEvent.ts"
import * as LogLines from "#src/runs/LogLines.ts"
import * as RunMetrics from "#src/runs/RunMetrics.ts"
import * as AgentLoopTest from "@lms-bridge/testing/AgentLoopTest"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

const secret = "the words of the task"
const task = {
  task: secret,
  servers: { _tag: "Named" as const, names: ["files"] },
  model: "test/metrics",
  budgets: { rounds: 9, wallMillis: 1000, toolCalls: 9 }
}
const bodies: ReadonlyArray<AgentEventBody> = [
  { _tag: "RunStarted", task },
  ...AgentLoopTest.oneCall({
    server: "files",
    tool: "read_text_file",
    arguments: { path: secret },
    result: secret,
    answer: secret
  }).flatMap((step) => ("_tag" in step && step._tag !== "Wait" ? [step as AgentEventBody] : []))
]
const events = bodies.map((body, seq) => stamp(body, RunId.make("run_m"), seq, seq))

/** Other tests of the process count, too. */
const value = (sample: string): number =>
  Number(
    Effect.runSync(Prometheus.render)
      .split("\n")
      .find((line) => line.startsWith(`${sample} `))
      ?.split(" ")
      .at(-1) ?? 0
  )

describe("the metrics of a run", () => {
  it("count its requests, calls and end, and that it is under way", () => {
    const reader = RunMetrics.make()
    const before = value("lms_runs_active")
    for (const event of events.slice(0, -1)) reader.on(event)
    assert.strictEqual(value("lms_runs_active"), before + 1)
    for (const event of events.slice(-1)) reader.on(event)
    reader.end()
    const text = Effect.runSync(Prometheus.render)
    assert.strictEqual(value("lms_runs_active"), before)
    assert.match(text, /^lms_tool_calls_total\{result="ok",server="files",tool="read_text_file"\} [1-9]\d*$/m)
    assert.match(text, /^lms_runs_total\{model="[^"]*",status="done"\} [1-9]\d*$/m)
    assert.notInclude(text, secret)
  })

  it("time a request that failed under its error, and count the tokens of a probe", () => {
    const reader = RunMetrics.make()
    const model = "test/failing"
    const ensured = {
      model,
      instanceId: model,
      action: "loaded" as const,
      owner: "lms-bridge" as const,
      tookMillis: 1,
      steppedDown: []
    }
    const bodies: ReadonlyArray<AgentEventBody> = [
      { _tag: "RunStarted", task },
      { _tag: "ModelReady", ensured },
      { _tag: "Noted", kind: "probe", text: "tried", usage: { inputTokens: 40, outputTokens: 2, reusedTokens: 30 } },
      { _tag: "RoundStarted", round: 1, final: false },
      {
        _tag: "ModelFailed",
        round: 1,
        problem: { tag: "StreamCut", message: secret },
        repeatable: true,
        partial: ""
      }
    ]
    bodies.forEach((body, seq) => reader.on(stamp(body, RunId.make("run_f"), seq, seq * 1000)))
    reader.end()
    const labels = `{model="${model}",result="StreamCut"}`
    assert.strictEqual(value(`lms_model_request_duration_seconds_count${labels}`), 1)
    assert.strictEqual(value(`lms_model_request_duration_seconds_sum${labels}`), 1)
    assert.strictEqual(value(`lms_model_request_failures_total${labels}`), 1)
    assert.strictEqual(value(`lms_model_tokens_total{model="${model}",type="input"}`), 40)
    assert.strictEqual(value(`lms_model_tokens_total{model="${model}",type="reused"}`), 30)
  })

  it("count a run that was stopped", () => {
    const stopped = 'lms_runs_total{model="",status="stopped"}'
    const before = value(stopped)
    const reader = RunMetrics.make()
    reader.on(events[0] ?? assert.fail())
    reader.end()
    assert.strictEqual(value(stopped), before + 1)
  })
})

describe("the log of a run", () => {
  it("has its start and end at info and its calls at debug, and nothing that was said", () => {
    const lines = events.flatMap((event) => LogLines.of(event) ?? [])
    const at = (level: string) => lines.filter((line) => line.level === level).map(({ message }) => message)
    assert.deepStrictEqual(at("info"), ["run started", "run ended"])
    assert.includeMembers([...at("debug")], ["model replied", "tool call allowed", "tool called"])
    assert.notInclude(JSON.stringify(lines), secret)
  })
})
