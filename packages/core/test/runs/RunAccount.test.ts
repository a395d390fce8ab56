import { assert, describe, it } from "@effect/vitest"
import { AgentEvent, AgentEventJson } from "#src/agent/rules/AgentEvent.ts"
import * as RunAccount from "#src/runs/RunAccount.ts"
import { isKept } from "#src/runs/RunJournal.ts"
import * as RunSummary from "#src/runs/RunSummary.ts"
import * as Arbitrary from "effect/Arbitrary"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"

const encode = Schema.encodeSync(AgentEventJson)
const decode = Schema.decodeEither(AgentEventJson)

const RunStarted = AgentEvent.members[0]
/** Numbers such as Infinity are not JSON. */
const isWritable = (event: AgentEvent) => Either.isRight(decode(encode(event)))
const start = Arbitrary.make(RunStarted).filter(isWritable)
const later = Arbitrary.make(AgentEvent).filter((event) => event._tag !== "RunStarted" && isWritable(event))

/** Events in any order and with any content, except that a run that has ended is resumed before anything else. */
const isTakenUp = (event: AgentEvent, index: number, all: ReadonlyArray<AgentEvent>) => {
  const before = all.slice(0, index).findLast(({ _tag }) => ends.has(_tag) || _tag === "RunResumed")
  return before === undefined || before._tag === "RunResumed" || event._tag === "RunResumed"
}
const ends = new Set<AgentEvent["_tag"]>(["RunFinished", "RunFailed"])

const journal = FastCheck.tuple(start, FastCheck.array(later, { maxLength: 12 })).map(([first, rest]) =>
  [first, ...rest]
    .filter(isTakenUp)
    .map((event, seq) => ({ ...event, runId: first.runId, seq, at: 1000 + seq }) as AgentEvent)
)

describe("RunAccount", () => {
  it("agrees with the lines of the journal at every moment", () => {
    FastCheck.assert(
      FastCheck.property(journal, (events) => {
        const kept = events.filter(isKept)
        for (let count = 1; count <= kept.length; count++) {
          const soFar = kept.slice(0, count)
          const lines = soFar.map((event) => encode(event))
          assert.deepStrictEqual(
            Option.getOrUndefined(RunSummary.ofLines([...lines, ""])),
            Option.getOrUndefined(RunSummary.ofEvents(soFar))
          )
        }
      }),
      { numRuns: 60 }
    )
  })

  it("counts the tokens of summaries and notes, and does not count the request in flight twice", () => {
    const usage = { inputTokens: 100, outputTokens: 20 }
    const events = [
      { _tag: "RunStarted", task: { task: "t", servers: { _tag: "None" }, budgets } },
      { _tag: "RoundStarted", round: 1, final: false },
      { _tag: "ModelReplied", round: 1, reply: { ...reply, usage } },
      { _tag: "Compacted", summary: "s", messages: 0, usage },
      { _tag: "Noted", kind: "note", text: "n", usage },
      { _tag: "RoundStarted", round: 2, final: true }
    ].map((body, seq) => ({ ...body, runId: "run_0", seq, at: seq }) as unknown as AgentEvent)
    const account = Option.getOrThrow(RunAccount.of(events))
    const { rounds, toolCalls, usage: told } = RunAccount.soFar(account, 10)
    assert.deepStrictEqual({ rounds, toolCalls }, { rounds: 1, toolCalls: [] })
    assert.deepInclude(told, { inputTokens: 300, outputTokens: 60 })
    assert.strictEqual(RunAccount.used(account.state).tokens, 360)
  })
})

const budgets = { rounds: 5, wallMillis: 1000, toolCalls: 5 }

const reply = {
  model: "m",
  content: "",
  reasoning: "",
  toolCalls: [],
  finishReason: "stop",
  firstTokenMillis: 0,
  totalMillis: 0
}
