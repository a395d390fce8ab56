import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Ref, Scope } from "effect"
import * as SingleFlight from "#src/models/loading/SingleFlight.ts"

const make = SingleFlight.make<string, string, string>()

/** Work that the test can complete, with counters. */
const airfield = Effect.gen(function* () {
  const flights = yield* make
  const landed = yield* Deferred.make<string, string>()
  const started = yield* Ref.make(0)
  const givenUp = yield* Ref.make(0)
  const heard = yield* Ref.make<ReadonlyArray<string>>([])
  const run = (who: string, options: { readonly mustFinish?: boolean; readonly key?: string } = {}) =>
    flights.run({
      key: options.key ?? "m",
      purpose: who,
      onProgress: (progress) => Ref.update(heard, (all) => [...all, `${who} ${progress}`]),
      onJoin: Ref.update(heard, (all) => [...all, `${who} joins`]),
      work: (flight) =>
        Ref.update(started, (n) => n + 1).pipe(
          Effect.zipRight(options.mustFinish === true ? flight.mustFinish : Effect.void),
          Effect.zipRight(Deferred.await(landed)),
          Effect.tap(() => flight.report("lands")),
          Effect.onInterrupt(() => Ref.update(givenUp, (n) => n + 1))
        )
    })
  return { flights, run, landed, started, givenUp, heard }
})

const settle = Effect.repeatN(Effect.yieldNow(), 20)

describe("SingleFlight", () => {
  it.scoped("shares one piece of work among all callers", () =>
    Effect.gen(function* () {
      const { heard, landed, run, started } = yield* airfield
      const fibers = yield* Effect.forEach(["a", "b", "c"], (who) => Effect.fork(run(who)))
      yield* settle
      yield* Deferred.succeed(landed, "done")
      assert.deepStrictEqual(yield* Effect.forEach(fibers, Fiber.join), [
        { _tag: "mine", exit: Exit.succeed("done") },
        { _tag: "shared", exit: Exit.succeed("done"), purpose: "a" },
        { _tag: "shared", exit: Exit.succeed("done"), purpose: "a" }
      ])
      assert.strictEqual(yield* Ref.get(started), 1)
      assert.deepStrictEqual(yield* Ref.get(heard), ["b joins", "c joins", "a lands", "b lands", "c lands"])
    })
  )

  it.scoped("shares a failure, and starts again afterwards", () =>
    Effect.gen(function* () {
      const { landed, run, started } = yield* airfield
      const fibers = yield* Effect.forEach(["a", "b"], (who) => Effect.fork(run(who)))
      yield* settle
      yield* Deferred.fail(landed, "no")
      const [first, second] = yield* Effect.forEach(fibers, Fiber.join)
      assert.deepStrictEqual(first, { _tag: "mine", exit: Exit.fail("no") })
      assert.deepStrictEqual(second, { _tag: "shared", exit: Exit.fail("no"), purpose: "a" })
      yield* run("c")
      assert.strictEqual(yield* Ref.get(started), 2)
    })
  )

  it.scoped("continues for the others when the first caller is interrupted", () =>
    Effect.gen(function* () {
      const { givenUp, landed, run, started } = yield* airfield
      const first = yield* Effect.fork(run("a"))
      yield* settle
      const second = yield* Effect.fork(run("b"))
      yield* settle
      assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(first)))
      yield* settle
      yield* Deferred.succeed(landed, "done")
      assert.deepStrictEqual(yield* Fiber.join(second), { _tag: "shared", exit: Exit.succeed("done"), purpose: "a" })
      assert.strictEqual(yield* Ref.get(started), 1)
      assert.strictEqual(yield* Ref.get(givenUp), 0)
    })
  )

  it.scoped("interrupts the work when no caller waits for it any more", () =>
    Effect.gen(function* () {
      const { givenUp, run, started } = yield* airfield
      const fibers = yield* Effect.forEach(["a", "b"], (who) => Effect.fork(run(who)))
      yield* settle
      yield* Fiber.interruptAll(fibers)
      yield* settle
      assert.strictEqual(yield* Ref.get(givenUp), 1)
      yield* Effect.fork(run("c"))
      yield* settle
      assert.strictEqual(yield* Ref.get(started), 2)
    })
  )

  it.scoped("finishes work that must finish, even when no caller waits, and lets others join it meanwhile", () =>
    Effect.gen(function* () {
      const { givenUp, landed, run, started } = yield* airfield
      const first = yield* Effect.fork(run("a", { mustFinish: true }))
      yield* settle
      yield* Fiber.interrupt(first)
      yield* settle
      const second = yield* Effect.fork(run("b"))
      yield* settle
      yield* Deferred.succeed(landed, "done")
      assert.deepStrictEqual(yield* Fiber.join(second), { _tag: "shared", exit: Exit.succeed("done"), purpose: "a" })
      assert.deepStrictEqual([yield* Ref.get(started), yield* Ref.get(givenUp)], [1, 0])
    })
  )

  it.scoped("works on different keys concurrently", () =>
    Effect.gen(function* () {
      const { run, started } = yield* airfield
      yield* Effect.forEach(["x", "y"], (key) => Effect.fork(run("a", { key })))
      yield* settle
      assert.strictEqual(yield* Ref.get(started), 2)
    })
  )

  it.effect("ends the work with the scope", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { givenUp, run } = yield* Scope.extend(airfield, scope)
      const fiber = yield* Effect.fork(run("a", { mustFinish: true }))
      yield* settle
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* Ref.get(givenUp), 1)
      const outcome = yield* Fiber.join(fiber)
      assert.isTrue(outcome._tag === "mine" && Exit.isInterrupted(outcome.exit))
    })
  )
})
