import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Fiber, Option, Ref, TestClock } from "effect"
import * as AdmissionQueue from "#src/models/leases/AdmissionQueue.ts"

const policy = new AdmissionQueue.AdmissionPolicy({
  longestOvertaking: Duration.seconds(60),
  longestWait: Duration.minutes(10)
})

const table = (
  holders: Record<string, number>,
  ...waiting: ReadonlyArray<readonly [model: string, since: number]>
): AdmissionQueue.Table => ({
  holders: new Map(Object.entries(holders)),
  trying: 0,
  waiting: waiting.map(([model, since], id) => ({ id, model, since }))
})

describe("AdmissionQueue", () => {
  describe("which requests may proceed", () => {
    const may = (state: AdmissionQueue.Table, model: string, now = 0, inMemory = false) =>
      AdmissionQueue.mayGoAhead(state, { model, inMemory }, now, policy)

    it("all, when none waits", () => {
      assert.isTrue(may(table({ A: 1 }), "B"))
      assert.isTrue(may(table({}), "B"))
    })

    it("those for the model in use, while one for another model waits", () => {
      assert.isTrue(may(table({ A: 1 }, ["B", 0]), "A", 59_999))
      assert.isTrue(may(table({}, ["B", 0]), "C", 0, true), "a model in memory is in nobody's way")
      assert.isFalse(may(table({ A: 1 }, ["B", 0]), "C"))
      assert.isFalse(may(table({ A: 1 }, ["B", 0]), "B"), "who wants the same stands behind")
    })

    it("none, once one for another model has waited too long", () => {
      assert.isFalse(may(table({ A: 1 }, ["B", 0]), "A", 60_000))
      assert.isTrue(may(table({ A: 1, B: 1 }, ["B", 0]), "B", 60_000))
    })
  })

  describe("which requests are next", () => {
    it("the one that has waited longest, with all that wait for the same model", () => {
      const next = AdmissionQueue.next(table({}, ["B", 10], ["A", 20], ["B", 30], ["A", 5], ["B", 40]))
      assert.deepStrictEqual(
        next.map(({ id }) => id),
        [1, 3]
      )
    })

    it("none, when none waits", () => {
      assert.deepStrictEqual(AdmissionQueue.next(table({ A: 1 })), [])
    })
  })

  describe("the queue", () => {
    interface Room {
      readonly model: string
      readonly holders: number
      readonly swaps: ReadonlyArray<string>
    }

    /** One request, which works for a second once it has its lease. The memory holds one model at a time. */
    const request = Effect.fnUntraced(function* (queue: AdmissionQueue.Queue, room: Ref.Ref<Room>, model: string) {
      const take = Ref.modify(room, (now): readonly [boolean, Room] =>
        now.holders > 0 && now.model !== model
          ? [false, now]
          : [true, { model, holders: now.holders + 1, swaps: now.model === model ? now.swaps : [...now.swaps, model] }]
      ).pipe(Effect.tap((taken) => (taken ? queue.leaseBegan(model) : Effect.void)))
      const inTurn = Effect.map(
        queue.attemptInTurn(model, 0)(take),
        Option.getOrElse(() => false)
      )
      const inMemory = Effect.map(Ref.get(room), (now) => ({ model, inMemory: now.model === model }))
      let done = (yield* queue.mayTry(inMemory)) ? yield* queue.attempt(take) : yield* inTurn
      while (!done) done = yield* inTurn
      yield* Effect.sleep("1 second")
      yield* Ref.update(room, (now) => ({ ...now, holders: now.holders - 1 }))
      yield* queue.leaseEnded(model)
    })

    it.effect("turns A B A B A B into A A A B B B", () =>
      Effect.gen(function* () {
        const queue = yield* AdmissionQueue.make
        const room = yield* Ref.make<Room>({ model: "", holders: 0, swaps: [] })
        const fibers = yield* Effect.forEach(["A", "B", "A", "B", "A", "B"], (model) =>
          Effect.fork(request(queue, room, model))
        )
        yield* TestClock.adjust("10 seconds")
        yield* Fiber.joinAll(fibers)
        assert.deepStrictEqual((yield* Ref.get(room)).swaps, ["A", "B"])
        assert.isFalse(yield* queue.somebodyActive)
      })
    )

    it.effect("lets no request overtake for ever", () =>
      Effect.gen(function* () {
        const queue = yield* AdmissionQueue.make
        yield* queue.leaseBegan("A")
        const turn = yield* Effect.fork(queue.attemptInTurn("B", 0)(Effect.succeed("B")))
        yield* Effect.yieldNow()
        const a = queue.mayTry(Effect.succeed({ model: "A", inMemory: true }))
        assert.isTrue(yield* a)
        yield* TestClock.adjust("60 seconds")
        assert.isFalse(yield* a)
        yield* queue.leaseEnded("A")
        assert.deepStrictEqual(yield* Fiber.join(turn), Option.some("B"))
        assert.isTrue(yield* a)
      })
    )

    it.effect("forgets requests that gave up waiting", () =>
      Effect.gen(function* () {
        const queue = yield* AdmissionQueue.make
        yield* queue.leaseBegan("A")
        const turn = yield* Effect.fork(queue.attemptInTurn("B", 0)(Effect.void))
        yield* Effect.yieldNow()
        yield* Fiber.interrupt(turn)
        assert.isTrue(yield* queue.mayTry(Effect.dieMessage("nobody waits, so nothing is asked")))
        yield* queue.leaseEnded("A")
        assert.isFalse(yield* queue.somebodyActive)
      })
    )

    it.effect("gives up after the longest wait", () =>
      Effect.gen(function* () {
        const queue = yield* AdmissionQueue.make
        yield* queue.leaseBegan("A")
        const turn = yield* Effect.fork(queue.attemptInTurn("B", 0)(Effect.succeed("B")))
        yield* TestClock.adjust("10 minutes")
        assert.isTrue(Option.isNone(yield* Fiber.join(turn)))
      })
    )

    it.effect("lets the next try when an attempt fails or is interrupted", () =>
      Effect.gen(function* () {
        const queue = yield* AdmissionQueue.make
        const going = yield* Deferred.make<void>()
        yield* queue.leaseBegan("A")
        const first = yield* Effect.fork(
          queue.attemptInTurn("B", 0)(Effect.zipRight(Deferred.await(going), Effect.fail("no")))
        )
        const second = yield* Effect.fork(queue.attemptInTurn("C", 1)(Effect.never))
        const third = yield* Effect.fork(queue.attemptInTurn("D", 2)(Effect.succeed("D")))
        yield* Effect.yieldNow()
        yield* queue.leaseEnded("A")
        yield* Deferred.succeed(going, undefined)
        assert.strictEqual(yield* Effect.flip(Fiber.join(first)), "no")
        yield* Effect.yieldNow()
        yield* Fiber.interrupt(second)
        assert.deepStrictEqual(yield* Fiber.join(third), Option.some("D"))
      })
    )
  })
})
