import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer, Ref, TestClock } from "effect"
import { MustBeKept } from "#src/agent/MustBeKept.ts"
import { RunJournal } from "#src/runs/RunJournal.ts"
import * as World from "../doubles.ts"

/** A journal on a disk that is full for so long, from the first call on. */
const fullFor = (millis: number) =>
  Layer.effect(
    RunJournal,
    Effect.gen(function* () {
      const inMemory = yield* RunJournal
      const started = yield* Ref.make<number | undefined>(undefined)
      return {
        ...inMemory,
        open: (runId, after) =>
          Effect.map(
            inMemory.open(runId, after),
            (write) => (events) =>
              Effect.gen(function* () {
                yield* write(events)
                const now = yield* Effect.clockWith(({ currentTimeMillis }) => currentTimeMillis)
                const began = yield* Ref.updateAndGet(started, (at) =>
                  at === undefined && events.some(({ _tag }) => _tag === "ToolCallStarted") ? now : at
                )
                return began !== undefined && now - began < millis ? "the disk is full." : undefined
              })
          )
      }
    })
  ).pipe(Layer.provide(RunJournal.layerMemory))

const ran = Effect.fnUntraced(function* (millis: number) {
  const calls = yield* Ref.make(0)
  const layer = World.layer(
    {
      turns: [[World.call("write", {})], "Done."],
      servers: {
        main: {
          write: World.tool(() =>
            Effect.as(
              Ref.update(calls, (n) => n + 1),
              World.text("written")
            )
          )
        }
      }
    },
    fullFor(millis)
  )
  const running = yield* Effect.fork(Effect.provide(World.run(World.task()), layer))
  yield* TestClock.adjust("1 minute")
  return { events: yield* Fiber.join(running), calls: yield* Ref.get(calls) }
})

describe("a call that changes something, while the journal cannot be written", () => {
  it.effect("waits, and is made once it can be", () =>
    Effect.gen(function* () {
      const { calls, events } = yield* ran(4000)
      assert.strictEqual(calls, 1)
      assert.strictEqual(World.outcomeOf(events).status, "done")
    })
  )

  it.effect("is not made in the end, and the model is told why", () =>
    Effect.gen(function* () {
      const { calls, events } = yield* ran(60_000)
      assert.strictEqual(calls, 0)
      assert.match(World.only(events, "ToolCallFinished")[0]?.told ?? "", /was not run.*the disk is full/)
      assert.strictEqual(World.outcomeOf(events).status, "done")
    })
  )
})

describe("a run that must be kept, while the journal cannot be written", () => {
  it.effect("fails before it does anything, and is not listed afterwards", () => {
    const removed: Array<string> = []
    const full = Layer.effect(
      RunJournal,
      Effect.map(RunJournal, (inMemory) => ({
        ...inMemory,
        open: () => Effect.succeed(() => Effect.succeed("the disk is full.")),
        remove: (runId) => Effect.sync(() => void removed.push(runId))
      }))
    ).pipe(Layer.provide(RunJournal.layerMemory))
    return Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.provideService(World.run(World.task()), MustBeKept, true))
      assert.deepInclude(error, { _tag: "DataFolderUnwritable", detail: "the disk is full." })
      assert.strictEqual(removed.length, 1)
    }).pipe(Effect.provide(World.layer({ turns: ["Done."], servers: {} }, full)))
  })
})
