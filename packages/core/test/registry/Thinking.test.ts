/** What a probe finds of models that think, that do so as they are told, and of which a list says what is not so. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { Settings } from "#src/configuration/Settings.ts"
import { ModelRegistry } from "#src/registry/ModelRegistry.ts"
import { model } from "@lms-bridge/simulator/Catalogue"
import { layer, onMachine } from "../models/simulated.ts"

const plain = "acme/plain-7b"
/** Short, so that the rest of the probe takes no time. */
const context = { maxContextLength: 1024, defaultContextLength: 1024 }
const reasoning = { allowedOptions: ["off", "on"], defaultOption: "on" }

// whole probes take their time of a busy machine
describe.sequential("a probe of a model that", () => {
  for (const [what, changes, settings, thinks, switches] of [
    ["thinks, and not when told so", { thinks: "as-told", reasoning }, {}, true, true],
    ["thinks whatever it is told", { thinks: "always", reasoning }, {}, true, false],
    ["thinks and has no switch", { thinks: "always" }, {}, true, false],
    ["does not think although its switch is declared", { reasoning }, {}, false, false],
    ["thinks in its text", { thinks: "always" }, { separateReasoning: false }, true, false],
    ["thinks, on a server without a switch", { thinks: "always" }, { api: "llama-router" }, true, undefined],
    ["thinks, where the store of replies is broken", { thinks: "always" }, { historyCorrupt: true }, true, undefined],
    ["does not think", {}, {}, false, undefined],
    ["does not think, and makes no calls", { habit: "drops-tools", ignoresSchema: true }, {}, false, undefined]
  ] as const) {
    it.effect(what, () =>
      Effect.gen(function* () {
        const { row, untried } = yield* (yield* ModelRegistry).probe(plain)
        const { reasoning, reasoningSwitch } = row.evidence
        assert.deepInclude(reasoning, { source: "verified", holds: thinks })
        assert.strictEqual(reasoning?.value, thinks ? reasoning?.trials : 0)
        assert.isAtLeast(reasoning?.trials ?? 0, 3)
        assert.strictEqual(reasoningSwitch?.holds, switches)
        assert.deepStrictEqual(untried, [])
      }).pipe(
        onMachine(
          ModelRegistry.layer.pipe(
            Layer.provideMerge(
              Layer.merge(
                layer({ simulator: { settings, models: [model(plain, { ...context, ...changes })] } }),
                Settings.layerWith({ dataDir: Option.some("/data") })
              )
            )
          )
        )
      )
    )
  }
})
