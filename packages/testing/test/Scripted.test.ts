import { assert, describe, it } from "@effect/vitest"
import { Cause, Chunk, Effect, Exit, Option, Stream } from "effect"
import { LmStudioApi } from "@lms-bridge/core/LmStudioApi"
import { LmsCli } from "@lms-bridge/core/LmsCli"
import * as LmStudioApiTest from "#src/LmStudioApiTest.ts"
import * as LmsCliTest from "#src/LmsCliTest.ts"
import * as Scripted from "#src/Scripted.ts"

const defect = (exit: Exit.Exit<unknown, unknown>) =>
  Exit.isFailure(exit) ? String(Option.getOrUndefined(Cause.dieOption(exit.cause))) : ""

describe("Scripted", () => {
  it.effect("plays outcomes in order and dies loudly after them", () =>
    Effect.gen(function* () {
      const scripted = yield* Scripted.make("Thing")
      const call = scripted.call("work", [Effect.fail("busy"), (n: number) => Effect.succeed(n * 2)])
      assert.strictEqual(yield* Effect.flip(call(1)), "busy")
      assert.strictEqual(yield* call(2), 4)
      assert.include(
        defect(yield* Effect.exit(call(3))),
        "Thing.work was called 3 times, but the script has 2 outcomes"
      )
      assert.deepStrictEqual(
        (yield* scripted.calls).map(({ arguments: args, operation }) => [operation, ...args]),
        [
          ["work", 1],
          ["work", 2],
          ["work", 3]
        ]
      )
    })
  )

  it.effect("repeats the last outcome if it is wrapped in always", () =>
    Effect.gen(function* () {
      const scripted = yield* Scripted.make("Thing")
      const value = scripted.value("look", [Effect.succeed(1), Scripted.always(Effect.succeed(2))])
      assert.deepStrictEqual(yield* Effect.replicateEffect(value, 4), [1, 2, 2, 2])
    })
  )

  it.effect("dies for an operation that has no script at all", () =>
    Effect.gen(function* () {
      const api = yield* LmStudioApi
      assert.include(defect(yield* Effect.exit(api.models)), "LmStudioApi.models was called 1 times")
      const lms = yield* LmsCli
      assert.include(defect(yield* Effect.exit(Stream.runDrain(lms.get("x")))), "LmsCli.get was called 1 times")
    }).pipe(Effect.provide(LmStudioApiTest.layerTest({})), Effect.provide(LmsCliTest.layerTest({})))
  )
})

describe("LmStudioApiTest", () => {
  it.effect("records calls, and streams what a reply would have streamed", () =>
    Effect.gen(function* () {
      const api = yield* LmStudioApi
      const request = { model: "m", messages: [] }
      const events = yield* Stream.runCollect(api.chatStream(request))
      assert.deepStrictEqual(
        Chunk.toReadonlyArray(events).map(({ _tag }) => _tag),
        ["ReasoningDelta", "TextDelta", "ToolCallStarted", "Completed"]
      )
      assert.deepStrictEqual(yield* yield* LmStudioApiTest.LmStudioApiCalls, [
        { operation: "chatStream", arguments: [request] }
      ])
    }).pipe(
      Effect.provide(
        LmStudioApiTest.layerTest({
          chatStream: [
            LmStudioApiTest.streamOf(
              LmStudioApiTest.reply("hi", { reasoning: "hm", toolCalls: [{ id: "1", name: "f", arguments: "{}" }] })
            )
          ]
        })
      )
    )
  )
})

describe("LmsCliTest", () => {
  it.effect("plays a machine without lms", () =>
    Effect.gen(function* () {
      const lms = yield* LmsCli
      assert.deepInclude(yield* Effect.flip(lms.ps), { reason: "NotInstalled" })
      assert.deepInclude(yield* Effect.flip(Stream.runDrain(lms.logStream("model"))), { reason: "NotInstalled" })
    }).pipe(Effect.provide(LmsCliTest.layerNotInstalled))
  )

  it("makes instances that are idle and have a TTL, by default", () => {
    assert.deepInclude(LmsCliTest.lmsInstance("m"), { identifier: "m", ttlMs: 600_000, isBusy: false })
    assert.isTrue(LmsCliTest.lmsInstance("m", { status: "generating" }).isBusy)
  })
})
