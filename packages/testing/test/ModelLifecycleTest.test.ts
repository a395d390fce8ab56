import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Option } from "effect"
import { ModelLifecycle, ModelInUse } from "@lms-bridge/core/models/ModelLifecycle"
import { reply } from "@lms-bridge/testing/LmStudioApiTest"
import * as ModelLifecycleTest from "@lms-bridge/testing/ModelLifecycleTest"
import * as Scripted from "@lms-bridge/testing/Scripted"

describe("ModelLifecycleTest", () => {
  it.effect("plays outcomes in order, records calls, and dies beyond the script", () =>
    Effect.gen(function* () {
      const lifecycle = yield* ModelLifecycle
      assert.strictEqual((yield* lifecycle.ensureLoaded("a")).model, "a")
      assert.strictEqual((yield* Effect.flip(lifecycle.unload("a")))._tag, "ModelInUse")
      const answer = yield* lifecycle.withModel("b")((lease) => lease.chat({ messages: [] }))
      assert.strictEqual(answer.content, "hello from b")
      const exit = yield* Effect.exit(lifecycle.ensureLoaded("a"))
      assert.isTrue(Exit.isFailure(exit) && Option.isSome(Cause.dieOption(exit.cause)))
      assert.deepStrictEqual(
        (yield* yield* ModelLifecycleTest.ModelLifecycleCalls).map(({ operation }) => operation),
        ["ensureLoaded", "unload", "lease", "ensureLoaded"]
      )
    }).pipe(
      Effect.provide(
        ModelLifecycleTest.layerTest({
          ensureLoaded: [Effect.succeed(ModelLifecycleTest.ensured("a"))],
          unload: [new ModelInUse({ instanceId: "a", reason: "Busy" })],
          lease: [
            Scripted.always((name = "") =>
              Effect.succeed(
                ModelLifecycleTest.leaseOf(ModelLifecycleTest.ensured(name), (_, model) =>
                  Effect.succeed(reply(`hello from ${model}`))
                )
              )
            )
          ]
        })
      )
    )
  )

  it.effect("says that every model is loaded, counts leases, and answers by a function", () =>
    Effect.gen(function* () {
      const lifecycle = yield* ModelLifecycle
      const [answer, loaded] = yield* lifecycle.withModel("m")((lease) =>
        Effect.all([lease.chat({ messages: [{ role: "user", content: "hi" }] }), lifecycle.loaded])
      )
      assert.strictEqual(answer.content, "m: hi")
      assert.deepStrictEqual(
        loaded.map(({ leases, model }) => [model, leases]),
        [["m", 1]]
      )
      assert.deepStrictEqual(yield* lifecycle.loaded, [])
    }).pipe(
      Effect.provide(
        ModelLifecycleTest.layerAlwaysLoaded(({ messages }, model) =>
          Effect.succeed(reply(`${model}: ${String(messages[0]?.content)}`))
        )
      )
    )
  )
})
