import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Option, TestClock } from "effect"
import { CurrentCaller, CurrentRunId, RunId } from "#src/observability/Correlation.ts"
import * as Prometheus from "#src/observability/Prometheus.ts"
import * as FairTurns from "#src/resilience/FairTurns.ts"

const limits = (atOnce: number, mostWaiting = 100) => ({
  atOnce,
  mostWaiting,
  what: 'the model "a"',
  setting: "LMS_BRIDGE_QUEUE"
})

const calls = Effect.fnUntraced(function* (
  inTurn: FairTurns.InTurn,
  caller: string,
  count: number,
  log: Array<string>
) {
  const fiber = yield* Effect.fork(
    Effect.forEach(
      Array.from({ length: count }, (_, index) => `${caller}${index + 1}`),
      (name) =>
        inTurn(
          Effect.zipRight(
            Effect.sync(() => log.push(name)),
            Effect.sleep("1 second")
          )
        ),
      { concurrency: count }
    ).pipe(Effect.provideService(CurrentCaller, caller))
  )
  // until all of them have requested their turn
  yield* Effect.repeatN(Effect.yieldNow(), 100)
  return fiber
})

describe("FairTurns", () => {
  it.effect("a caller with one call does not wait for another's twenty calls", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const inTurn = yield* FairTurns.make(limits(2))
      const many = yield* calls(inTurn, "a", 20, log)
      yield* TestClock.adjust("500 millis")
      const one = yield* calls(inTurn, "b", 1, log)
      yield* TestClock.adjust("2 seconds")
      assert.isTrue((yield* Fiber.poll(one))._tag === "Some", log.join(" "))
      yield* TestClock.adjust("20 seconds")
      yield* Fiber.join(many)
      assert.lengthOf(log, 21)
    })
  )

  it.effect("two callers with many calls each take turns", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const inTurn = yield* FairTurns.make(limits(1))
      yield* calls(inTurn, "a", 6, log)
      yield* calls(inTurn, "b", 6, log)
      yield* TestClock.adjust("7 seconds")
      const first = log.slice(0, 6).map((name) => name.charAt(0))
      assert.isAtLeast(first.filter((caller) => caller === "b").length, 2, log.join(" "))
      assert.isAtLeast(first.filter((caller) => caller === "a").length, 2, log.join(" "))
    })
  )

  it.effect("a call that fails, or is interrupted while it waits, makes room for the next", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const inTurn = yield* FairTurns.make(limits(1))
      const failing = yield* Effect.fork(Effect.exit(inTurn(Effect.delay(Effect.fail("no"), "1 second"))))
      yield* Effect.yieldNow()
      const waiting = yield* calls(inTurn, "a", 3, log)
      yield* Fiber.interrupt(waiting)
      const last = yield* calls(inTurn, "b", 1, log)
      yield* TestClock.adjust("3 seconds")
      yield* Fiber.join(failing)
      yield* Fiber.join(last)
      assert.deepStrictEqual(log, ["b1"])
    })
  )

  it.effect("what a person waits for goes before what runs in the background", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const inTurn = yield* FairTurns.make(limits(1))
      yield* calls(inTurn, "a", 3, log).pipe(Effect.provideService(FairTurns.CurrentPriority, "background"))
      yield* calls(inTurn, "b", 2, log)
      yield* TestClock.adjust("6 seconds")
      assert.deepStrictEqual(log, ["a1", "b1", "b2", "a2", "a3"])
    })
  )

  it.effect("a full queue refuses at once, and says when to come back and which setting allows more", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const inTurn = yield* FairTurns.make(limits(1, 2))
      yield* calls(inTurn, "a", 3, log)
      const refused = yield* Effect.flip(inTurn(Effect.void))
      assert.deepInclude(refused, { _tag: "Overloaded", retryable: true, limit: 2 })
      assert.strictEqual(
        refused.message,
        'The model "a" already has 2 requests that wait for it (LMS_BRIDGE_QUEUE). Nothing was done; try again in 5s.'
      )
      yield* TestClock.adjust("2 seconds")
      const [late] = yield* Effect.all([inTurn(Effect.succeed("served")), TestClock.adjust("5 seconds")], {
        concurrency: 2
      })
      assert.strictEqual(late, "served")
    })
  )

  it.effect("a turn that comes as its caller is interrupted goes to the next", () =>
    Effect.gen(function* () {
      const inTurn = yield* FairTurns.make(limits(1))
      for (let time = 0; time < 50; time++) {
        const first = yield* Effect.fork(inTurn(Effect.sleep("1 second")))
        yield* Effect.yieldNow()
        const second = yield* Effect.fork(inTurn(Effect.never))
        yield* Effect.yieldNow()
        yield* Effect.all([Fiber.interrupt(first), Fiber.interrupt(second)], { concurrency: 2 })
      }
      assert.strictEqual(yield* inTurn(Effect.succeed("free")), "free")
    })
  )

  it.effect("resources do not wait for each other", () =>
    Effect.gen(function* () {
      const log: Array<string> = []
      const { inTurn, uses } = yield* FairTurns.makeKeyed(limits(1), (name) => name)
      yield* calls(inTurn("x"), "x", 2, log)
      yield* calls(inTurn("y"), "y", 2, log).pipe(
        Effect.provideService(CurrentRunId, Option.some(RunId.make("run_y"))),
        Effect.provideService(FairTurns.CurrentPriority, "background")
      )
      const { active, waiting } = yield* uses("y")
      const own = { runId: "run_y", priority: "background" as const, since: 0 }
      assert.deepInclude(active[0], own)
      assert.deepInclude(waiting[0], own)
      assert.deepStrictEqual([active.length, waiting.length, (yield* uses("z")).active.length], [1, 1, 0])
      yield* TestClock.adjust("250 millis")
      yield* FairTurns.measure
      assert.include(yield* Prometheus.render, 'lms_queue_depth{model="y"} 1\n')
      assert.include(yield* Prometheus.render, 'lms_queue_oldest_seconds{model="y"} 0.25\n')
      yield* TestClock.adjust("1 second")
      yield* TestClock.adjust("500 millis")
      assert.sameMembers(log, ["x1", "y1", "x2", "y2"])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* uses("y"), { active: [], waiting: [] })
      assert.include(yield* Prometheus.render, 'lms_queue_depth{model="y"} 0\n')
    })
  )
})
