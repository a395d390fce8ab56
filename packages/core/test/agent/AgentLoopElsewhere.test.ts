/** What a run needs that is begun in one process, carried out in another and approved in a third. */
import { assert, describe, it } from "@effect/vitest"
import type { AgentEvent } from "#src/agent/rules/AgentEvent.ts"
import { AgentLoop, type ApprovalRequest, CurrentApprover, type Resumption } from "#src/agent/AgentLoop.ts"
import { StopBetweenSteps } from "#src/agent/StopBetweenSteps.ts"
import { RunJournal, RunTakenOver } from "#src/runs/RunJournal.ts"
import { Chunk, Deferred, Effect, Fiber, Layer, Option, Ref, Stream, TestClock } from "effect"
import * as World from "./doubles.ts"

const { call, echo, only, outcomeOf, task, text } = World

const resume = Effect.fnUntraced(function* (runId: string, how?: Resumption) {
  const loop = yield* AgentLoop
  return Chunk.toReadonlyArray(yield* Stream.runCollect(loop.resume(runId, how)))
})

const destructive = { destructive: true } as const

const wiping = (wipe: World.Tool["run"] = () => Effect.succeed(text("wiped"))) =>
  World.layer({
    turns: (index) => (index === 0 ? [call("wipe", { index }, "w")] : "Gone."),
    servers: { main: { wipe: { annotations: destructive, run: wipe } } }
  })

/** Ends the part of the run at its first question, as a worker does. */
const untilAsked = Effect.fnUntraced(function* (runId: string, how?: Resumption) {
  const asked = yield* Deferred.make<ApprovalRequest>()
  yield* Effect.raceFirst(
    Effect.provideService(
      Effect.zipRight(resume(runId, how), Effect.dieMessage("nobody was asked")),
      CurrentApprover,
      Option.some((request: ApprovalRequest) => Effect.zipRight(Deferred.succeed(asked, request), Effect.never))
    ),
    Deferred.await(asked)
  )
  const { call } = yield* Deferred.await(asked)
  if (call === undefined) throw new Error("not about a call")
  return call
})

describe("AgentLoop: a run that goes from process to process", () => {
  it.effect("is begun without being carried out, and the time until it is resumed does not count", () =>
    Effect.gen(function* () {
      const runId = yield* (yield* AgentLoop).begin(task())
      assert.deepStrictEqual((yield* World.Seen).requests, [])
      const kept = yield* (yield* RunJournal).read(runId)
      assert.deepStrictEqual(
        kept.map((event) => [event._tag, "process" in event]),
        [["RunStarted", false]]
      )
      yield* TestClock.adjust("2 days")
      const outcome = outcomeOf(yield* resume(runId))
      assert.deepInclude(outcome, { status: "done", answer: "ok" })
      assert.isBelow(outcome.millis, 1000)
    }).pipe(
      Effect.provide(World.layer({ turns: [[call("echo", { message: "a" })], "ok"], servers: { main: { echo } } }))
    )
  )

  it.effect("takes an answer to its own question, and asks for the call that it is about only once", () =>
    Effect.gen(function* () {
      const runId = yield* (yield* AgentLoop).begin(task())
      const asked = yield* untilAsked(runId)
      assert.deepInclude(asked, { runId })
      const other = yield* untilAsked(runId, { answers: [{ asked: asked.asked - 1, approved: true }] })
      assert.strictEqual(other.callId, asked.callId)
      assert.isAbove(other.asked, asked.asked)
      const events = yield* resume(runId, { answers: [{ asked: other.asked, approved: true }] })
      assert.deepStrictEqual(only(events, "ApprovalAsked"), [])
      assert.strictEqual(only(events, "ApprovalAnswered")[0]?.approved, true)
      assert.strictEqual((yield* World.Seen).calls.length, 1)
      assert.strictEqual(outcomeOf(events).answer, "Gone.")
    }).pipe(Effect.provide(wiping()))
  )

  it.effect("refuses the call where the answer is no", () =>
    Effect.gen(function* () {
      const runId = yield* (yield* AgentLoop).begin(task())
      const { asked } = yield* untilAsked(runId)
      const events = yield* resume(runId, { answers: [{ asked, approved: false }] })
      assert.strictEqual(only(events, "ToolCallRefused")[0]?.by, "person")
      assert.deepStrictEqual((yield* World.Seen).calls, [])
    }).pipe(Effect.provide(wiping()))
  )

  it.effect("does not take the approval of a call for one to repeat it", () =>
    Effect.gen(function* () {
      const runId = yield* (yield* AgentLoop).begin(task())
      const { asked } = yield* untilAsked(runId)
      const answers = [{ asked, approved: true }]
      const first = yield* Effect.fork(resume(runId, { answers }))
      yield* TestClock.adjust("1 second")
      // killed in the middle of the approved call
      yield* Fiber.interrupt(first)
      const doubt = yield* untilAsked(runId, { answers })
      assert.isAbove(doubt.asked, asked)
      // and that question stands also when nobody has answered it yet
      const again = yield* untilAsked(runId, { answers })
      const events = yield* resume(runId, { answers: [...answers, { asked: again.asked, approved: false }] })
      assert.strictEqual(only(events, "ToolCallRefused")[0]?.by, "person")
      assert.strictEqual((yield* World.Seen).calls.length, 1)
    }).pipe(Effect.provide(wiping(() => Effect.never)))
  )

  it.effect("stops between two calls, and goes on without a question", () =>
    Effect.gen(function* () {
      const stop = yield* Ref.make(false)
      const world = World.layer({
        turns: (index) => (index === 0 ? [call("write", { n: 1 }, "a"), call("write", { n: 2 }, "b")] : "Both."),
        servers: { main: { write: World.tool(() => Effect.as(Ref.set(stop, true), text("written"))) } }
      })
      yield* Effect.gen(function* () {
        const runId = yield* (yield* AgentLoop).begin(task())
        const seen = yield* Effect.provideService(resume(runId), StopBetweenSteps, Ref.get(stop))
        assert.strictEqual(seen.at(-1)?._tag, "ToolCallFinished")
        const kept = yield* (yield* RunJournal).read(runId)
        assert.strictEqual(kept.at(-1)?._tag, "ToolCallFinished")
        const events = yield* resume(runId)
        assert.strictEqual(outcomeOf(events).answer, "Both.")
        assert.deepStrictEqual(only(events, "ApprovalAsked"), [])
        assert.deepStrictEqual(
          (yield* World.Seen).calls.map(({ args }) => args),
          [{ n: 1 }, { n: 2 }]
        )
      }).pipe(Effect.provide(world))
    })
  )

  it.effect("is not prepared when it is to stop already", () =>
    Effect.gen(function* () {
      const runId = yield* (yield* AgentLoop).begin(task())
      const events = yield* Effect.provideService(resume(runId), StopBetweenSteps, Effect.succeed(true))
      assert.deepStrictEqual(
        events.map(({ _tag }) => _tag),
        ["RunResumed"]
      )
      assert.deepStrictEqual((yield* World.Seen).open, [])
    }).pipe(Effect.provide(wiping()))
  )

  it.effect("ends before a call that changes something when its journal is written elsewhere", () =>
    Effect.gen(function* () {
      const written: Array<AgentEvent> = []
      const journal = Layer.map(RunJournal.layerMemory, (context) => context).pipe(
        Layer.flatMap((context) =>
          Layer.effect(
            RunJournal,
            Effect.map(Effect.provide(RunJournal, context), (memory) => ({
              ...memory,
              open: (runId) =>
                Effect.map(
                  memory.open(runId),
                  (write) => (events: ReadonlyArray<AgentEvent>) =>
                    events.some(({ _tag }) => _tag === "ToolCallStarted")
                      ? Effect.fail(new RunTakenOver({ runId }))
                      : Effect.zipRight(
                          Effect.sync(() => written.push(...events)),
                          write(events)
                        )
                )
            }))
          )
        )
      )
      const world = World.layer(
        {
          turns: (index) => (index === 0 ? [call("write", {}, "a")] : "Done."),
          servers: { main: { write: World.tool(() => Effect.succeed(text("written"))) } }
        },
        journal
      )
      yield* Effect.gen(function* () {
        const runId = yield* (yield* AgentLoop).begin(task())
        const error = yield* Effect.flip(resume(runId))
        assert.strictEqual(error._tag, "RunTakenOver")
        const { calls, open } = yield* World.Seen
        assert.deepStrictEqual([calls, open], [[], []])
        assert.notInclude(
          written.map(({ _tag }) => _tag),
          "RunFailed"
        )
      }).pipe(Effect.provide(world))
    })
  )

  it.effect("can be followed from its journal, from the start or from any event", () =>
    Effect.gen(function* () {
      const loop = yield* AgentLoop
      const journal = yield* RunJournal
      const runId = yield* loop.begin(task())
      const following = yield* Effect.fork(Stream.runCollect(journal.follow(runId)))
      yield* TestClock.adjust("3 seconds")
      yield* resume(runId)
      yield* TestClock.adjust("1 second")
      const seqs = Array.from(yield* Fiber.join(following), ({ seq }) => seq)
      const kept = yield* journal.read(runId)
      assert.deepStrictEqual(
        seqs,
        kept.map(({ seq }) => seq)
      )
      const later = yield* Stream.runCollect(journal.follow(runId, seqs[2]))
      assert.strictEqual(Chunk.unsafeHead(later).seq, seqs[3])
      // one that has ended has nothing more to tell
      assert.strictEqual(Chunk.size(yield* Stream.runCollect(journal.follow(runId, kept.at(-1)?.seq))), 0)
      const error = yield* Effect.flip(Stream.runDrain(journal.follow("run_none")))
      assert.strictEqual(error._tag, "RunNotFound")
    }).pipe(
      Effect.provide(World.layer({ turns: [[call("echo", { message: "a" })], "ok"], servers: { main: { echo } } }))
    )
  )
})
