import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Option } from "effect"
import * as Leases from "#src/models/leases/Leases.ts"

const instance = { id: "m", model: "m" }
const settle = Effect.repeatN(Effect.yieldNow(), 20)

describe("Leases", () => {
  it.effect("counts holds", () =>
    Effect.gen(function* () {
      const leases = yield* Leases.make
      assert.isTrue(yield* leases.hold("m"))
      assert.isTrue(yield* leases.hold("m"))
      assert.deepStrictEqual(yield* leases.held, new Map([["m", 2]]))
      assert.strictEqual(yield* leases.release("m"), 1)
      assert.strictEqual(yield* leases.release("m"), 0)
      assert.deepStrictEqual(yield* leases.held, new Map())
    })
  )

  it.effect("does not let a held instance be claimed, unless forced", () =>
    Effect.gen(function* () {
      const leases = yield* Leases.make
      yield* leases.hold("m")
      assert.isTrue(Option.isNone(yield* leases.claim(instance, {})(Effect.succeed(1))))
      assert.deepStrictEqual(yield* leases.claim(instance, { force: true })(Effect.succeed(1)), Option.some(1))
      assert.deepStrictEqual(yield* leases.claim({ id: "m:2", model: "m" }, {})(Effect.succeed(1)), Option.some(1))
    })
  )

  it.effect("does not let an instance be claimed when a caller is about to use its model", () =>
    Effect.gen(function* () {
      const leases = yield* Leases.make
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* leases.intend("m")
          assert.isTrue(Option.isNone(yield* leases.claim(instance, {})(Effect.void)))
          assert.isTrue(Option.isSome(yield* leases.claim(instance, { despiteIntents: true })(Effect.void)))
        })
      )
      assert.isTrue(Option.isSome(yield* leases.claim(instance, {})(Effect.void)))
    })
  )

  it.effect("does not let an instance be held, or claimed twice, while it is being unloaded", () =>
    Effect.gen(function* () {
      const leases = yield* Leases.make
      const unloaded = yield* Deferred.make<void>()
      const claim = yield* Effect.fork(leases.claim(instance, {})(Deferred.await(unloaded)))
      yield* settle
      assert.isFalse(yield* leases.hold("m"))
      assert.isTrue(Option.isNone(yield* leases.claim(instance, {})(Effect.void)))
      const intending = yield* Effect.fork(Effect.scoped(leases.intend("m")))
      yield* settle
      assert.isTrue(Option.isNone(yield* Fiber.poll(intending)), "whoever is about to use it waits")
      yield* Deferred.succeed(unloaded, undefined)
      yield* Fiber.join(claim)
      assert.isTrue(yield* Fiber.join(intending), "and learns that what he saw is out of date")
      assert.isTrue(yield* leases.hold("m"))
    })
  )

  it.effect("leaves nothing over when a wait or a claim is interrupted or fails", () =>
    Effect.gen(function* () {
      const leases = yield* Leases.make
      const claim = yield* Effect.fork(leases.claim(instance, {})(Effect.never))
      yield* settle
      const intending = yield* Effect.fork(Effect.scoped(leases.intend("m")))
      yield* settle
      assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(intending)))
      yield* Fiber.interrupt(claim)
      yield* Effect.exit(leases.claim(instance, {})(Effect.fail("no")))
      assert.isTrue(Option.isSome(yield* leases.claim(instance, {})(Effect.void)))
    })
  )
})
