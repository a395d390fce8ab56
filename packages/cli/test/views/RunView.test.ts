import { assert, describe, it } from "@effect/vitest"
import { type AgentEvent, type AgentEventBody, stamp } from "@lms-bridge/core/AgentEvent"
import { ExactNumber } from "@lms-bridge/core/Json"
import { oneCall, testRunId } from "@lms-bridge/testing/AgentLoopTest"
import * as Palette from "#src/views/Palette.ts"
import * as RunView from "#src/views/RunView.ts"

const style: RunView.Style = { palette: Palette.plain, width: 100 }

const play = (bodies: ReadonlyArray<AgentEventBody>, with_: RunView.Style = style) =>
  bodies.reduce<readonly [RunView.State, ReadonlyArray<string>]>(
    ([state, lines], body, index) => {
      const event: AgentEvent = stamp(body, testRunId, index, 1000 * index)
      const [next, more] = RunView.step(state, event, with_)
      return [next, [...lines, ...more]]
    },
    [RunView.initial, []]
  )

const lines = (...bodies: ReadonlyArray<AgentEventBody>) => play(bodies)[1]

const run = oneCall({
  server: "filesystem",
  tool: "read_text_file",
  arguments: { path: "notes.md" },
  result: "hello there",
  answer: "It says hello."
}) as ReadonlyArray<AgentEventBody>

const reply = {
  model: "m",
  content: "",
  reasoning: "",
  toolCalls: [],
  finishReason: "stop",
  firstTokenMillis: 0,
  totalMillis: 2000
}

describe("RunView", () => {
  it("shows model, rounds, calls with their arguments, times and speed, one line each", () => {
    assert.deepStrictEqual(lines(...run), [
      "servers  filesystem (1 tool)",
      "model    test/model, already loaded by you, context 8192",
      "tools    1 offered, about 80 tokens in full",
      "round    1",
      "  · 1 tool call, 500 ms, 13 tokens/s, 50 tokens read, 5 written",
      '  → filesystem read_text_file {"path":"notes.md"}',
      "  ← read_text_file 11 B in 12 ms",
      "round    2",
      "  · answer, 500 ms, 13 tokens/s, 50 tokens read, 5 written",
      "done     2 rounds, 1 tool call, 1 s, 100 tokens read, 10 written"
    ])
  })

  it("never prints the answer, which belongs to stdout", () => {
    assert.notInclude(lines(...run).join("\n"), "It says hello.")
  })

  it("says that a run without servers has no tools, and how to add some", () => {
    const task = { task: "x", servers: { _tag: "None" }, budgets: { rounds: 1, wallMillis: 1, toolCalls: 1 } } as const
    assert.match(lines({ _tag: "RunStarted", task })[0] ?? "", /^tools +none; --mcp NAME, --all-mcps or/)
  })

  it("shows missing servers, refused and failed calls, failed requests, notes and budgets", () => {
    const text = lines(
      { _tag: "ServersReady", ready: [], missing: [{ server: "git", problem: { tag: "X", message: "it ended." } }] },
      { _tag: "RoundStarted", round: 3, final: true },
      {
        _tag: "ModelFailed",
        round: 3,
        problem: { tag: "StreamCut", message: "cut off" },
        repeatable: true,
        partial: ""
      },
      { _tag: "ToolCallRefused", callId: "1", name: "rm", reason: "Policy", told: "not allowed here" },
      {
        _tag: "ToolCallFinished",
        callId: "2",
        server: "s",
        tool: "t",
        told: "no such\nfile",
        isError: true,
        bytes: 12,
        millis: 5
      },
      { _tag: "AskedAgain", why: "cut", text: "Go on." },
      { _tag: "Noted", kind: "excluded", text: "Nothing is excluded." },
      { _tag: "BudgetReached", budget: "rounds" }
    )
    assert.deepStrictEqual(text, [
      "servers  without git: it ended.",
      "round    3, the last request, without tools",
      "  ✗ cut off",
      "  ✗ rm was not run (not allowed): not allowed here",
      "  ✗ t failed after 5 ms: no such file",
      "  · told the model: Go on.",
      "  · Nothing is excluded.",
      "budget   all rounds are used; the model is asked for its best answer"
    ])
  })

  it("shows the numbers of a call as they are sent", () => {
    const args = { id: new ExactNumber({ text: "12345678901234567890" }), amount: 2 }
    assert.deepStrictEqual(
      lines({ _tag: "ToolCallStarted", callId: "1", name: "t", server: "s", tool: "t", arguments: args }),
      ['  → s t {"id":12345678901234567890,"amount":2}']
    )
  })

  it("shows once what was done to fit the context", () => {
    const account = { contextLength: 4096, system: 1, tools: 1, history: 1, reserve: 1, free: 1 }
    assert.deepStrictEqual(
      lines(
        { _tag: "RoundStarted", round: 2, final: false, account: { ...account, measures: ["fewer tools"] } },
        { _tag: "Compacted", summary: "s", messages: 4 },
        { _tag: "RoundStarted", round: 3, final: false, account: { ...account, measures: ["fewer tools"] } }
      ),
      [
        "round    2",
        "  · to fit the context: fewer tools; tools take about 1 token",
        "  · 4 earlier messages replaced by a summary",
        "round    3"
      ]
    )
  })

  it("keeps every line within the width and free of control characters", () => {
    const hostile = "\u001b[2J" + "x".repeat(500) + "\n\u009b31m"
    const [, shown] = play(
      [
        { _tag: "ToolCallStarted", callId: "1", name: "n", server: hostile, tool: hostile, arguments: { a: hostile } },
        { _tag: "Noted", kind: hostile, text: hostile },
        {
          _tag: "ModelReplied",
          round: 1,
          reply: { ...reply, content: hostile, toolCalls: [{ id: "1", name: "n", arguments: "" }] }
        }
      ],
      { palette: Palette.plain, width: 60 }
    )
    for (const line of shown) {
      assert.isAtMost(Array.from(line).length, 60)
      assert.notMatch(line, /[\u0000-\u001f\u007f-\u009f]/)
    }
  })

  it("says only once what is being prepared, however often its progress changes", () => {
    const preparing = (progress: number): AgentEventBody => ({ _tag: "Preparing", what: "loading qwen", progress })
    const [state, shown] = play([preparing(0.1), preparing(0.5)])
    assert.deepStrictEqual(shown, ["  · loading qwen"])
    assert.include(RunView.status(state, 1000, style), "loading qwen 50 %")
  })

  it("has a status line with what is happening and since when, and none after the end", () => {
    const [writing] = play([
      { _tag: "RoundStarted", round: 1, final: false },
      { _tag: "TextDelta", text: "hello" }
    ])
    assert.include(RunView.status(writing, 2500, style), "round 1: the model is writing, 5 characters, 2.5 s")
    const call = (callId: string, tool: string): AgentEventBody => ({
      _tag: "ToolCallStarted",
      callId,
      name: tool,
      server: "s",
      tool,
      arguments: {}
    })
    const [waiting] = play([call("1", "read"), call("2", "list")])
    assert.include(RunView.status(waiting, 2000, style), "waiting for read, list, 1 s")
    assert.strictEqual(RunView.status(play(run)[0], 9000, style), "")
    assert.strictEqual(RunView.status(RunView.initial, 0, style), "")
  })

  it("mentions stalls, and long results that are shown in part", () => {
    const [stalled, long] = lines(
      { _tag: "Stalled", step: "withhold", tool: "read", text: "…" },
      {
        _tag: "ToolCallFinished",
        callId: "1",
        server: "s",
        tool: "read",
        told: "head … tail",
        isError: false,
        bytes: 2_000_000,
        millis: 5,
        artifact: "r1"
      }
    )
    assert.include(stalled, "goes in circles with read: the tool is withheld for two rounds")
    assert.include(long, "read 1.9 MiB in 5 ms, shown in part and kept as r1")
  })

  it("uses colours only where they are wanted", () => {
    assert.notInclude(lines(...run).join("\n"), "\u001b")
    assert.include(play(run, { palette: Palette.colored, width: 100 })[1].join("\n"), "\u001b[1m")
  })
})
