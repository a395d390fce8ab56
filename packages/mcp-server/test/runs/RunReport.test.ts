import { assert, describe, it } from "@effect/vitest"
import { AgentEvent, rebuilt } from "@lms-bridge/core/AgentEvent"
import * as RunReport from "#src/runs/RunReport.ts"
import * as Arbitrary from "effect/Arbitrary"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"

const start = Arbitrary.make(AgentEvent.members[0])
const later = Arbitrary.make(AgentEvent).filter(({ _tag }) => _tag !== "RunStarted")

describe("RunReport", () => {
  it("says the same numbers as the journal, at every moment of any run", () => {
    FastCheck.assert(
      FastCheck.property(start, FastCheck.array(later, { maxLength: 12 }), (first, rest) => {
        const begun = { ...first, seq: 0, at: 1000 }
        let record = RunReport.begin(begun)
        const events: Array<AgentEvent> = [begun]
        for (const [index, event] of rest.entries()) {
          const next = { ...event, runId: first.runId, seq: index + 1, at: 1001 + index } as AgentEvent
          events.push(next)
          record = RunReport.evolve(record, next)[0]
          const state = Option.getOrThrow(rebuilt(events))
          const report = RunReport.report(record, next.at)
          const expected = state.turn._tag === "Ended" ? state.turn.outcome : state
          assert.strictEqual(report.rounds, expected.rounds)
          assert.deepStrictEqual(report.usage, {
            inputTokens: expected.usage.inputTokens,
            outputTokens: expected.usage.outputTokens
          })
        }
      }),
      { numRuns: 100 }
    )
  })
})
