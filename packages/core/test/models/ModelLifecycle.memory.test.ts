import { assert, describe, it } from "@effect/vitest"
import { Effect, Ref } from "effect"
import { ModelLifecycle } from "#src/models/ModelLifecycle.ts"
import type { LoadProgress } from "#src/models/EnsureOptions.ts"
import { SimulatorControl } from "@lms-bridge/simulator/SimulatorControl"
import { inMemory, layer, onMachine, llama, misbehaving, oss, qwen, qwen8, type Options } from "./simulated.ts"

const test = (options: Options = {}) => onMachine(layer(options))
const withMemory = (memoryBudgetBytes: number, more: Options = {}): Options => ({
  ...more,
  simulator: { settings: { memoryBudgetBytes } }
})
const ensure = (...args: Parameters<ModelLifecycle["Type"]["ensureLoaded"]>) =>
  Effect.flatMap(ModelLifecycle, (lifecycle) => lifecycle.ensureLoaded(...args))
const loadsBegun = Effect.flatMap(SimulatorControl, (control) =>
  Effect.map(control.events, (events) => events.filter(({ type }) => type === "loadStarted").length)
)

describe("ModelLifecycle: not enough memory", () => {
  it.effect("is known from the estimate, before a load starts: how much is needed, and what could be unloaded", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      yield* control.loadAsUser(llama)
      yield* ensure(qwen)
      const error = yield* Effect.flip(ensure(oss))
      assert.strictEqual(error._tag, "ModelLoadRefused")
      assert.deepInclude(error, { model: oss, couldUnload: [qwen] })
      assert.match(error.message, /needs about 11\.\d GiB/)
      assert.include(error.message, `Unload ${qwen} first`)
      assert.strictEqual((yield* control.events).filter((event) => "key" in event && event.key === oss).length, 0)
    }).pipe(test(withMemory(14e9)))
  )

  it.effect("is known from LM Studio's refusal where there is no estimate (H19)", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(ensure(oss))
      assert.strictEqual(error._tag, "ModelLoadRefused")
      assert.match(error.message, /needs about 11\.\d GiB/)
      assert.strictEqual(yield* loadsBegun, 1, "and is not tried again")
    }).pipe(test(withMemory(4e9, { lms: false })))
  )

  it.effect("is known from the output of `lms load` when the estimate was wrong (H19)", () =>
    Effect.gen(function* () {
      yield* ensure(qwen)
      const error = yield* Effect.flip(ensure(oss))
      assert.strictEqual(error._tag, "ModelLoadRefused")
      assert.deepInclude(error, { couldUnload: [qwen] })
      assert.match(error.message, /needs about 11\.\d GiB/)
    }).pipe(
      test(
        withMemory(14e9, {
          cli: misbehaving(() => ({
            estimate: () => Effect.succeed({ fits: true, gpuBytes: undefined, totalBytes: undefined })
          }))
        })
      )
    )
  )

  describe("makeRoom", () => {
    it.effect("unloads our idle models, the least recently used first, no more than needed, and retries once", () =>
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        const control = yield* SimulatorControl
        yield* ensure(qwen)
        yield* Effect.sleep("10 seconds")
        yield* ensure(llama)
        yield* Effect.sleep("10 seconds")
        yield* control.scriptModel([{ text: "hi" }])
        yield* lifecycle.withModel(qwen)((lease) => lease.chat({ messages: [{ role: "user", content: "hi" }] }))
        const ensured = yield* ensure(qwen8, { makeRoom: true })
        assert.deepInclude(ensured, { action: "loaded", model: qwen8 })
        assert.deepStrictEqual(yield* inMemory, [qwen, qwen8])
      }).pipe(test(withMemory(9.5e9)))
    )

    it.effect("without `lms`: uses the figure in the refusal", () =>
      Effect.gen(function* () {
        yield* ensure(qwen, { contextLength: 4096 })
        yield* ensure(llama, { contextLength: 4096 })
        assert.deepInclude(yield* ensure(qwen8, { contextLength: 4096, makeRoom: true }), {
          action: "loaded",
          model: qwen8
        })
        assert.deepStrictEqual(yield* inMemory, [qwen8])
      }).pipe(test(withMemory(7e9, { lms: false })))
    )

    it.effect("does not retry when there is nothing to unload", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(ensure(oss, { makeRoom: true }))
        assert.strictEqual(error._tag, "ModelLoadRefused")
        assert.strictEqual(yield* loadsBegun, 1)
      }).pipe(test(withMemory(4e9, { lms: false })))
    )

    it.effect("unloads nothing that is busy, leased or the user's", () =>
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        const control = yield* SimulatorControl
        yield* control.loadAsUser(llama)
        yield* ensure(qwen)
        yield* control.setBusy(qwen, "generating")
        yield* lifecycle.withModel(qwen, { identifier: "held" })(() =>
          Effect.gen(function* () {
            const error = yield* Effect.flip(lifecycle.ensureLoaded(oss, { makeRoom: true }))
            assert.deepInclude(error, { _tag: "ModelLoadRefused", couldUnload: [] })
            assert.include(error.message, "Unload other models, ask for a smaller context")
          })
        )
        assert.deepStrictEqual(yield* inMemory, [llama, qwen, "held"])
      }).pipe(test(withMemory(14e9)))
    )

    it.effect("refuses after one retry when it does not help", () =>
      Effect.gen(function* () {
        yield* ensure(qwen)
        const error = yield* Effect.flip(ensure(oss, { makeRoom: true, contextLength: 65_536 }))
        assert.deepInclude(error, { _tag: "ModelLoadRefused", couldUnload: [] })
        assert.strictEqual(yield* loadsBegun, 3, "the first model, and two tries for the second")
      }).pipe(
        test(
          withMemory(10e9, {
            cli: misbehaving((real) => ({
              estimate: (options) => Effect.map(real.estimate(options), (estimate) => ({ ...estimate, fits: true })),
              load: real.load
            }))
          })
        )
      )
    )
  })

  describe("fallback", () => {
    it.effect("steps down to the next model, and gives the reason in the result and in the progress", () =>
      Effect.gen(function* () {
        const heard = yield* Ref.make<ReadonlyArray<LoadProgress>>([])
        const onProgress = (progress: LoadProgress) =>
          progress._tag === "SteppedDown" ? Ref.update(heard, (all) => [...all, progress]) : Effect.void
        const ensured = yield* ensure("gone/model", { fallback: [oss, qwen, llama], onProgress })
        assert.deepInclude(ensured, { model: qwen, action: "loaded" })
        assert.deepStrictEqual(
          ensured.steppedDown.map(({ model }) => model),
          ["gone/model", oss]
        )
        assert.include(ensured.steppedDown[0]?.reason, 'There is no model "gone/model"')
        assert.include(ensured.steppedDown[1]?.reason, "does not fit in memory")
        assert.deepStrictEqual(
          (yield* Ref.get(heard)).map((progress) => progress._tag === "SteppedDown" && [progress.model, progress.to]),
          [
            ["gone/model", oss],
            [oss, qwen]
          ]
        )
      }).pipe(test(withMemory(9e9)))
    )

    it.effect("is held by a lease too", () =>
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        const held = yield* lifecycle.withModel("gone/model", { fallback: [qwen] })((lease) => lease.ensured)
        assert.deepInclude(held, { model: qwen })
        assert.strictEqual(held.steppedDown.length, 1)
      }).pipe(test())
    )

    it.effect("fails with the first model's error when every model fails", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(ensure(oss, { fallback: [qwen8, "gone/model"] }))
        assert.deepInclude(error, { _tag: "ModelLoadRefused", model: oss })
      }).pipe(test(withMemory(2e9)))
    )

    it.effect("stops when the engine has crashed with two models: the engine is at fault (H20)", () =>
      Effect.gen(function* () {
        const control = yield* SimulatorControl
        yield* control.scriptLoads("*", [{ _tag: "Sigabrt" }, { _tag: "Sigabrt" }, { _tag: "Ok" }])
        const error = yield* Effect.flip(ensure(oss, { fallback: [qwen8, qwen] }))
        assert.deepInclude(error, { _tag: "ModelLoadFailed", reason: "Engine", model: oss })
        assert.strictEqual(yield* loadsBegun, 2)
      }).pipe(test())
    )

    it.effect("does not help when LM Studio is not there", () =>
      Effect.gen(function* () {
        const heard = yield* Ref.make(0)
        const onProgress = () => Ref.update(heard, (n) => n + 1)
        const error = yield* Effect.flip(ensure(oss, { fallback: [qwen8, qwen], onProgress }))
        assert.strictEqual(error._tag, "LmStudioUnreachable")
        assert.strictEqual(yield* Ref.get(heard), 0, "nobody is told of another model")
      }).pipe(test({ simulator: { settings: { serverRunning: false } } }))
    )
  })
})
