import { assert, describe, it } from "@effect/vitest"
import * as RunEnding from "#src/views/RunEnding.ts"
import { type AgentEventBody, type AgentOutcome, type BudgetKind, stamp } from "@lms-bridge/core/AgentEvent"
import type { AgentTask } from "@lms-bridge/core/AgentLoop"
import { RunAccount } from "@lms-bridge/core/RunJournal"
import * as AgentLoopTest from "@lms-bridge/testing/AgentLoopTest"
import * as Option from "effect/Option"

const task: AgentTask = {
  task: "t",
  servers: { _tag: "None" },
  budgets: { rounds: 50, wallMillis: 600_000, toolCalls: 200, tokens: 1000, resultBytes: 4000 }
}

const said = (
  outcome: AgentOutcome,
  events: ReadonlyArray<AgentEventBody> = [],
  { changes, kept }: { readonly changes?: Partial<AgentTask>; readonly kept?: boolean } = {}
) => {
  const all: ReadonlyArray<AgentEventBody> = [
    { _tag: "RunStarted", task: { ...task, ...changes } },
    { _tag: "RoundStarted", round: 1, final: false },
    {
      _tag: "ModelReplied",
      round: 1,
      reply: {
        model: "m",
        content: "",
        reasoning: "",
        toolCalls: [],
        finishReason: "stop",
        usage: outcome.usage,
        firstTokenMillis: 0,
        totalMillis: 0
      }
    },
    ...events,
    { _tag: "RunFinished", outcome }
  ]
  return RunEnding.lines(accountOf(all), outcome, { kept: kept ?? true })
}

const accountOf = (bodies: ReadonlyArray<AgentEventBody>) =>
  Option.getOrThrow(RunAccount.of(bodies.map((body, seq) => stamp(body, AgentLoopTest.testRunId, seq, 0))))

const justBegun = accountOf([{ _tag: "RunStarted", task }])

const { outcome, testRunId } = AgentLoopTest

describe("what is said at the end of a run", () => {
  it("is nothing when the model answered", () => {
    assert.deepStrictEqual(said(outcome("fine")), [])
  })

  it("is the exact command for a task that does not fit", () => {
    const tooLong = outcome("", {
      status: "failed",
      problem: { tag: "ContextBudgetExceeded", message: "It does not fit.", contextLength: 8192 }
    })
    assert.deepStrictEqual(said(tooLong), [
      `It does not fit. Continue with: lms-bridge runs resume ${testRunId} --context-length 8192`
    ])
    assert.deepStrictEqual(said(tooLong, [], { kept: false }), [
      "It does not fit. A run with --context-length 8192 gives it that."
    ])
  })

  it.each<readonly [BudgetKind, string]>([
    [
      "rounds",
      `its 50 rounds are used up; this is the best answer so far. Continue with: lms-bridge runs resume ${testRunId} --max-rounds 100`
    ],
    [
      "wall-time",
      `its time of 10 min is up; this is the best answer so far. Continue with: lms-bridge runs resume ${testRunId} --timeout 1200s`
    ],
    [
      "tool-calls",
      `its 200 tool calls are used up; this is the best answer so far. Continue with: lms-bridge runs resume ${testRunId} --max-tool-calls 400`
    ],
    [
      "tokens",
      `it has used 110 tokens and may use 1000; this is the best answer so far. Continue with: lms-bridge runs resume ${testRunId} --max-total-tokens 2000`
    ],
    [
      "result-bytes",
      `its tools have returned 0 bytes and may return 4000; this is the best answer so far. Continue with: lms-bridge runs resume ${testRunId} --max-total-bytes 8000`
    ]
  ])("names the budget of %s and the command that gives twice as much", (budget, expected) => {
    assert.deepStrictEqual(said(outcome("so far", { status: "budget", budget })), [`The run ended because ${expected}`])
  })

  it("suggests more than was used, which can far exceed the limit after one request or result", () => {
    const budgets = { ...task.budgets, tokens: 100, resultBytes: 50, wallMillis: 2000 }
    const usage = { inputTokens: 489, outputTokens: 8 }
    const [tokens] = said(outcome("", { status: "budget", budget: "tokens", usage }), [], { changes: { budgets } })
    assert.strictEqual(
      tokens,
      `The run ended because it has used 497 tokens and may use 100; there is no answer yet. Continue with: lms-bridge runs resume ${testRunId} --max-total-tokens 994`
    )
    const result: AgentEventBody = {
      _tag: "ToolCallFinished",
      callId: "1",
      server: "s",
      tool: "big",
      told: "",
      isError: false,
      bytes: 700,
      millis: 1
    }
    const [bytes] = said(
      outcome("", { status: "budget", budget: "result-bytes", usage, millis: 9000 }),
      [result, result],
      { changes: { budgets } }
    )
    assert.include(bytes, "its tools have returned 1400 bytes and may return 50;")
    // and every other limit that would stop it at once
    assert.isTrue(bytes?.endsWith(` ${testRunId} --timeout 18s --max-total-tokens 994 --max-total-bytes 2800`), bytes)
    assert.strictEqual(
      RunEnding.spent(
        { rounds: 1, wallMillis: 1, toolCalls: 0, tokens: 497, resultBytes: 0 },
        { ...budgets, tokens: 200 }
      ),
      "it has used 497 tokens and may use 200. Raise the limit, for example with --max-total-tokens 994."
    )
  })

  it("offers nothing impossible: no run that is not kept, no more rounds than allowed, no empty answer", () => {
    const [line] = said(outcome(" ", { status: "budget", budget: "rounds" }), [], { kept: false })
    assert.strictEqual(line, "The run ended because its 50 rounds are used up; there is no answer yet.")
    const [most] = said(outcome("a", { status: "budget", budget: "rounds" }), [], {
      changes: { budgets: { ...task.budgets, rounds: 9000 } }
    })
    assert.include(most, "--max-rounds 10000")
  })

  it("says why a run failed, and offers to continue only a run in which something was done", () => {
    const failed = outcome("", { status: "failed", problem: { tag: "StreamCut", message: "The connection broke." } })
    assert.deepStrictEqual(said(failed), [`The connection broke. Continue with: lms-bridge runs resume ${testRunId}`])
    assert.deepStrictEqual(RunEnding.lines(justBegun, failed, { kept: true }), ["The connection broke."])
    assert.match(said(outcome("a", { status: "stalled" }))[0] ?? "", /circles/)
    assert.deepStrictEqual(RunEnding.interrupted(justBegun), [])
  })

  it("mentions an answer that was cut off, one that is not the required JSON, and calls that nobody could allow", () => {
    assert.match(said(outcome("so", { cut: true }))[0] ?? "", /cut.*--max-tokens/)
    const lines = said(
      outcome("no json", { status: "budget", budget: "rounds" }),
      [
        { _tag: "ToolCallRefused", callId: "1", name: "write_file", reason: "Policy", told: "", by: "nobody" },
        { _tag: "ToolCallRefused", callId: "2", name: "write_file", reason: "Policy", told: "", by: "nobody" },
        { _tag: "ToolCallRefused", callId: "3", name: "move_file", reason: "Policy", told: "", by: "person" }
      ],
      { changes: { outputSchema: { type: "object" } } }
    )
    assert.match(lines[1] ?? "", /not the JSON that --output-schema asks for/)
    assert.match(lines[2] ?? "", /nobody could be asked: write_file\. In a new `lms-bridge run`, --allow write_file/)
    assert.strictEqual(lines.length, 3)
  })

  it("says how to continue with a call allowed, by resuming or by following up", () => {
    const refused: AgentEventBody = {
      _tag: "ToolCallRefused",
      callId: "1",
      name: "write_file",
      reason: "Policy",
      told: "",
      by: "nobody"
    }
    const last = (end: Partial<AgentOutcome>, kept = true, more: ReadonlyArray<AgentEventBody> = []) =>
      said(outcome("a", end), [refused, ...more], { kept }).at(-1) ?? ""
    const goOn = "To continue with it allowed: lms-bridge runs"
    // a finished run cannot be resumed
    assert.include(last({}), `${goOn} follow ${testRunId} "TASK" --allow write_file`)
    assert.include(
      last({ status: "budget", budget: "rounds" }),
      `${goOn} resume ${testRunId} --max-rounds 100 --allow write_file`
    )
    assert.notInclude(last({}, false), "runs")
    // calls refused before it was resumed no longer count
    assert.strictEqual(last({}, true, [{ _tag: "RunResumed", task }]), "")
  })
})
