import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { ModelLifecycle } from "#src/models/ModelLifecycle.ts"
import * as PreferredContext from "#src/models/PreferredContext.ts"
import type { EnsureOptions } from "#src/models/EnsureOptions.ts"
import { SimulatorControl } from "@lms-bridge/simulator/SimulatorControl"
import { layer, misbehaving, onMachine, qwen, type Options } from "./simulated.ts"

const test = (options: Options = {}) => onMachine(layer(options))
const within = (memoryBudgetBytes: number): Options => ({ simulator: { settings: { memoryBudgetBytes } } })
const ensure = (options: EnsureOptions) =>
  Effect.flatMap(ModelLifecycle, (lifecycle) => lifecycle.ensureLoaded(qwen, options))
const standard = { preferredContext: PreferredContext.standard }

describe("ModelLifecycle: the context that is preferred", () => {
  it.effect("is taken where it fits", () =>
    Effect.gen(function* () {
      assert.deepInclude(yield* ensure(standard), { action: "loaded", contextLength: 8192 })
    }).pipe(test())
  )

  it.effect("is the first that fits", () =>
    Effect.gen(function* () {
      const sizes = [...PreferredContext.largest]
      const { contextLength } = yield* ensure({ preferredContext: sizes })
      assert.strictEqual(contextLength, sizes[0])
    }).pipe(test())
  )

  it.effect("gives way to what LM Studio takes by itself where it does not fit", () =>
    Effect.gen(function* () {
      const ensured = yield* ensure({ preferredContext: [200_000, 100_000] })
      assert.deepInclude(ensured, { action: "loaded", contextLength: 4096 })
    }).pipe(test(within(3.5e9)))
  )

  it.effect("is not more than a model can have", () => {
    assert.deepStrictEqual(PreferredContext.within(PreferredContext.largest, 10_000), [10_000, 8192])
    assert.deepStrictEqual(PreferredContext.within(PreferredContext.standard, 2048), [2048])
    return Effect.void
  })

  it.effect("is less than what the model has by a setting of its own, which stays", () =>
    Effect.gen(function* () {
      assert.deepInclude(yield* ensure(standard), { action: "loaded", contextLength: 4096 })
    }).pipe(
      test({
        cli: misbehaving((real) => ({
          // as if LM Studio took 16384 by itself
          estimate: (options) => real.estimate({ ...options, contextLength: options.contextLength ?? 16_384 })
        }))
      })
    )
  )

  it.effect("is left where the estimate was wrong and LM Studio refuses it", () =>
    Effect.gen(function* () {
      assert.deepInclude(yield* ensure({ preferredContext: [100_000] }), { action: "loaded", contextLength: 4096 })
    }).pipe(
      test({
        ...within(3.5e9),
        cli: misbehaving((real) => ({
          estimate: (options) => Effect.map(real.estimate(options), (estimate) => ({ ...estimate, fits: true }))
        }))
      })
    )
  )

  it.effect("is LM Studio's own where nobody can estimate it", () =>
    Effect.gen(function* () {
      assert.deepInclude(yield* ensure(standard), { action: "loaded", way: "jit", contextLength: 4096 })
    }).pipe(test({ lms: false }))
  )

  it.effect("changes nothing of a model that a person has loaded with less, and says so", () =>
    Effect.gen(function* () {
      yield* (yield* SimulatorControl).loadAsUser(qwen)
      assert.deepInclude(yield* ensure(standard), {
        action: "already-loaded",
        owner: "user",
        contextLength: 4096,
        preferredContext: 8192
      })
      assert.notProperty(yield* ensure({ preferredContext: [4096] }), "preferredContext")
    }).pipe(test())
  )
})
