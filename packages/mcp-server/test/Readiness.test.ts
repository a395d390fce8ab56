import { assert, describe, it } from "@effect/vitest"
import { readiness } from "#src/Readiness.ts"
import * as LmStudioApiTest from "@lms-bridge/testing/LmStudioApiTest"
import { always } from "@lms-bridge/testing/Scripted"
import { Effect, Fiber, TestClock } from "effect"

describe("readiness", () => {
  it.effect("is not there after two seconds without an answer", () =>
    Effect.gen(function* () {
      const asked = yield* Effect.fork(Effect.flip(readiness))
      yield* TestClock.adjust("2 seconds")
      const { _tag, message } = yield* Fiber.join(asked)
      assert.strictEqual(_tag, "RequestTimeout")
      assert.include(message, "2s")
    }).pipe(
      Effect.provide(
        LmStudioApiTest.layerTest({
          ping: [always(Effect.succeed(LmStudioApiTest.serverInfo))],
          models: [always(Effect.never)]
        })
      )
    )
  )
})
