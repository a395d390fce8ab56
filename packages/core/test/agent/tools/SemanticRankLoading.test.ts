import { assert, describe, it } from "@effect/vitest"
import { SimulatorControl } from "@lms-bridge/simulator/SimulatorControl"
import { Effect, Layer, Ref } from "effect"
import { SemanticRank } from "#src/agent/tools/SemanticRank.ts"
import * as ToolCatalog from "#src/agent/tools/ToolCatalog.ts"
import { Embedder } from "#src/models/catalog/Embedder.ts"
import type { LoadProgress } from "#src/models/EnsureOptions.ts"
import { ModelLifecycle } from "#src/models/ModelLifecycle.ts"
import { inMemory, layer, llama, lmsCalls, nomic, onMachine, qwen, type Options } from "../../models/simulated.ts"
import { manyTools } from "../manyTools.ts"

const test = (options: Options = {}) =>
  onMachine(SemanticRank.layer.pipe(Layer.provideMerge(Embedder.layer), Layer.provideMerge(layer(options))))

const { tools } = ToolCatalog.make(manyTools, {})

const ranked = (load: boolean, onProgress: (progress: LoadProgress) => Effect.Effect<void> = () => Effect.void) =>
  Effect.flatMap(SemanticRank, (rank) => rank.of("what time is it", tools, { load, wait: "10 seconds", onProgress }))

const held = Effect.flatMap(ModelLifecycle, (lifecycle) => lifecycle.lease(qwen))

describe("SemanticRank with a model on disk", () => {
  it.effect("loads it beside the run's model with a short idle limit, and finds it in memory the next time", () =>
    Effect.gen(function* () {
      yield* held
      const told = yield* Ref.make<ReadonlyArray<string>>([])
      const first = yield* ranked(true, (progress) => Ref.update(told, (all) => [...all, progress._tag]))
      assert.deepInclude(first, { _tag: "Near", model: nomic })
      assert.deepStrictEqual((yield* Ref.get(told))[0], "Loading")
      assert.deepStrictEqual(yield* inMemory, [qwen, nomic])
      assert.isTrue((yield* lmsCalls).some((call) => /^load .*nomic.* --ttl 300$/.test(call)))
      assert.strictEqual((yield* ranked(false))._tag, "Near")
    }).pipe(test())
  )

  it.effect("leaves it on disk where only one in memory may be used", () =>
    Effect.gen(function* () {
      yield* held
      assert.deepStrictEqual(yield* ranked(false), { _tag: "NoneAtHand" })
      assert.deepStrictEqual(yield* inMemory, [qwen])
    }).pipe(test())
  )

  it.effect("does not make room for it: neither the run's model nor an idle one of ours is unloaded", () =>
    Effect.gen(function* () {
      yield* held
      yield* Effect.flatMap(ModelLifecycle, (lifecycle) => lifecycle.ensureLoaded(llama))
      const control = yield* SimulatorControl
      const { instances } = yield* control.snapshot
      yield* control.setSettings({ memoryBudgetBytes: 1e9 * instances.length })
      const found = yield* ranked(true)
      assert.strictEqual(found._tag, "Untold")
      assert.match(found._tag === "Untold" ? found.reason : "", /memory|resource|needs/)
      assert.deepStrictEqual(yield* inMemory, [qwen, llama])
    }).pipe(test())
  )

  it.effect("says why where the load fails", () =>
    Effect.gen(function* () {
      yield* held
      yield* (yield* SimulatorControl).scriptLoads("*", [{ _tag: "Fails", message: "the file is broken" }])
      const found = yield* ranked(true)
      assert.strictEqual(found._tag, "Untold")
      assert.deepStrictEqual(yield* inMemory, [qwen])
    }).pipe(test())
  )

  it.effect("gives up after the wait, and the run goes on", () =>
    Effect.gen(function* () {
      yield* held
      yield* (yield* SimulatorControl).setSettings({ loadTime: "60 seconds" })
      assert.deepStrictEqual(yield* ranked(true), { _tag: "Untold", reason: "no answer within 10s" })
    }).pipe(test())
  )

  it.effect("does not load it in a way that could evict a model in use", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      yield* control.loadAsUser(llama, { ttl: "1 hour" })
      const error = yield* Effect.flip(
        Effect.flatMap(ModelLifecycle, (lifecycle) => lifecycle.ensureLoaded(nomic, { beside: true }))
      )
      assert.include(error.message, "jit: it could evict a model in use")
      assert.deepStrictEqual(yield* inMemory, [llama])
    }).pipe(test({ lms: false, simulator: { settings: { api: "legacy-v0" } } }))
  )
})
