import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Random, Ref, Schema, TestClock } from "effect"
import * as RetryPolicy from "#src/resilience/RetryPolicy.ts"

const policy = (changes: Partial<RetryPolicy.RetryPolicy> = {}) =>
  new RetryPolicy.RetryPolicy({ ...RetryPolicy.standard, ...changes })

/** The start times of the attempts of an effect that always fails after `takes`. */
const attempts = Effect.fnUntraced(function* (
  policy: RetryPolicy.RetryPolicy,
  options: {
    readonly takes?: Duration.DurationInput
    readonly retryable?: boolean
    readonly random?: Random.Random
  } = {}
) {
  const start = yield* Clock.currentTimeMillis
  const began = yield* Ref.make<ReadonlyArray<number>>([])
  const attempt = Effect.flatMap(Clock.currentTimeMillis, (now) =>
    Ref.update(began, (all) => [...all, now - start])
  ).pipe(
    Effect.zipRight(Effect.sleep(options.takes ?? 0)),
    Effect.zipRight(Effect.fail({ retryable: options.retryable ?? true }))
  )
  const fiber = yield* attempt.pipe(
    Effect.retry(RetryPolicy.toSchedule(policy)),
    // the middle of the jitter: delays as the policy states them
    Effect.withRandom(options.random ?? Random.fixed([0.5])),
    Effect.flip,
    Effect.fork
  )
  yield* TestClock.adjust("1 day")
  yield* fiber.await
  return yield* Ref.get(began)
})

describe("RetryPolicy", () => {
  it.effect("by default, retries after 1, 2 and 4 seconds and then gives up", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* attempts(policy()), [0, 1000, 3000, 7000])
    })
  )

  it.effect("caps each delay", () =>
    Effect.gen(function* () {
      const capped = policy({ maxRetries: 5, maxDelay: Duration.seconds(3), budget: Duration.hours(1) })
      assert.deepStrictEqual(yield* attempts(capped), [0, 1000, 3000, 6000, 9000, 12_000])
    })
  )

  it.effect("stops at once at a permanent failure", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* attempts(policy(), { retryable: false }), [0])
    })
  )

  it.effect("makes no retry when it allows none", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* attempts(policy({ maxRetries: 0 })), [0])
    })
  )

  it.effect("keeps every delay within 20 percent of the stated one", () =>
    Effect.gen(function* () {
      for (const [value, expected] of [
        [0, 800],
        [1, 1200]
      ] as const) {
        const [, second] = yield* attempts(policy(), { random: Random.fixed([value]) })
        assert.strictEqual(second, expected)
      }
    })
  )

  it.effect("starts no retry later than the budget after the first failure", () =>
    Effect.gen(function* () {
      const tight = policy({ maxRetries: 10, budget: Duration.seconds(12) })
      // fails at 4, 9 and 15 s; the next retry would start at 19 s, which is 15 s after the first failure
      assert.deepStrictEqual(yield* attempts(tight, { takes: "4 seconds" }), [0, 5000, 11_000])
    })
  )

  it("can be read from configuration and printed", () => {
    const read = Schema.decodeUnknownSync(RetryPolicy.RetryPolicy)
    const encoded = { base: 100, factor: 2, maxDelay: 1000, maxRetries: 2, budget: 5000 }
    assert.deepStrictEqual(Schema.encodeSync(RetryPolicy.RetryPolicy)(read(encoded)), encoded)
    assert.throws(() => read({ ...encoded, factor: 0.5 }))
    assert.throws(() => read({ ...encoded, maxRetries: -1 }))
  })
})
