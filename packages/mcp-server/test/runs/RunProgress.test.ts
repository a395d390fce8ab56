import { assert, describe, it } from "@effect/vitest"
import { RunId } from "@lms-bridge/core/RunJournal"
import * as RunProgress from "#src/runs/RunProgress.ts"

const stamp = { runId: RunId.make("run_0ighmswhjeez13sp"), seq: 3, at: 0, callId: "call" }

describe("the progress of a run", () => {
  it("says for what it waits, and that it goes on", () => {
    const asked = RunProgress.step(
      { round: 2, characters: 0 },
      {
        _tag: "ApprovalAsked",
        ...stamp,
        server: "files",
        tool: "write_file",
        arguments: {},
        reason: "The tool can destroy something."
      }
    )
    assert.strictEqual(asked.tell, "round 2: waits for an answer: may it call write_file of files?")
    for (const approved of [true, false]) {
      const { note, tell } = RunProgress.step(asked.view, { _tag: "ApprovalAnswered", ...stamp, approved })
      assert.isUndefined(tell)
      assert.include(note, "round 2: goes on")
    }
  })
})
