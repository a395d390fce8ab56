/** The workflow itself, over the engine in memory: who has a run next. */
import { assert, describe, it } from "@effect/vitest"
import * as PersistedQueue from "@effect/experimental/PersistedQueue"
import * as DurableDeferred from "@effect/workflow/DurableDeferred"
import * as WorkflowEngine from "@effect/workflow/WorkflowEngine"
import { Effect, Exit, Fiber, Layer, Ref } from "effect"
import * as AgentRun from "#src/AgentRun.ts"

const handed = {
  runId: "run_a",
  from: 0,
  caller: "ann",
  model: null,
  priority: 0,
  host: null,
  how: null
}

const engine = AgentRun.layer.pipe(
  Layer.provideMerge(PersistedQueue.layer.pipe(Layer.provide(PersistedQueue.layerStoreMemory))),
  Layer.provideMerge(WorkflowEngine.layerMemory)
)

/** A host that ends each part as it is told. */
const host = Effect.fnUntraced(function* (ends: ReadonlyArray<AgentRun.End>) {
  const seen = yield* Ref.make<ReadonlyArray<AgentRun.Segment>>([])
  const queue = yield* PersistedQueue.make({ name: AgentRun.queueName, schema: AgentRun.Item })
  yield* queue
    .take(({ payload, token }) =>
      Effect.gen(function* () {
        yield* Ref.update(seen, (all) => [...all, payload])
        // the engine in memory wakes a workflow only once it sleeps
        yield* Effect.sleep("50 millis")
        const end = ends[payload.part] ?? { _tag: "Ended", status: "done" }
        yield* DurableDeferred.done(AgentRun.Segments.deferred, { token, exit: Exit.succeed(end) })
      })
    )
    .pipe(Effect.forever, Effect.forkScoped)
  return seen
})

const executionId = AgentRun.AgentRun.executionId(handed)

describe("AgentRun", () => {
  it.scopedLive("ends with the end of its only part", () =>
    Effect.gen(function* () {
      const seen = yield* host([{ _tag: "Ended", status: "budget" }])
      const result = yield* AgentRun.AgentRun.execute(handed)
      assert.deepStrictEqual(result, { status: "budget", parts: 1 })
      assert.strictEqual((yield* Ref.get(seen)).length, 1)
    }).pipe(Effect.provide(engine))
  )

  it.scopedLive("holds no slot while a person is asked, and goes on with the answer", () =>
    Effect.gen(function* () {
      const seen = yield* host([{ _tag: "NeedsApproval", asked: 7 }])
      const running = yield* Effect.fork(AgentRun.AgentRun.execute(handed))
      yield* Effect.sleep("300 millis")
      assert.strictEqual((yield* Ref.get(seen)).length, 1)
      const approval = AgentRun.Approval(7)
      const token = DurableDeferred.tokenFromExecutionId(approval, {
        workflow: AgentRun.AgentRun,
        executionId: yield* executionId
      })
      yield* DurableDeferred.done(approval, { token, exit: Exit.void })
      assert.deepStrictEqual(yield* Fiber.join(running), { status: "done", parts: 2 })
    }).pipe(Effect.provide(engine))
  )

  it.scopedLive("goes to another host when one cannot carry it out, and fails after the fifth", () =>
    Effect.gen(function* () {
      const released = Array.from({ length: 5 }, (_, index): AgentRun.End => ({
        _tag: "Released",
        host: `host${index}`,
        why: "LM Studio is off"
      }))
      const seen = yield* host(released)
      const running = yield* Effect.fork(AgentRun.AgentRun.execute(handed))
      assert.deepStrictEqual(yield* Fiber.join(running), { status: "failed", parts: 5 })
      assert.deepStrictEqual(
        (yield* Ref.get(seen)).map(({ avoid }) => avoid),
        [null, "host0", "host1", "host2", "host3"]
      )
    }).pipe(Effect.provide(engine))
  )

  it.effect("has the same identity for the same run, and another one when it is resumed", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* executionId, yield* AgentRun.AgentRun.executionId({ ...handed, caller: "bob" }))
      assert.notStrictEqual(yield* executionId, yield* AgentRun.AgentRun.executionId({ ...handed, from: 12 }))
    })
  )
})
