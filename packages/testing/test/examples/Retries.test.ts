import { LmStudioApi, ServerFault } from "@lms-bridge/core/LmStudioApi"
import { Resilience } from "@lms-bridge/core/Resilience"
import { Settings } from "@lms-bridge/core/Settings"
import * as FakeHttp from "@lms-bridge/testing/FakeHttp"
import * as FakeLmStudio from "@lms-bridge/testing/FakeLmStudio"
import * as LmStudioApiTest from "@lms-bridge/testing/LmStudioApiTest"
import { inVirtualTime } from "@lms-bridge/testing/VirtualTime"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Layer } from "effect"

const ask = Effect.gen(function* () {
  const api = yield* LmStudioApi
  const { content } = yield* api.chat({ model: "test/model", messages: [{ role: "user", content: "Hi" }] })
  return content
})

/** The real service, with its retries, over scripted HTTP. */
const overHttp = (replies: ReadonlyArray<FakeHttp.Reply>) =>
  LmStudioApi.layer.pipe(
    Layer.provideMerge(FakeHttp.layer({ ...FakeLmStudio.routes(), [FakeLmStudio.chatRoute]: replies })),
    Layer.provide(Resilience.layer),
    Layer.provide(Settings.layerWith({}))
  )

describe("a program that asks LM Studio", () => {
  it.effect("gets its answer when LM Studio fails twice", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* ask, "Hello!")
      assert.lengthOf(yield* Effect.flatten(FakeHttp.FakeRequests), 3)
      // about 1 s and 2 s, with jitter: from the seed, so the same in each run
      assert.strictEqual(yield* Clock.currentTimeMillis, 3103)
    }).pipe(
      Effect.provide(overHttp([FakeLmStudio.fault(), FakeLmStudio.fault(), FakeLmStudio.reply("Hello!")])),
      inVirtualTime
    )
  )

  it.effect("fails when LM Studio fails four times", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(ask)
      assert.strictEqual(error._tag, "ServerFault")
      assert.lengthOf(yield* Effect.flatten(FakeHttp.FakeRequests), 4)
    }).pipe(Effect.provide(overHttp(Array.from({ length: 4 }, () => FakeLmStudio.fault()))), inVirtualTime)
  )

  it.effect("sees the first failure of a double, because retries are inside of the real service", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* Effect.flip(ask))._tag, "ServerFault")
      assert.strictEqual(yield* ask, "Hello!")
    }).pipe(
      Effect.provide(
        LmStudioApiTest.layerTest({
          chat: [
            new ServerFault({ operation: "chat", reason: "Busy", serverMessage: "overloaded", delivered: 0 }),
            Effect.succeed(LmStudioApiTest.reply("Hello!"))
          ]
        })
      )
    )
  )
})
