import { assert, describe, it } from "@effect/vitest"
import { AgentLoop, type AgentTask } from "@lms-bridge/core/AgentLoop"
import { StreamCut } from "@lms-bridge/core/LmStudioApi"
import { AgentLoopCalls, layerTest, oneCall } from "#src/AgentLoopTest.ts"
import { Chunk, Effect, Fiber, Stream, TestClock } from "effect"

const task: AgentTask = {
  task: "Count the files.",
  servers: { _tag: "None" },
  budgets: { rounds: 5, wallMillis: 60_000, toolCalls: 5 }
}

describe("AgentLoopTest", () => {
  it.effect("plays its script after RunStarted, with consecutive numbers", () =>
    Effect.gen(function* () {
      const loop = yield* AgentLoop
      const events = Chunk.toReadonlyArray(yield* Stream.runCollect(loop.run(task)))
      assert.deepStrictEqual(
        events.map((event) => event.seq),
        events.map((_, index) => index)
      )
      assert.deepInclude(events[0], { _tag: "RunStarted", task })
      assert.strictEqual(events.at(-1)?._tag, "RunFinished")
      assert.deepStrictEqual(yield* (yield* AgentLoopCalls).tasks, [task])
      assert.strictEqual(yield* (yield* AgentLoopCalls).interrupted, 0)
    }).pipe(
      Effect.provide(
        layerTest(
          oneCall({ server: "files", tool: "list", arguments: { path: "/a" }, result: "3 files", answer: "Three." })
        )
      )
    )
  )

  it.effect("waits by the clock and counts stopped runs", () =>
    Effect.gen(function* () {
      const loop = yield* AgentLoop
      const seen: Array<string> = []
      const fiber = yield* loop.run(task).pipe(
        Stream.runForEach((event) => Effect.sync(() => seen.push(event._tag))),
        Effect.fork
      )
      yield* TestClock.adjust("9 seconds")
      assert.deepStrictEqual(seen, ["RunStarted"])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(seen, ["RunStarted", "Preparing"])
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(yield* (yield* AgentLoopCalls).interrupted, 1)
    }).pipe(
      Effect.provide(
        layerTest([{ _tag: "Wait", duration: "10 seconds" }, { _tag: "Preparing", what: "loading" }, { _tag: "Never" }])
      )
    )
  )

  it.effect("fails as scripted", () =>
    Effect.gen(function* () {
      const loop = yield* AgentLoop
      const error = yield* Effect.flip(Stream.runDrain(loop.run(task)))
      assert.strictEqual(error._tag, "StreamCut")
      assert.strictEqual(yield* (yield* AgentLoopCalls).interrupted, 0)
    }).pipe(Effect.provide(layerTest([{ _tag: "Fail", error: new StreamCut({ operation: "chat", delivered: 3 }) }])))
  )
})
