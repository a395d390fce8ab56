/** What was tried here counts where a model is chosen, with `auto` and without a name; whoever names one is believed. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { Settings } from "#src/configuration/Settings.ts"
import * as ModelFit from "#src/models/catalog/ModelFit.ts"
import { ModelLifecycle } from "#src/models/ModelLifecycle.ts"
import { ModelRegistry } from "#src/registry/ModelRegistry.ts"
import * as RoutedLifecycle from "#src/registry/RoutedLifecycle.ts"
import { model } from "@lms-bridge/simulator/Catalogue"
import { layer, onMachine } from "../models/simulated.ts"

/** Short, so that a probe takes no time. */
const context = { maxContextLength: 1024, defaultContextLength: 1024 }
const blind = model("acme/blind-vl-7b", { ...context, vision: true, sees: false })
const seeing = model("acme/seeing-vl-4b", { ...context, vision: true })

const world = ModelRegistry.evidence.pipe(
  Layer.provideMerge(ModelRegistry.layer),
  Layer.provideMerge(RoutedLifecycle.layer),
  Layer.provideMerge(
    Layer.merge(
      layer({ simulator: { models: [model("acme/plain-7b"), blind, seeing] } }),
      Settings.layerWith({ dataDir: Option.some("/data") })
    )
  )
)

const resolve = (name: string) => Effect.flatMap(ModelLifecycle, (lifecycle) => lifecycle.resolve(name))

describe("the choice of a model", () => {
  it.effect("one that declares that it sees, and was tried and does not, is taken by name only", () =>
    onMachine(world)(
      Effect.gen(function* () {
        yield* (yield* ModelRegistry).probe(blind.key)
        assert.strictEqual(yield* ModelFit.find("vision", undefined), seeing.key)
        assert.strictEqual(yield* ModelFit.find("vision", blind.key), blind.key)
        assert.strictEqual(yield* resolve("auto:vision"), seeing.key)
      })
    )
  )

  it.effect("a word that auto does not know is answered with those that it does", () =>
    onMachine(world)(
      Effect.gen(function* () {
        assert.strictEqual(
          (yield* Effect.flip(resolve("auto:quick"))).message,
          'There is no model "auto:quick". Available: auto, auto:fast, auto:best, auto:vision, auto:coding, auto:reasoning, auto:chat, auto:analysis.'
        )
      })
    )
  )
})
