import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Option } from "effect"
import { ServerFault } from "@lms-bridge/core/lmstudio/LmStudioError"
import { ModelCatalog } from "@lms-bridge/core/models/ModelCatalog"
import { apiModel } from "@lms-bridge/testing/LmStudioApiTest"
import * as ModelCatalogTest from "@lms-bridge/testing/ModelCatalogTest"

const fault = new ServerFault({ operation: "models", reason: "Engine", serverMessage: "boom", delivered: 0 })

describe("ModelCatalogTest", () => {
  it.effect("plays outcomes in order, records calls, and dies beyond the script", () =>
    Effect.gen(function* () {
      const catalog = yield* ModelCatalog
      assert.strictEqual((yield* Effect.flip(catalog.inMemory))._tag, "ServerFault")
      assert.deepStrictEqual((yield* catalog.inMemory).models, [])
      const exit = yield* Effect.exit(catalog.everything)
      assert.isTrue(Exit.isFailure(exit) && Option.isSome(Cause.dieOption(exit.cause)))
      assert.deepStrictEqual(
        (yield* yield* ModelCatalogTest.ModelCatalogCalls).map(({ operation }) => operation),
        ["inMemory", "inMemory", "everything"]
      )
    }).pipe(
      Effect.provide(ModelCatalogTest.layerTest({ inMemory: [fault, Effect.succeed(ModelCatalogTest.catalogOf([]))] }))
    )
  )

  it.effect("shows the same models whenever it is asked, as the API alone tells them", () =>
    Effect.gen(function* () {
      const catalog = yield* ModelCatalog
      const [first, second] = [yield* catalog.inMemory, yield* catalog.everything]
      assert.deepStrictEqual(first, second)
      assert.deepStrictEqual(
        first.models.map(({ from, instances, key }) => [key, from, instances.map(({ id }) => id)]),
        [["a", ["api"], ["a:2"]]]
      )
      assert.isFalse(first.lms.used)
    }).pipe(
      Effect.provide(ModelCatalogTest.layerOf([apiModel("a", { instances: [{ id: "a:2", contextLength: 4096 }] })]))
    )
  )
})
