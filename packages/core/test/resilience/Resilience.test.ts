import { assert, describe, it } from "@effect/vitest"
import { Data, Duration, Effect, HashMap, Layer, Logger, LogLevel, Option, Random, Ref, TestClock } from "effect"
import { Settings, type Values } from "#src/configuration/Settings.ts"
import * as Prometheus from "#src/observability/Prometheus.ts"
import { Resilience } from "#src/resilience/Resilience.ts"

class Broken extends Data.TaggedError("Broken")<{ readonly attempt: number }> {
  readonly retryable = true
  readonly farSideFault = true
}

class Refused extends Data.TaggedError("Refused")<{}> {
  readonly retryable = false
}

const layer = (settings: Partial<Values> = {}) => Resilience.layer.pipe(Layer.provide(Settings.layerWith(settings)))

/** Fails the given number of times, then succeeds; counts its attempts. */
const flaky = Effect.fnUntraced(function* (failures: number) {
  const attempts = yield* Ref.make(0)
  const call = Effect.flatMap(
    Ref.updateAndGet(attempts, (n) => n + 1),
    (attempt) => (attempt > failures ? Effect.succeed(attempt) : new Broken({ attempt }))
  )
  return { attempts: Ref.get(attempts), call }
})

const eventually = Effect.fnUntraced(function* <A, E, R>(self: Effect.Effect<A, E, R>) {
  const fiber = yield* Effect.fork(Effect.withRandom(self, Random.fixed([0.5])))
  yield* TestClock.adjust("10 seconds")
  return yield* fiber
})

describe("Resilience", () => {
  it.effect("retries a transient failure up to three times", () =>
    Effect.gen(function* () {
      const { protect } = yield* Resilience
      const { attempts, call } = yield* flaky(3)
      assert.strictEqual(yield* eventually(protect("http.read")(call)), 4)
      assert.strictEqual(yield* attempts, 4)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("does not retry a call that has answered", () =>
    Effect.gen(function* () {
      const { protectUntil } = yield* Resilience
      const { attempts, call } = yield* flaky(9)
      const answering = protectUntil("http.inference")((answered) =>
        Effect.flatMap(attempts, (made) => Effect.zipRight(made === 1 ? answered : Effect.void, call))
      )
      assert.deepInclude(yield* Effect.flip(eventually(answering)), { attempt: 2 })
      assert.strictEqual(yield* attempts, 2)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("counts as retries the attempts after the first, and not that a call is made again later", () =>
    Effect.gen(function* () {
      const { protect } = yield* Resilience
      const counted = Effect.map(Prometheus.render, (text) =>
        Number(/^lms_retry_attempts_total\{operation="http.lifecycle"\} (\d+)$/m.exec(text)?.[1] ?? 0)
      )
      const before = yield* counted
      const { call } = yield* flaky(2)
      const again = protect("http.lifecycle")(call)
      yield* eventually(again)
      assert.strictEqual(yield* counted, before + 2)
      yield* Effect.replicateEffect(again, 3)
      assert.strictEqual(yield* counted, before + 2)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("makes a guarded call once", () =>
    Effect.gen(function* () {
      const { guard } = yield* Resilience
      const { attempts, call } = yield* flaky(1)
      yield* Effect.flip(guard("http.lifecycle")(call))
      assert.strictEqual(yield* attempts, 1)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("fails with the call's own error when the breaker opens between its attempts, and is open afterwards", () =>
    Effect.gen(function* () {
      const { protect } = yield* Resilience
      const { attempts, call } = yield* flaky(100)
      const error = yield* Effect.flip(eventually(protect("http.read")(call)))
      assert.deepInclude(error, { _tag: "Broken", attempt: 2 })
      assert.strictEqual(yield* attempts, 2)
      const next = yield* Effect.flip(protect("http.read")(call))
      assert.deepInclude(next, { _tag: "CircuitOpen", name: "127.0.0.1:1234 http.read" })
      assert.strictEqual(yield* attempts, 2)
    }).pipe(Effect.provide(layer({ breakerFailures: 2 })))
  )

  it.effect("does not open for errors that are the request's own fault", () =>
    Effect.gen(function* () {
      const { breakers, guard } = yield* Resilience
      yield* Effect.replicateEffect(Effect.flip(guard("http.inference")(new Refused())), 20)
      assert.isTrue((yield* breakers).every(({ state }) => state._tag === "Closed"))
    }).pipe(Effect.provide(layer()))
  )

  it.effect("has a breaker for each operation class", () =>
    Effect.gen(function* () {
      const { breakers, guard } = yield* Resilience
      yield* Effect.replicateEffect(Effect.flip(guard("http.lifecycle")(new Broken({ attempt: 1 }))), 5)
      const open = (yield* breakers).filter(({ state }) => state._tag === "Open").map(({ name }) => name)
      assert.deepStrictEqual(open, ["[::1]:9 http.lifecycle"])
      assert.strictEqual(yield* guard("http.read")(Effect.succeed("still called")), "still called")
    }).pipe(Effect.provide(layer({ host: "::1", port: 9 })))
  )

  it.effect("takes its numbers from configuration", () =>
    Effect.gen(function* () {
      const { breakerPolicy, retryPolicy } = yield* Resilience
      assert.strictEqual(retryPolicy.maxRetries, 1)
      assert.strictEqual(Duration.toMillis(retryPolicy.base), 10)
      assert.strictEqual(Duration.toMillis(retryPolicy.budget), 500)
      assert.strictEqual(breakerPolicy.failures, 9)
      assert.strictEqual(Duration.toSeconds(breakerPolicy.openFor), 7)
    }).pipe(
      Effect.provide(
        layer({
          retries: 1,
          retryBase: Duration.millis(10),
          retryBudget: Duration.millis(500),
          breakerFailures: 9,
          breakerOpenFor: Duration.seconds(7)
        })
      )
    )
  )

  it.effect("logs each failed attempt and its error at debug", () =>
    Effect.gen(function* () {
      const lines: Array<unknown> = []
      const logger = Logger.make(({ annotations, logLevel, message }) => {
        lines.push([logLevel.label, message, Option.getOrUndefined(HashMap.get(annotations, "runId"))])
      })
      const { protect } = yield* Resilience
      const { call } = yield* flaky(1)
      yield* eventually(protect("cli")(call)).pipe(
        Effect.annotateLogs({ runId: "run_1" }),
        Effect.provide(
          Layer.merge(Logger.replace(Logger.defaultLogger, logger), Logger.minimumLogLevel(LogLevel.Debug))
        )
      )
      assert.deepStrictEqual(lines, [
        [
          "DEBUG",
          [
            "attempt failed",
            { breaker: "127.0.0.1:1234 cli", attempt: 1, error: "Broken", message: "", retryable: true }
          ],
          "run_1"
        ]
      ])
    }).pipe(Effect.provide(layer()))
  )
})
