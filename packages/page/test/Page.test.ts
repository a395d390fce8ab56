import { assert, describe, it } from "@effect/vitest"
import { kept, rounds } from "#src/client/events.ts"
import * as Words from "#src/client/words.ts"
import { policy, text } from "#src/Page.ts"

describe("the page", () => {
  it("is one text without markup made of texts, under a policy without holes", () => {
    assert.match(text, /^<!doctype html>/)
    assert.notMatch(text, /dangerouslySetInnerHTML=|eval\(|new Function/)
    assert.notInclude(policy, "unsafe")
    assert.include(policy, "trusted-types 'none'")
    assert.isBelow(text.length, 90_000)
  })
})

describe("the steps of a run", () => {
  it("join a call with its result, whatever comes between, and keep what has no end", () => {
    const event = (seq: number, _tag: string, fields: object = {}) => ({ _tag, seq, at: seq * 10, ...fields })
    const call = (callId: string) => ({ callId, tool: "read", server: "files", arguments: { path: callId } })
    const [before, first] = rounds([
      event(0, "RunStarted"),
      event(1, "RoundStarted", { round: 1 }),
      event(2, "ToolCallStarted", call("a")),
      event(3, "ToolCallStarted", call("b")),
      event(4, "ToolCallFinished", { callId: "a", told: "text", isError: false, millis: 7, bytes: 4 }),
      event(5, "ToolCallRefused", { callId: "c", name: "write", told: "no" }),
      event(6, "TextDelta", { text: "…" }),
      event(7, "Noted", { kind: "x", text: "a note" })
    ])
    assert.deepStrictEqual([before?.round, before?.steps], [0, []])
    assert.deepStrictEqual(
      first?.steps.map((step) => (step.kind === "call" ? [step.name, step.state, step.result] : step.kind)),
      [["read", "ran", "text"], ["read", "runs", undefined], ["write", "refused", "no"], "note"]
    )
  })
})

describe("the rounds of a run that goes on", () => {
  it("stay the same objects until they change", () => {
    const started = (seq: number, round: number) => ({ _tag: "RoundStarted", seq, at: seq, round })
    const call = { _tag: "ToolCallStarted", seq: 3, at: 3, callId: "a", tool: "read", server: "files", arguments: {} }
    const ended = {
      _tag: "ToolCallFinished",
      seq: 4,
      at: 4,
      callId: "a",
      told: "",
      isError: false,
      millis: 1,
      bytes: 0
    }
    const before = rounds([started(0, 1), started(1, 2), call])
    const after = kept(before, rounds([started(0, 1), started(1, 2), call, ended, started(5, 3)]))
    assert.deepStrictEqual(
      after.map((round, index) => round === before[index]),
      [true, false, false]
    )
  })
})

describe("numbers in words", () => {
  it("are short", () => {
    assert.deepStrictEqual([950, 12_345, 125_000, 600_000, 7_500_000, 300_000_000].map(Words.span), [
      "0.9 s",
      "12 s",
      "2 min 5 s",
      "10 min",
      "2 h 5 min",
      "3 days"
    ])
    assert.deepStrictEqual([59_400, 61_000, -5].map(Words.countdown), ["0:59", "1:01", "0:00"])
    assert.deepStrictEqual([12, 1500, 2_500_000, 4_700_000_000].map(Words.bytes), ["12 B", "2 kB", "2.5 MB", "4.7 GB"])
    assert.strictEqual(Words.number(1_234_567), "1\u202f234\u202f567")
    assert.deepStrictEqual([Words.count(1, "tool"), Words.count(2, "tool")], ["1 tool", "2 tools"])
  })
})
