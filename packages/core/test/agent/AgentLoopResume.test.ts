import { assert, describe, it } from "@effect/vitest"
import type { AgentEvent } from "#src/agent/rules/AgentEvent.ts"
import { evolve } from "#src/agent/rules/Evolve.ts"
import { AgentLoop, CurrentApprover } from "#src/agent/AgentLoop.ts"
import * as RunExplanation from "#src/runs/RunExplanation.ts"
import { initial } from "#src/agent/rules/AgentState.ts"
import { RunJournal } from "#src/runs/RunJournal.ts"
import { LmStudioUnreachable } from "#src/lmstudio/LmStudioError.ts"
import { Chunk, Effect, Fiber, Layer, Option, Ref, Stream, TestClock } from "effect"
import { present } from "../../src/schema/Fields.ts"
import * as World from "./doubles.ts"

const { call, echo, only, outcomeOf, run, task, text } = World

// oxlint-disable-next-line unicorn/no-thenable -- a turn of the model, which is never awaited
const slowAnswer: World.Turn = { wait: "30 seconds", then: "The answer." }

const resumed = Effect.fnUntraced(function* (runId: string, budgets?: ReturnType<typeof task>["budgets"]) {
  const loop = yield* AgentLoop
  return Chunk.toReadonlyArray(yield* Stream.runCollect(loop.resume(runId, { budgets })))
})

/** Runs until something has started, then is killed, so that only the journal is left. */
const killed = Effect.gen(function* () {
  const loop = yield* AgentLoop
  const seen: Array<AgentEvent> = []
  const fiber = yield* Effect.fork(Stream.runForEach(loop.run(task()), (event) => Effect.sync(() => seen.push(event))))
  yield* TestClock.adjust("5 seconds")
  yield* Fiber.interrupt(fiber)
  const [first] = seen
  if (first === undefined) throw new Error("nothing happened")
  yield* TestClock.adjust("1 day")
  return first.runId
})

const journaled = Effect.fnUntraced(function* (runId: string) {
  const events = yield* (yield* RunJournal).read(runId)
  const [first, ...rest] = events
  if (first?._tag !== "RunStarted") throw new Error("no start")
  return { events, state: rest.reduce(evolve, initial(first)) }
})

/** A tool that hangs the first time and answers the second time. */
const hangsOnce = (annotations: World.Tool["annotations"]): World.Tool => {
  let calls = 0
  return {
    ...present({ annotations }),
    run: () => Effect.suspend(() => (calls++ === 0 ? Effect.never : Effect.succeed(text("written"))))
  }
}

const worldOf = (annotations: World.Tool["annotations"]) =>
  World.layer({
    turns: (index) =>
      index === 0 ? [call("echo", { message: "one" })] : index === 1 ? [call("hang", {}, "h")] : "Both are done.",
    servers: { main: { echo, hang: hangsOnce(annotations) } }
  })

describe("AgentLoop: resuming a run", () => {
  it.effect("stores every event except display-only ones, and rebuilds the state from them", () =>
    Effect.gen(function* () {
      const events = yield* run(task())
      const { events: kept, state } = yield* journaled(events[0]?.runId ?? "")
      const shown = new Set(["Preparing", "TextDelta", "ReasoningDelta", "ToolCallProgress"])
      assert.deepStrictEqual(
        kept,
        events.filter(({ _tag }) => !shown.has(_tag))
      )
      assert.deepStrictEqual(state.turn, { _tag: "Ended", outcome: outcomeOf(events) })
    }).pipe(
      Effect.provide(World.layer({ turns: [[call("echo", { message: "a" })], "ok"], servers: { main: { echo } } }))
    )
  )

  it.effect("does not repeat a finished call, but repeats one that only reads", () =>
    Effect.gen(function* () {
      const runId = yield* killed
      const events = yield* resumed(runId)
      const { calls } = yield* World.Seen
      assert.strictEqual(events[0]?._tag, "RunResumed")
      assert.deepStrictEqual(
        calls.map(({ tool }) => tool),
        ["echo", "hang", "hang"]
      )
      const outcome = outcomeOf(events)
      assert.deepInclude(outcome, { status: "done", answer: "Both are done." })
      // a day in which it was stopped does not count against its ten minutes
      assert.isAtMost(outcome.millis, 5000)
      const { state } = yield* journaled(runId)
      assert.deepStrictEqual(state.turn, { _tag: "Ended", outcome })
      assert.deepStrictEqual(
        (yield* journaled(runId)).events.map(({ seq }) => seq).toSorted((a, b) => a - b).length,
        new Set((yield* journaled(runId)).events.map(({ seq }) => seq)).size
      )
    }).pipe(Effect.provide(worldOf({ readOnly: true })))
  )

  it.effect("does not repeat a call with an unknown outcome where nobody can be asked", () =>
    Effect.gen(function* () {
      const runId = yield* killed
      const events = yield* resumed(runId)
      assert.deepStrictEqual(
        (yield* World.Seen).calls.map(({ tool }) => tool),
        ["echo", "hang"]
      )
      assert.include(only(events, "ToolCallRefused")[0]?.told, "whether it took effect is not known")
      const { status, toolCalls } = outcomeOf(events)
      assert.strictEqual(status, "done")
      // the account includes calls that may have taken effect
      assert.deepStrictEqual(
        toolCalls.map(({ tool, uncertain }) => [tool, uncertain]),
        [
          ["echo", undefined],
          ["hang", true]
        ]
      )
      const { events: kept, state } = yield* journaled(runId)
      const [first, ...rest] = kept
      if (first?._tag !== "RunStarted") throw new Error("no start")
      const explained = RunExplanation.explain(first, rest)
      assert.strictEqual(explained.used.toolCalls, state.calls.length)
      assert.deepStrictEqual(explained.rounds[1]?.calls, [
        { name: "hang", what: "unfinished" },
        { name: "hang", what: "refused" }
      ])
    }).pipe(Effect.provide(worldOf({})))
  )

  it.effect("runs what is approved for the resumed run, and asks again the next time", () =>
    Effect.gen(function* () {
      const loop = yield* AgentLoop
      const first = yield* run(task({ approvedTools: ["other"], budgets: { ...task().budgets, rounds: 1 } }))
      const runId = first[0]?.runId ?? ""
      assert.strictEqual(only(first, "ToolCallRefused")[0]?.by, "nobody")
      const allowed = Chunk.toReadonlyArray(
        yield* Stream.runCollect(loop.resume(runId, { budgets: { ...task().budgets, rounds: 2 }, approved: ["wipe"] }))
      )
      assert.strictEqual(only(allowed, "ToolCallFinished")[0]?.tool, "wipe")
      const later = yield* resumed(runId, { ...task().budgets, rounds: 3 })
      assert.strictEqual(only(later, "ToolCallRefused")[0]?.by, "nobody")
      assert.deepStrictEqual(
        [first, allowed, later].map(([event]) => event !== undefined && "task" in event && event.task.approvedTools),
        [["other"], ["other", "wipe"], ["other"]]
      )
    }).pipe(
      Effect.provide(
        World.layer({
          turns: (index) => (index % 2 === 0 ? [call("wipe", { index })] : "so far"),
          servers: { main: { wipe: { annotations: { destructive: true }, run: () => Effect.succeed(text("wiped")) } } }
        })
      )
    )
  )

  it.effect("repeats such a call when the person agrees", () =>
    Effect.gen(function* () {
      const runId = yield* killed
      const events = yield* Effect.provideService(
        resumed(runId),
        CurrentApprover,
        Option.some(() => Effect.succeed(true))
      )
      assert.strictEqual(only(events, "ApprovalAsked").length, 1)
      assert.strictEqual(only(events, "ToolCallFinished")[0]?.told, "written")
    }).pipe(Effect.provide(worldOf({})))
  )

  it.effect("cannot be resumed twice at the same time", () =>
    Effect.gen(function* () {
      const loop = yield* AgentLoop
      const begun = yield* Ref.make("")
      yield* Effect.fork(Stream.runForEach(loop.run(task()), ({ runId }) => Ref.set(begun, runId)))
      yield* TestClock.adjust("5 seconds")
      const error = yield* Effect.flip(resumed(yield* Ref.get(begun)))
      assert.strictEqual(error._tag, "RunInProgress")
    }).pipe(Effect.provide(World.layer({ turns: [{ never: true }] })))
  )

  it.effect("repeats the request when it was killed during a reply", () =>
    Effect.gen(function* () {
      const events = yield* resumed(yield* killed)
      assert.deepInclude(outcomeOf(events), { status: "done", answer: "Here." })
    }).pipe(Effect.provide(World.layer({ turns: (index) => (index === 0 ? { never: true, after: "half" } : "Here.") })))
  )

  it.effect("continues with a larger budget after a budget ended it", () =>
    Effect.gen(function* () {
      const first = yield* run(task({ budgets: { rounds: 2, wallMillis: 60_000, toolCalls: 50 } }))
      assert.deepInclude(outcomeOf(first), { status: "budget", answer: "Two so far." })
      const runId = first[0]?.runId ?? ""
      const again = outcomeOf(yield* resumed(runId))
      assert.strictEqual(again.status, "budget")
      const events = yield* resumed(runId, { rounds: 10, wallMillis: 60_000, toolCalls: 50 })
      assert.deepInclude(outcomeOf(events), { status: "done", answer: "Four." })
      assert.strictEqual(outcomeOf(events).toolCalls.length, 4)
      const { requests } = yield* World.Seen
      assert.include(JSON.stringify(requests.at(-1)?.messages), "Two so far.")
    }).pipe(
      Effect.provide(
        World.layer({
          turns: (index) => (index < 6 ? [call("echo", { message: `${index}` })] : "Four."),
          final: "Two so far.",
          servers: { main: { echo } }
        })
      )
    )
  )

  it.effect("does not prepend the parts of a finished answer to the next one", () =>
    Effect.gen(function* () {
      const { runId } = (yield* run(task()))[0] ?? { runId: "" }
      const outcome = outcomeOf(yield* resumed(runId))
      assert.deepInclude(outcome, { status: "done", answer: "All of it.", cut: false })
    }).pipe(
      Effect.provide(
        World.layer({
          turns: (index) => (index < 2 ? { content: "A part. ", finishReason: "length" } : "All of it.")
        })
      )
    )
  )

  it.effect("continues an answer that was being continued when it was killed", () =>
    Effect.gen(function* () {
      const runId = yield* killed
      const outcome = outcomeOf(yield* resumed(runId))
      assert.deepInclude(outcome, { status: "done", answer: "The first half, the second.", cut: false })
    }).pipe(
      Effect.provide(
        World.layer({
          turns: (index) =>
            index === 0
              ? { content: "The first half, ", finishReason: "length" }
              : index === 1
                ? { never: true }
                : "the second."
        })
      )
    )
  )

  it.effect("has the full time for the final reply, however long it took to load the model again", () =>
    Effect.gen(function* () {
      const first = yield* Effect.fork(run(task({ budgets: { rounds: 9, wallMillis: 10_000, toolCalls: 9 } })))
      yield* TestClock.adjust("10 seconds")
      yield* TestClock.adjust("1 minute")
      const events = yield* Fiber.join(first)
      const again = yield* Effect.fork(resumed(events[0]?.runId ?? ""))
      yield* TestClock.adjust("50 seconds")
      yield* TestClock.adjust("30 seconds")
      assert.deepInclude(outcomeOf(yield* Fiber.join(again)), { status: "budget", answer: "The answer." })
    }).pipe(
      Effect.provide(
        Layer.unwrapEffect(
          Effect.map(Ref.make(0), (leases) =>
            World.layer({
              turns: (index) => (index < 2 ? { never: true } : slowAnswer),
              servers: { main: { echo } },
              lease: () =>
                Effect.flatMap(
                  Ref.getAndUpdate(leases, (n) => n + 1),
                  (n) => Effect.delay(Effect.succeed(World.ensured), n === 0 ? "0 seconds" : "50 seconds")
                )
            })
          )
        )
      )
    )
  )

  it.effect("ends when its time is over and the model cannot be loaded again", () =>
    Effect.gen(function* () {
      const first = yield* Effect.fork(run(task({ budgets: { rounds: 9, wallMillis: 10_000, toolCalls: 9 } })))
      yield* TestClock.adjust("10 seconds")
      const events = yield* Fiber.join(first)
      assert.deepInclude(outcomeOf(events), { status: "budget", answer: "So far." })
      const again = yield* Effect.fork(resumed(events[0]?.runId ?? ""))
      yield* TestClock.adjust("60 seconds")
      assert.deepInclude(outcomeOf(yield* Fiber.join(again)), { status: "budget", answer: "So far." })
    }).pipe(
      Effect.provide(
        Layer.unwrapEffect(
          Effect.map(Ref.make(0), (leases) =>
            World.layer({
              turns: [{ never: true }],
              final: "So far.",
              servers: { main: { echo } },
              lease: () =>
                Effect.flatMap(
                  Ref.getAndUpdate(leases, (n) => n + 1),
                  (n) => (n === 0 ? Effect.succeed(World.ensured) : Effect.never)
                )
            })
          )
        )
      )
    )
  )

  it.effect("can read earlier long results after it was resumed", () =>
    Effect.gen(function* () {
      const first = yield* run(task({ budgets: { rounds: 1, wallMillis: 60_000, toolCalls: 50 } }))
      const events = yield* resumed(first[0]?.runId ?? "", { rounds: 9, wallMillis: 60_000, toolCalls: 50 })
      assert.include(only(events, "ToolCallFinished")[0]?.told, "line 900")
    }).pipe(
      Effect.provide(
        World.layer({
          turns: [[call("long", {})], "Cut.", [call("read_artifact", { id: "r1", line: 900, lines: 1 })], "done"],
          servers: {
            main: {
              long: {
                run: () => Effect.succeed(Array.from({ length: 1000 }, (_, n) => `line ${n + 1} of it`).join("\n"))
              }
            }
          }
        })
      )
    )
  )

  it.effect("continues the conversation of another run, or its first steps", () =>
    Effect.gen(function* () {
      const first = yield* run(task({ task: "Remember 42." }))
      const runId = first[0]?.runId ?? ""
      yield* run(task({ task: "What was it?", follows: { run: runId } }))
      const { requests } = yield* World.Seen
      assert.deepStrictEqual(
        requests[2]?.messages.slice(1).map(({ content, role }) => [role, content]),
        [
          ["user", "Remember 42."],
          ["assistant", ""],
          ["tool", "Echo: 42"],
          ["assistant", "I will."],
          ["user", "What was it?"]
        ]
      )
      yield* run(task({ task: "Something else.", follows: { run: runId, events: 4 } }))
      assert.deepStrictEqual(
        requests[3]?.messages.slice(1).map(({ content, role }) => [role, content]),
        [["user", "Remember 42.\n\nSomething else."]]
      )
    }).pipe(
      Effect.provide(
        World.layer({ turns: [[call("echo", { message: "42" })], "I will.", "42.", "ok"], servers: { main: { echo } } })
      )
    )
  )

  it.effect("stores why a run could not start, and resumes it", () => {
    let leases = 0
    const down = new LmStudioUnreachable({ baseUrl: "http://127.0.0.1:1234", reason: "Refused" })
    return Effect.gen(function* () {
      const loop = yield* AgentLoop
      const journal = yield* RunJournal
      assert.strictEqual((yield* Effect.flip(Stream.runDrain(loop.run(task()))))._tag, "LmStudioUnreachable")
      const [listed] = yield* journal.list
      const problem = { tag: "LmStudioUnreachable", message: down.message }
      assert.deepInclude(listed, { status: "failed", rounds: 0, problem })
      const events = yield* resumed(listed?.runId ?? "")
      assert.strictEqual(outcomeOf(events).status, "done")
      const { events: kept, state } = yield* journaled(listed?.runId ?? "")
      assert.deepStrictEqual(
        kept.filter(({ _tag }) => _tag.startsWith("Run")).map(({ _tag }) => _tag),
        ["RunStarted", "RunFailed", "RunResumed", "RunFinished"]
      )
      assert.deepStrictEqual(state.turn, { _tag: "Ended", outcome: outcomeOf(events) })
      assert.strictEqual((yield* journal.list)[0]?.status, "done")
    }).pipe(
      Effect.provide(
        World.layer({
          turns: ["ok"],
          servers: { main: { echo } },
          lease: () => Effect.suspend(() => (leases++ === 0 ? Effect.fail(down) : Effect.succeed(World.ensured)))
        })
      )
    )
  })

  it.effect("does not find a run that never existed", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* Effect.flip(resumed("run_none")))._tag, "RunNotFound")
      assert.strictEqual((yield* Effect.flip(run(task({ follows: { run: "run_none" } }))))._tag, "RunNotFound")
    }).pipe(Effect.provide(World.layer({ turns: [] })))
  )
})
