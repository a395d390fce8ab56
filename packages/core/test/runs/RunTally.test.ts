/** What finished runs add to the registry: counted from their events, by the form in which the calls came. */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Option } from "effect"
import { type AgentEvent, type AgentEventBody, type AgentOutcome, stamp } from "#src/agent/rules/AgentEvent.ts"
import { RunId } from "#src/observability/Correlation.ts"
import { noTally, type Tally } from "#src/registry/Evidence.ts"
import { ModelRegistry } from "#src/registry/ModelRegistry.ts"
import { PastRuns } from "#src/registry/PastRuns.ts"
import { RunJournal } from "#src/runs/RunJournal.ts"
import * as RunObserver from "#src/runs/RunObserver.ts"
import { RunReaders } from "#src/runs/RunReaders.ts"
import * as RunTally from "#src/runs/RunTally.ts"

const runId = RunId.make("run_t")
const model = "acme/plain-7b"
const task = {
  task: "t",
  servers: { _tag: "None" as const },
  budgets: { rounds: 9, wallMillis: 1000, toolCalls: 9 }
}
const usage = { inputTokens: 1, outputTokens: 1 }
const replied = (inText?: true): AgentEventBody => ({
  _tag: "ModelReplied",
  round: 1,
  reply: {
    model,
    content: "",
    reasoning: "",
    toolCalls: [],
    finishReason: "stop",
    firstTokenMillis: 1,
    totalMillis: 2
  },
  ...(inText === undefined ? {} : { inText })
})
const called: AgentEventBody = {
  _tag: "ToolCallStarted",
  callId: "c",
  name: "n",
  server: "s",
  tool: "n",
  arguments: {}
}
const refused = (reason: "UnknownTool" | "InvalidArguments" | "Policy"): AgentEventBody => ({
  _tag: "ToolCallRefused",
  callId: "c",
  name: "n",
  reason,
  told: ""
})
const again = (why: "cut" | "empty" | "answer-not-valid"): AgentEventBody => ({ _tag: "AskedAgain", why, text: "" })
const finished = (more: Partial<AgentOutcome> = {}): AgentEventBody => ({
  _tag: "RunFinished",
  outcome: {
    status: "done",
    answer: "a",
    cut: false,
    rounds: 1,
    toolCalls: [],
    usage,
    millis: 1,
    missingServers: [],
    ...more
  }
})
const ready: AgentEventBody = {
  _tag: "ModelReady",
  ensured: { model, instanceId: model, action: "already-loaded", owner: "user", tookMillis: 0, steppedDown: [] }
}
const started: AgentEventBody = { _tag: "RunStarted", task }
const bound: AgentEventBody = { _tag: "ToolFormChosen", form: "bound", text: "" }
const events = (...bodies: ReadonlyArray<AgentEventBody>): ReadonlyArray<AgentEvent> =>
  bodies.map((body, seq) => stamp(body, runId, seq, 1000 + seq))
const ended = (...bodies: ReadonlyArray<AgentEventBody>) => RunTally.of(events(...bodies)).ended

describe("RunTally", () => {
  it("counts calls by the form in which they came, and not what a rule refused", () => {
    const tally = ended(
      started,
      ready,
      replied(),
      called,
      refused("Policy"),
      replied(true),
      called,
      refused("UnknownTool"),
      finished()
    )
    assert.deepInclude(tally, { runs: 1, done: 1, native: { valid: 1, refused: 0 }, text: { valid: 1, refused: 1 } })
    assert.deepInclude(ended(started, ready, bound, replied(), called, called, finished({ status: "stalled" })), {
      bound: { valid: 2, refused: 0 },
      done: 0
    })
  })

  it("counts answers by schema, stalls and false ends", () => {
    const structured: AgentEventBody = { _tag: "RunStarted", task: { ...task, outputSchema: {} } }
    const stall: AgentEventBody = { _tag: "Stalled", step: "nudge", tool: "n", text: "" }
    assert.deepInclude(
      ended(
        structured,
        ready,
        again("answer-not-valid"),
        again("empty"),
        again("cut"),
        stall,
        finished({ structured: 1 })
      ),
      { schemaMet: 1, schemaMissed: 1, stalls: 1, falseEnds: 1 }
    )
    assert.deepInclude(ended(structured, ready, finished({ status: "failed" })), { schemaMet: 0, schemaMissed: 1 })
  })

  it("a run that has not ended counts nothing, and the form of a resumed one is not guessed", () => {
    assert.isUndefined(ended(started, ready, replied(), called))
    assert.deepInclude(ended({ _tag: "RunResumed", task }, ready, replied(), called, finished()), {
      runs: 1,
      native: { valid: 0, refused: 0 }
    })
  })
})

describe("RunObserver", () => {
  const seen: Array<readonly [string, Tally]> = []
  const registry = Layer.mock(ModelRegistry, {
    observe: (key, tally) => Effect.sync(() => void seen.push([key, tally]))
  })

  it.effect("a finished run is told to the registry, at the latest when the process ends", () =>
    Effect.gen(function* () {
      yield* Effect.scoped(
        Effect.gen(function* () {
          const readers = Context.get(yield* Layer.build(RunObserver.layer), RunReaders)
          const reader = readers[0]?.() ?? assert.fail()
          for (const event of events(started, ready, replied(), called, finished())) reader.on(event)
          reader.end()
        })
      )
      assert.deepStrictEqual(
        seen.map(([key, { native, runs }]) => [key, runs, native.valid]),
        [[model, 1, 1]]
      )
    }).pipe(Effect.provide(registry))
  )

  it.scoped("what the kept runs have shown is told once a file is lost", () =>
    Effect.gen(function* () {
      const journal = yield* RunJournal
      yield* Effect.scoped(
        Effect.flatMap(journal.open(runId), (write) => write(events(started, ready, replied(), called, finished())))
      )
      const past = Context.get(yield* Layer.build(RunObserver.past), PastRuns)
      assert.deepStrictEqual(
        Option.map(yield* past.of(model), ({ at: _at, ...tally }) => tally),
        Option.some({ ...without(noTally), runs: 1, done: 1, native: { valid: 1, refused: 0 } })
      )
      assert.deepStrictEqual(yield* past.of("another"), Option.none())
    }).pipe(Effect.provide(RunJournal.layerMemory))
  )
})

const without = ({ at: _at, ...tally }: Tally) => tally
