/** What a probe finds of models that can, that cannot what they declare, and that can what they do not declare. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Fiber, Layer, Option, Ref } from "effect"
import { Settings } from "#src/configuration/Settings.ts"
import { LmStudioApi } from "#src/lmstudio/LmStudioApi.ts"
import { ModelLifecycle } from "#src/models/ModelLifecycle.ts"
import { formOf } from "#src/registry/FormByEvidence.ts"
import * as Known from "#src/registry/Known.ts"
import { ModelRegistry } from "#src/registry/ModelRegistry.ts"
import { SimulatorControl } from "@lms-bridge/simulator/SimulatorControl"
import { model, type ModelOnDisk } from "@lms-bridge/simulator/Catalogue"
import { layer, onMachine, type Options } from "../models/simulated.ts"

const plain = "acme/plain-7b"

const world = (changes: Partial<ModelOnDisk> = {}, simulator: Options["simulator"] = {}) =>
  ModelRegistry.layer.pipe(
    Layer.provideMerge(
      Layer.merge(
        layer({ simulator: { ...simulator, models: [model(plain, changes), model("acme/other-7b")] } }),
        Settings.layerWith({ dataDir: Option.some("/data") })
      )
    )
  )

/** All that is known afterwards. */
const known = Effect.gen(function* () {
  const models = yield* Effect.flatMap(LmStudioApi, (api) => api.models)
  const all = yield* Effect.flatMap(ModelRegistry, (registry) => registry.known(models))
  return all.get(plain) ?? []
})

const probed = (changes: Partial<ModelOnDisk>, simulator: Options["simulator"] = {}) =>
  onMachine(world(changes, simulator))(
    Effect.gen(function* () {
      const { row, untried } = yield* (yield* ModelRegistry).probe(plain)
      return { row, untried, known: yield* known }
    })
  )

describe("a probe", () => {
  it.effect("tries everything three times, keeps it, and says what it measured", () =>
    Effect.gen(function* () {
      const { known, row, untried } = yield* probed(
        { vision: true },
        {
          settings: {
            tokenDelay: "400 millis",
            wordsPerPiece: 20,
            promptProcessing: "300 millis",
            loadTime: "2 seconds"
          }
        }
      )
      assert.deepStrictEqual(untried, [])
      for (const ability of ["toolCalls", "boundSteps", "restraint", "jsonSchema", "vision"] as const) {
        assert.deepInclude(row.evidence[ability], { source: "verified", holds: true, trials: 3 }, ability)
      }
      assert.deepInclude(row.evidence["callsInText"], { holds: false, value: 0 })
      assert.deepInclude(row.evidence["reasoning"], { holds: false })
      const measured = (name: string) => row.evidence[name]?.value ?? 0
      assert.isAbove(measured("loadSeconds"), 1)
      assert.isAtLeast(measured("firstTokenSeconds"), 0.3)
      assert.isAbove(measured("tokensPerSecond"), 5)
      assert.isAbove(measured("tokensPerSecondLong"), 0)
      assert.isAbove(measured("context"), (4096 - 64) * 0.9)
      assert.isBelow(measured("context"), 4096)
      assert.strictEqual(formOf(row).form, "native")
      assert.strictEqual(Known.about(known, "vision")?.source, "verified")
    })
  )

  for (const [what, changes, ability] of [
    ["calls tools", { trainedForToolUse: true, habit: "drops-tools" }, "toolCalls"],
    ["sees images", { vision: true, sees: false }, "vision"],
    ["answers by a schema", { ignoresSchema: true }, "jsonSchema"],
    ["leaves tools alone", { habit: "always-calls" }, "restraint"]
  ] as const) {
    it.effect(`a model that does not do what is said of it: ${what}`, () =>
      Effect.gen(function* () {
        const { known } = yield* probed(changes)
        assert.deepInclude(Known.about(known, ability), { source: "verified", holds: false })
      })
    )
  }

  it.effect("a model that can what it does not declare", () =>
    Effect.gen(function* () {
      const { known } = yield* probed({ trainedForToolUse: false, vision: false, sees: true })
      assert.deepInclude(Known.about(known, "toolCalls"), { source: "verified", holds: true })
      assert.deepInclude(Known.about(known, "vision"), { source: "verified", holds: true })
    })
  )

  it.effect("the context that works is that of which it knows every part, not the one that is listed", () =>
    Effect.gen(function* () {
      const { known } = yield* probed({ remembers: 1500 })
      const context = Known.about(known, "context")
      assert.deepInclude(context, { source: "verified", holds: true })
      assert.isBelow(context?.value ?? 0, 2100)
      assert.isAbove(context?.value ?? 0, 900)
    })
  )

  it.effect("waits while somebody is at work, between its steps as well, and fails where that does not end", () =>
    onMachine(world())(
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        const registry = yield* ModelRegistry
        const waits = yield* Ref.make<ReadonlyArray<string>>([])
        const holding = yield* Deferred.make<void>()
        const other = yield* Effect.fork(
          lifecycle.withModel("acme/other-7b")(() =>
            Effect.zipRight(Deferred.succeed(holding, undefined), Effect.sleep("1 minute"))
          )
        )
        yield* Deferred.await(holding)
        yield* registry.probe(plain, {
          onProgress: (progress) =>
            progress._tag === "Waiting" ? Ref.update(waits, (all) => [...all, progress.why]) : Effect.void
        })
        assert.deepStrictEqual(yield* Ref.get(waits), ["acme/other-7b is at work for somebody"])
        yield* Fiber.join(other)
        yield* Effect.fork(lifecycle.withModel("acme/other-7b")(() => Effect.never))
        yield* Effect.sleep("1 second")
        assert.strictEqual((yield* Effect.flip(registry.probe(plain)))._tag, "ModelInUse")
      })
    )
  )

  it.effect("what there was time for is kept; the rest is named", () =>
    onMachine(world({}, { settings: { promptProcessing: "8 seconds" } }))(
      Effect.gen(function* () {
        const registry = yield* ModelRegistry
        const { row, untried } = yield* registry.probe(plain, { limit: "1 minute" })
        assert.deepInclude(row.evidence["toolCalls"], { holds: true })
        assert.isUndefined(row.evidence["context"])
        assert.includeMembers([...untried], ["images", "the context that works"])
        const kept = Option.getOrThrow(yield* registry.current(plain))
        assert.deepStrictEqual(Object.keys(kept.evidence), Object.keys(row.evidence))
      })
    )
  )

  it.effect("one that is interrupted keeps what is done", () =>
    onMachine(world())(
      Effect.gen(function* () {
        const registry = yield* ModelRegistry
        const begun = yield* Deferred.make<void>()
        const fiber = yield* Effect.fork(
          registry.probe(plain, {
            onTrial: (what) =>
              what.includes("schema") ? Effect.zipRight(Deferred.succeed(begun, undefined), Effect.never) : Effect.void
          })
        )
        yield* Deferred.await(begun)
        yield* Fiber.interrupt(fiber)
        const kept = Option.getOrThrow(yield* registry.current(plain))
        assert.includeMembers(Object.keys(kept.evidence), ["toolCalls", "boundSteps", "reasoning"])
        assert.notInclude(Object.keys(kept.evidence), "jsonSchema")
      })
    )
  )

  it.effect("one that is interrupted before it knows of calls leaves them to the next run", () =>
    onMachine(world())(
      Effect.gen(function* () {
        const registry = yield* ModelRegistry
        const begun = yield* Deferred.make<void>()
        const fiber = yield* Effect.fork(
          registry.probe(plain, { onTrial: () => Effect.zipRight(Deferred.succeed(begun, undefined), Effect.never) })
        )
        yield* Deferred.await(begun)
        yield* Fiber.interrupt(fiber)
        const kept = Option.getOrThrow(yield* registry.current(plain))
        assert.deepStrictEqual(Object.keys(kept.evidence), ["loadSeconds"])
        const { why } = yield* registry.choice(plain)
        assert.include(why, "Nothing was tried yet")
        const lifecycle = yield* ModelLifecycle
        const asked = { limit: Duration.seconds(30), onTrial: () => Effect.void }
        const found = yield* lifecycle.withModel(plain)((lease) => registry.form(lease, asked))
        assert.match(Option.getOrThrow(found).why, /native 3 of 3/)
      })
    )
  )

  it.effect("a server that fails ends it, and what was found before stays", () =>
    onMachine(world())(
      Effect.gen(function* () {
        const control = yield* SimulatorControl
        const registry = yield* ModelRegistry
        yield* registry.probe(plain)
        yield* control.scriptModel([{ error: { message: "out of memory", status: 500 } }])
        assert.strictEqual((yield* Effect.flip(registry.probe(plain)))._tag, "ServerFault")
        assert.isTrue(Option.isSome(yield* registry.current(plain)))
      })
    )
  )
})
