import { assert, describe, it } from "@effect/vitest"
import * as Asks from "#src/http/page/Asks.ts"
import { Effect, Fiber } from "effect"

const request = { server: "files", tool: "write_file", arguments: { path: "a" }, reason: "it can overwrite something" }

describe("calls that wait for a person at the page", () => {
  it.effect("wait for an answer to their own run, once, and say what they would change", () =>
    Effect.gen(function* () {
      const changed: Array<string> = []
      const asks = Asks.make(
        (runId) => changed.push(runId),
        () => Effect.succeed(["+new"])
      )
      const person = asks.forRun()
      person.named("run_a")
      const waiting = yield* Effect.fork(person.approver(request))
      yield* Effect.yieldNow()
      const [ask] = asks.of("run_a")
      assert.deepInclude(ask, { ...request, change: ["+new"] })
      assert.isEmpty(asks.of("run_b"))
      assert.isFalse(yield* asks.answer("run_b", String(ask?.id), true))
      assert.isTrue(yield* asks.answer("run_a", String(ask?.id), true))
      assert.isTrue(yield* Fiber.join(waiting))
      assert.isFalse(yield* asks.answer("run_a", String(ask?.id), false))
      assert.isEmpty(asks.of("run_a"))
      assert.deepStrictEqual(changed, ["run_a", "run_a"])
    })
  )

  it.effect("are forgotten when their run is stopped", () =>
    Effect.gen(function* () {
      const asks = Asks.make(
        () => undefined,
        () => Effect.succeed([])
      )
      const person = asks.forRun()
      person.named("run_a")
      const waiting = yield* Effect.fork(person.approver(request))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(waiting)
      assert.isEmpty(asks.of("run_a"))
    })
  )
})
