import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Fiber, Ref, Schedule, Stream } from "effect"
import { inVirtualTime } from "#src/VirtualTime.ts"

describe("VirtualTime", () => {
  it.effect("passes at once, in order, and to the millisecond", () =>
    Effect.gen(function* () {
      const log = yield* Ref.make<ReadonlyArray<readonly [string, number]>>([])
      const note = (what: string) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => Ref.update(log, (all) => [...all, [what, now] as const]))
      yield* Effect.all(
        [
          Effect.zipRight(Effect.sleep("2 hours"), note("late")),
          Effect.zipRight(Effect.sleep("1 second"), note("early")),
          Effect.repeat(note("tick"), Schedule.intersect(Schedule.spaced("30 minutes"), Schedule.recurs(2)))
        ],
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(yield* Ref.get(log), [
        ["tick", 0],
        ["early", 1000],
        ["tick", 1_800_000],
        ["tick", 3_600_000],
        ["late", 7_200_000]
      ])
    }).pipe(inVirtualTime)
  )

  it.effect("wakes those of the same moment in the order in which they lay down, and at whole milliseconds", () =>
    Effect.gen(function* () {
      const woken = yield* Ref.make<ReadonlyArray<number>>([])
      yield* Effect.forEach(
        [1, 2, 3],
        (n) =>
          Effect.zipRight(
            Effect.sleep("1 second"),
            Ref.update(woken, (all) => [...all, n])
          ),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(yield* Ref.get(woken), [1, 2, 3])
      yield* Effect.sleep(Duration.micros(500n))
      assert.strictEqual(yield* Clock.currentTimeMillis, 1001)
    }).pipe(inVirtualTime)
  )

  it.effect("does not pass while there is pending work", () =>
    Effect.gen(function* () {
      const work = Effect.promise(async () => {
        for (let i = 0; i < 50; i++) await Promise.resolve()
        return "done"
      })
      assert.strictEqual(
        yield* Effect.timeoutTo(work, { duration: "1 millis", onSuccess: (a) => a, onTimeout: () => "late" }),
        "done"
      )
      const many = Stream.range(1, 20_000).pipe(
        Stream.mapEffect((n) => Effect.as(Effect.yieldNow(), n)),
        Stream.runSum
      )
      assert.isTrue(
        yield* Effect.timeoutTo(many, { duration: "1 millis", onSuccess: () => true, onTimeout: () => false })
      )
    }).pipe(inVirtualTime)
  )

  it.effect("takes the same time for the same seed, and another for another", () =>
    Effect.gen(function* () {
      const jittered = Effect.zipRight(
        Effect.retry(
          Effect.fail("down"),
          Schedule.intersect(Schedule.jittered(Schedule.spaced("1 second")), Schedule.recurs(3))
        ).pipe(Effect.ignore),
        Clock.currentTimeMillis
      )
      const first = yield* inVirtualTime(jittered)
      assert.strictEqual(yield* inVirtualTime(jittered), first)
      assert.strictEqual(yield* inVirtualTime(jittered, { seed: 1 }), first)
      assert.notStrictEqual(yield* inVirtualTime(jittered, { seed: 2 }), first)
    })
  )

  it.effect("drops a sleeper that was interrupted", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(Effect.sleep("1 hour"))
      yield* Effect.sleep("1 second")
      yield* Fiber.interrupt(fiber)
      yield* Effect.sleep("1 second")
      assert.strictEqual(yield* Clock.currentTimeMillis, 2000)
    }).pipe(inVirtualTime)
  )
})
