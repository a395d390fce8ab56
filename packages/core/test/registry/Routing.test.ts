/** Which model `auto` takes, and why: what a task needs, what is known, and how. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Either, Layer, Option } from "effect"
import { Settings } from "#src/configuration/Settings.ts"
import type { ApiModel } from "#src/lmstudio/ApiModel.ts"
import { ModelLifecycle } from "#src/models/ModelLifecycle.ts"
import type { Evidence } from "#src/registry/Evidence.ts"
import * as Known from "#src/registry/Known.ts"
import { ModelRegistry } from "#src/registry/ModelRegistry.ts"
import * as RoutedLifecycle from "#src/registry/RoutedLifecycle.ts"
import * as Routing from "#src/registry/Routing.ts"
import { model as onDisk } from "@lms-bridge/simulator/Catalogue"
import { layer, onMachine } from "../models/simulated.ts"

const tried = (value: number, trials = 3): Evidence => ({
  source: "verified",
  holds: value * 2 > trials,
  value,
  trials,
  at: 1
})
const measured = (value: number): Evidence => ({ source: "verified", holds: true, value, trials: 3, at: 1 })

const model = (
  key: string,
  more: Partial<ApiModel> = {},
  evidence: Readonly<Record<string, Evidence>> = {}
): Routing.Candidate => {
  const facts: ApiModel = { key, type: "llm", displayName: key, variants: [], instances: [], ...more }
  return { model: facts, known: Known.of(facts, { build: {}, at: 1, evidence }) }
}

const choose = (
  candidates: ReadonlyArray<Routing.Candidate>,
  more: Partial<Parameters<typeof Routing.choose>[1]> = {}
) => Routing.choose(candidates, { wish: "any", needs: { tools: true }, ...more })
const key = (chosen: Either.Either<Routing.Chosen, string>) => Either.getOrThrow(chosen).model

const liar = model("acme/liar", { toolUse: true, sizeBytes: 5e9 }, { toolCalls: tried(0), boundSteps: tried(0) })
const silent = model("acme/silent", { toolUse: false, sizeBytes: 1e9 }, { toolCalls: tried(0), boundSteps: tried(3) })
const claims = model("acme/claims", { toolUse: true, sizeBytes: 4e9 })

describe("Routing", () => {
  it("what was tried wins over what is declared, in any form of calls", () => {
    const chosen = Either.getOrThrow(choose([liar, claims, silent]))
    assert.strictEqual(chosen.model, "acme/silent")
    assert.strictEqual(
      chosen.why,
      "its tool calls are tried here (3 of 3), of 2 that can do this it comes first because more is known of it"
    )
    assert.strictEqual(key(choose([liar, claims])), "acme/claims")
  })

  it("a model that lacks what the task needs is never taken, and the reason is said", () => {
    const none = choose([liar, model("acme/blind", { vision: false })], { needs: { tools: true, images: true } })
    assert.deepStrictEqual(none, Either.left("acme/liar does not see images; acme/blind does not see images"))
    assert.deepStrictEqual(choose([liar]), Either.left("acme/liar makes no tool calls"))
    assert.deepStrictEqual(choose([]), Either.left("there is no language model on this machine"))
    const small = model("acme/small", {}, { context: measured(2000), jsonSchema: tried(1) })
    assert.match(Either.merge(choose([small], { needs: { tokens: 3000 } })) as string, /^acme\/small has 2000 tokens/)
    assert.deepStrictEqual(
      choose([small], { needs: { schema: true } }),
      Either.left("acme/small does not answer by a schema")
    )
  })

  it("among equals: tasks done, then what is loaded, then size; fast is the fastest that can", () => {
    const loaded = { instances: [{ id: "x" }] }
    const big = model("acme/big", { sizeBytes: 5e9 }, { toolCalls: tried(3), tokensPerSecond: measured(10) })
    const small = model("acme/small", { sizeBytes: 1e9 }, { toolCalls: tried(3), tokensPerSecond: measured(90) })
    const resident = model("acme/resident", { sizeBytes: 5e8, ...loaded }, { toolCalls: tried(3) })
    const able = model("acme/able", { sizeBytes: 5e8 }, { toolCalls: tried(3), tasks: tried(12, 15) })
    assert.strictEqual(key(choose([small, big])), "acme/big")
    assert.strictEqual(key(choose([small, big, resident])), "acme/resident")
    assert.strictEqual(key(choose([small, big, resident, able])), "acme/able")
    assert.strictEqual(key(choose([small, big, resident, able], { wish: "fast" })), "acme/small")
    assert.strictEqual(key(choose([small, big, resident], { wish: "best" })), "acme/big")
  })

  it("what decided is said, also where nothing was tried", () => {
    const small = model("acme/small", { toolUse: true, sizeBytes: 1e9 })
    const twin = model("acme/twin", { toolUse: true, sizeBytes: 4e9 })
    const why = (...candidates: ReadonlyArray<Routing.Candidate>) => Either.getOrThrow(choose(candidates)).why
    assert.strictEqual(
      why(small, claims),
      "its tool calls are only declared, none of the 2 that can do this was tried here, and it is the largest that runs well"
    )
    assert.include(why(twin, claims), "was tried here, and nothing known tells them apart")
    const proven = model("acme/proven", {}, { toolCalls: tried(3) })
    const alike = model("acme/alike", {}, { toolCalls: tried(3) })
    assert.include(why(proven, alike), "(3 of 3), nothing known tells it from the other one that can do this")
    const loaded = { ...small, model: { ...small.model, instances: [{ id: "x" }] } }
    assert.include(why(loaded, claims), "it is loaded, none of the 2 that can do this was tried here")
  })

  it("memory decides: what cannot fit into this machine is not taken, unless it is in memory", () => {
    const huge = model("acme/huge", { sizeBytes: 60e9 }, { toolCalls: tried(3) })
    assert.strictEqual(key(choose([huge, claims], { memory: 16e9 })), "acme/claims")
    const there = { ...huge, model: { ...huge.model, instances: [{ id: "x" }] } }
    assert.strictEqual(key(choose([there, claims], { memory: 16e9 })), "acme/huge")
  })

  it("the configured model is taken by auto alone, unless it lacks what the task needs", () => {
    assert.strictEqual(key(choose([silent, claims], { preferred: "acme/claims" })), "acme/claims")
    assert.strictEqual(key(choose([silent, liar], { preferred: "acme/liar" })), "acme/silent")
    assert.strictEqual(key(choose([silent, claims], { preferred: "acme/claims", wish: "best" })), "acme/silent")
  })

  it("a purpose prefers what is known to be for it", () => {
    const coder = model("acme/coder-1b", { toolUse: true, sizeBytes: 1e9 })
    const thinker = model("acme/plain", { toolUse: true, sizeBytes: 1e9, reasoningOptions: ["on"] })
    assert.strictEqual(key(choose([claims, coder, thinker], { wish: "coding" })), "acme/coder-1b")
    assert.strictEqual(key(choose([claims, coder, thinker], { wish: "reasoning" })), "acme/plain")
    const seeing = model("acme/see", { vision: true })
    assert.strictEqual(key(choose([claims, seeing], { wish: "vision", needs: {} })), "acme/see")
  })

  it("knows its own words from names of models", () => {
    assert.deepStrictEqual(["auto", "AUTO:fast", " auto:best ", "auto:vision"].map(Routing.wishOf), [
      "any",
      "fast",
      "best",
      "vision"
    ])
    assert.deepStrictEqual(["auto:quick", "autos", "auto/x", "auto:fast:2"].map(Routing.wishOf), [
      undefined,
      undefined,
      undefined,
      undefined
    ])
  })
})

describe("a name that leaves the choice to us", () => {
  const models = [
    onDisk("acme/liar-7b", { trainedForToolUse: true, habit: "drops-tools", ignoresSchema: true, sizeBytes: 5e9 }),
    onDisk("acme/silent-1b", { trainedForToolUse: false, sizeBytes: 1e9 })
  ]
  const world = (settings: { readonly defaultModel?: Option.Option<string> } = {}) => {
    const machine = Layer.merge(
      layer({ simulator: { models }, settings }),
      Settings.layerWith({ dataDir: Option.some("/data"), ...settings })
    )
    return Layer.merge(RoutedLifecycle.layer, ModelRegistry.layer).pipe(Layer.provideMerge(machine))
  }
  const needs = { tools: true }

  it.effect("a lying catalogue: before a probe it is believed, and then no more", () =>
    onMachine(world())(
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        const registry = yield* ModelRegistry
        const before = yield* lifecycle.ensureLoaded("auto", { needs })
        assert.deepInclude(before, { model: "acme/liar-7b" })
        assert.include(before.chosen, "its tool calls are only declared")
        yield* registry.probe("acme/liar-7b")
        yield* registry.probe("acme/silent-1b")
        const after = yield* lifecycle.withModel("auto", { needs })((lease) => lease.ensured)
        assert.deepInclude(after, { model: "acme/silent-1b" })
        assert.include(after.chosen, "its tool calls are tried here (3 of 3)")
        assert.include(after.chosen, "acme/liar-7b makes no tool calls")
      })
    )
  )

  it.effect("a word that is none is a name that does not exist; a wish that nothing fulfils says why", () =>
    onMachine(world())(
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        assert.strictEqual((yield* Effect.flip(lifecycle.resolve("auto:quick")))._tag, "ModelNotFound")
        const blind = yield* Effect.flip(lifecycle.resolve("auto:vision"))
        assert.strictEqual(blind._tag, "ModelUnfit")
        assert.include(blind.message, "acme/liar-7b does not see images; acme/silent-1b does not see images")
      })
    )
  )

  it.effect("DEFAULT_MODEL may be such a word, and wins where it is a name", () =>
    Effect.gen(function* () {
      const resolved = (defaultModel: string, name?: string) =>
        onMachine(world({ defaultModel: Option.some(defaultModel) }))(
          Effect.flatMap(ModelLifecycle, (lifecycle) => lifecycle.resolve(name))
        )
      assert.strictEqual(yield* resolved("auto:fast"), "acme/silent-1b")
      assert.strictEqual(yield* resolved("acme/silent-1b", "auto"), "acme/silent-1b")
    })
  )
})
