import { assert, describe, it } from "@effect/vitest"
import { Command } from "@effect/platform"
import { Cause, Effect, Exit, Fiber, Option, TestClock } from "effect"
import * as FakeProcess from "#src/FakeProcess.ts"

const seen = Effect.flatten(FakeProcess.FakeProcesses)

describe("FakeProcess", () => {
  it.effect("plays scripts by arguments in order, repeats the last, and dies loudly for others", () =>
    Effect.gen(function* () {
      const ps = Command.string(Command.make("/opt/lms", "ps"))
      assert.deepStrictEqual([yield* ps, yield* ps, yield* ps], ["one", "two", "two"])
      const exit = yield* Effect.exit(Command.string(Command.make("/opt/lms", "rm", "-rf")))
      const defect = Exit.isFailure(exit) ? Option.getOrUndefined(Cause.dieOption(exit.cause)) : undefined
      assert.include(String(defect), "/opt/lms rm -rf")
    }).pipe(Effect.provide(FakeProcess.layer(FakeProcess.byArguments({ ps: [{ stdout: "one" }, { stdout: "two" }] }))))
  )

  it.effect("runs for the scripted time, and reacts to signals like a real process", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.scoped(
        Effect.flatMap(Command.start(Command.make("x")), ({ exitCode }) => exitCode)
      ).pipe(Effect.fork)
      yield* TestClock.adjust("5 seconds")
      assert.isTrue((yield* seen)[0]?.running)
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(Number(yield* Fiber.join(fiber)), 7)
      const second = yield* Effect.scoped(Effect.zipRight(Command.start(Command.make("x")), Effect.never)).pipe(
        Effect.fork
      )
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(second)
      assert.deepInclude((yield* seen)[1], { signals: ["SIGTERM"], running: false })
    }).pipe(Effect.provide(FakeProcess.layer(() => ({ exitCode: 7, runs: "10 seconds" }))))
  )
})
