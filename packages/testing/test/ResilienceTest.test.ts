import { assert, describe, it } from "@effect/vitest"
import { Effect, Ref } from "effect"
import { Resilience } from "@lms-bridge/core/resilience/Resilience"
import * as ResilienceTest from "@lms-bridge/testing/ResilienceTest"

const failing = (calls: Ref.Ref<number>) =>
  Effect.zipRight(
    Ref.update(calls, (count) => count + 1),
    Effect.fail({ retryable: true as const })
  )

describe("ResilienceTest", () => {
  it.effect("lets a call through once and tells its failure, however often it has failed", () =>
    Effect.gen(function* () {
      const { breakers, protect } = yield* Resilience
      const calls = yield* Ref.make(0)
      for (let attempt = 0; attempt < 20; attempt += 1) {
        assert.deepStrictEqual(yield* Effect.flip(protect("http.read")(failing(calls))), { retryable: true })
      }
      assert.strictEqual(yield* Ref.get(calls), 20)
      assert.isTrue((yield* breakers).every(({ state }) => state._tag === "Closed"))
    }).pipe(Effect.provide(ResilienceTest.layerPassThrough))
  )

  it.effect("refuses the calls of an open breaker without making them, and no others", () =>
    Effect.gen(function* () {
      const { breakers, guard, protect } = yield* Resilience
      const calls = yield* Ref.make(0)
      for (const wrap of [guard, protect]) {
        const refused = yield* Effect.flip(wrap("http.inference")(failing(calls)))
        assert.isTrue("_tag" in refused && refused._tag === "CircuitOpen")
      }
      assert.strictEqual(yield* Ref.get(calls), 0)
      assert.deepStrictEqual(yield* Effect.flip(guard("http.read")(failing(calls))), { retryable: true })
      assert.deepStrictEqual(
        (yield* breakers).filter(({ state }) => state._tag === "Open").map(({ name, state }) => ({ name, ...state })),
        [{ name: "http.inference", _tag: "Open", until: 5000 }]
      )
    }).pipe(Effect.provide(ResilienceTest.layerOpen(["http.inference"], "5 seconds")))
  )
})
