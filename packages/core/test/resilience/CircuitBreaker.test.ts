import { assert, describe, it } from "@effect/vitest"
import { Chunk, Deferred, Duration, Effect, FastCheck, Fiber, Stream, SubscriptionRef, TestClock } from "effect"
import * as CircuitBreaker from "#src/resilience/CircuitBreaker.ts"
import { State } from "#src/resilience/CircuitBreaker.ts"

const policy = new CircuitBreaker.BreakerPolicy({ failures: 3, openFor: Duration.seconds(60) })

const broken = { _tag: "Broken", retryable: true } as const

const refused = { _tag: "Refused", retryable: false } as const

const make = CircuitBreaker.make({ name: "test", policy, counts: (error) => error === broken })

const fail = (breaker: CircuitBreaker.CircuitBreaker, error: typeof broken | typeof refused = broken) =>
  Effect.exit(breaker.protect(Effect.fail(error)))

const open = Effect.fnUntraced(function* () {
  const breaker = yield* make
  yield* Effect.replicateEffect(fail(breaker), 3)
  return breaker
})

const stateOf = (breaker: CircuitBreaker.CircuitBreaker) => SubscriptionRef.get(breaker.state)

describe("CircuitBreaker", () => {
  it.effect("opens after enough consecutive failures, and then refuses calls", () =>
    Effect.gen(function* () {
      const breaker = yield* open()
      yield* TestClock.adjust("20 seconds")
      const error = yield* Effect.flip(breaker.protect(Effect.die("must not be called")))
      assert.strictEqual(error._tag, "CircuitOpen")
      assert.strictEqual(Duration.toSeconds(error.retryAfter), 40)
      assert.isFalse(error.retryable)
      assert.include(error.message, "tried again in 40s")
    })
  )

  it.effect("counts only consecutive failures", () =>
    Effect.gen(function* () {
      const breaker = yield* make
      yield* fail(breaker)
      yield* fail(breaker)
      yield* breaker.protect(Effect.void)
      yield* fail(breaker)
      yield* fail(breaker)
      assert.strictEqual((yield* stateOf(breaker))._tag, "Closed")
    })
  )

  it.effect("counts a refusal as an answer", () =>
    Effect.gen(function* () {
      const breaker = yield* make
      yield* fail(breaker)
      yield* fail(breaker)
      yield* fail(breaker, refused)
      yield* fail(breaker)
      assert.deepStrictEqual(yield* stateOf(breaker), State.Closed({ failures: 1, since: 0 }))
    })
  )

  it.effect("counts neither interrupted calls nor defects", () =>
    Effect.gen(function* () {
      const breaker = yield* make
      for (let index = 0; index < 5; index++) {
        const fiber = yield* Effect.fork(breaker.protect(Effect.never))
        yield* Effect.yieldNow()
        yield* Fiber.interrupt(fiber)
        yield* Effect.exit(breaker.protect(Effect.die("bug")))
      }
      assert.deepStrictEqual(yield* stateOf(breaker), CircuitBreaker.initial)
    })
  )

  it.effect("admits one probe when the open time is over, and closes when it succeeds", () =>
    Effect.gen(function* () {
      const breaker = yield* open()
      yield* TestClock.adjust("60 seconds")
      const gate = yield* Deferred.make<void>()
      const probe = yield* Effect.fork(breaker.protect(Deferred.await(gate)))
      yield* Effect.yieldNow()
      assert.strictEqual((yield* stateOf(breaker))._tag, "HalfOpen")
      const second = yield* Effect.flip(breaker.protect(Effect.die("must not be called")))
      assert.strictEqual(second._tag, "CircuitOpen")
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(probe)
      assert.strictEqual(yield* breaker.protect(Effect.succeed(1)), 1)
    })
  )

  it.effect("closes as soon as a probe is answered, and hears nothing of what comes later", () =>
    Effect.gen(function* () {
      const breaker = yield* open()
      yield* TestClock.adjust("60 seconds")
      const gate = yield* Deferred.make<void, string>()
      const probe = yield* Effect.fork(
        breaker.protectUntil((answered) => Effect.zipRight(answered, Deferred.await(gate)))
      )
      yield* Effect.yieldNow()
      assert.strictEqual((yield* stateOf(breaker))._tag, "Closed")
      for (let index = 0; index < 5; index++) yield* fail(breaker)
      assert.strictEqual((yield* stateOf(breaker))._tag, "Open")
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(probe)
      assert.strictEqual((yield* stateOf(breaker))._tag, "Open")
    })
  )

  it.effect("reopens when the probe fails", () =>
    Effect.gen(function* () {
      const breaker = yield* open()
      yield* TestClock.adjust("60 seconds")
      yield* fail(breaker)
      assert.deepStrictEqual(yield* stateOf(breaker), State.Open({ until: 120_000 }))
    })
  )

  it.effect("lets the next caller probe at once when the probe is interrupted", () =>
    Effect.gen(function* () {
      const breaker = yield* open()
      yield* TestClock.adjust("60 seconds")
      const probe = yield* Effect.fork(breaker.protect(Effect.never))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(probe)
      assert.strictEqual(yield* breaker.protect(Effect.succeed("probed")), "probed")
      assert.strictEqual((yield* stateOf(breaker))._tag, "Closed")
    })
  )

  it.effect("admits another probe when the first one never ends", () =>
    Effect.gen(function* () {
      const breaker = yield* open()
      yield* TestClock.adjust("60 seconds")
      const probe = yield* Effect.fork(breaker.protect(Effect.never))
      yield* Effect.yieldNow()
      yield* TestClock.adjust("59 seconds")
      assert.strictEqual((yield* Effect.flip(breaker.protect(Effect.void)))._tag, "CircuitOpen")
      yield* TestClock.adjust("1 second")
      yield* breaker.protect(Effect.void)
      assert.strictEqual((yield* stateOf(breaker))._tag, "Closed")
      yield* Fiber.interrupt(probe)
      assert.strictEqual((yield* stateOf(breaker))._tag, "Closed")
    })
  )

  it.effect("ignores the late outcome of calls that were admitted before it opened", () =>
    Effect.gen(function* () {
      const breaker = yield* make
      const gate = yield* Deferred.make<void, typeof broken>()
      const late = yield* Effect.replicateEffect(Effect.fork(breaker.protect(Deferred.await(gate))), 4)
      const lateSuccess = yield* Deferred.make<void>()
      const good = yield* Effect.fork(breaker.protect(Deferred.await(lateSuccess)))
      yield* Effect.yieldNow()
      yield* Effect.replicateEffect(fail(breaker), 3)
      yield* Deferred.succeed(lateSuccess, undefined)
      yield* Fiber.join(good)
      assert.deepStrictEqual(yield* stateOf(breaker), State.Open({ until: 60_000 }), "a late success does not close it")
      yield* TestClock.adjust("60 seconds")
      yield* breaker.protect(Effect.void)
      yield* Deferred.fail(gate, broken)
      yield* Effect.forEach(late, Fiber.await)
      assert.deepStrictEqual(
        yield* stateOf(breaker),
        State.Closed({ failures: 0, since: 60_000 }),
        "late failures do not open it again"
      )
    })
  )

  it.effect("publishes every change of its state", () =>
    Effect.gen(function* () {
      const breaker = yield* make
      const watching = yield* Deferred.make<void>()
      const watcher = yield* breaker.state.changes.pipe(
        Stream.tap(() => Deferred.succeed(watching, undefined)),
        Stream.map(({ _tag }) => _tag),
        Stream.changes,
        Stream.take(2),
        Stream.runCollect,
        Effect.fork
      )
      yield* Deferred.await(watching)
      yield* Effect.replicateEffect(fail(breaker), 3)
      assert.deepStrictEqual(Chunk.toReadonlyArray(yield* Fiber.join(watcher)), ["Closed", "Open"])
    })
  )

  it.prop(
    "never admits while open, and never more than one probe at a time",
    [
      FastCheck.array(
        FastCheck.oneof(
          FastCheck.record({ kind: FastCheck.constant("call" as const) }),
          FastCheck.record({
            kind: FastCheck.constant("end" as const),
            pick: FastCheck.nat(),
            result: FastCheck.constantFrom("ok" as const, "failed" as const, "unknown" as const)
          }),
          FastCheck.record({
            kind: FastCheck.constant("wait" as const),
            millis: FastCheck.integer({ min: 1, max: 90_000 })
          })
        ),
        { maxLength: 60 }
      )
    ],
    ([moves]) => {
      let now = 0
      let state = CircuitBreaker.initial
      const running: Array<CircuitBreaker.Admission> = []
      for (const move of moves) {
        if (move.kind === "wait") {
          now += move.millis
        } else if (move.kind === "call") {
          const before = state
          const [decision, next] = CircuitBreaker.admit(policy, state, now)
          state = next
          if (decision.wait === 0) {
            if (before._tag !== "Closed") assert.isAtLeast(now, before.until)
            if (decision.probe) {
              const young = running.filter(({ admittedAt, probe }) => probe && now - admittedAt < 60_000)
              // an interrupted call has already left `running`
              assert.lengthOf(young, 0)
            }
            running.push(decision)
          } else {
            assert.notStrictEqual(before._tag, "Closed")
            assert.isAtMost(decision.wait, 60_000)
            assert.isAbove(decision.wait, 0)
          }
        } else if (running.length > 0) {
          const index = move.pick % running.length
          const [call] = running.splice(index, 1)
          if (call === undefined) continue
          const before = state
          state = CircuitBreaker.record(policy, state, { ...call, result: move.result }, now)
          if (state._tag === "Closed") assert.isBelow(state.failures, policy.failures)
          if (!call.probe && before._tag !== "Closed") assert.deepStrictEqual(state, before)
        }
      }
    }
  )
})
