/** Which embedding model is taken by what was tried and seen, and what a probe finds of one. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option, Predicate } from "effect"
import { SemanticRank } from "#src/agent/tools/SemanticRank.ts"
import * as ToolCatalog from "#src/agent/tools/ToolCatalog.ts"
import { Settings } from "#src/configuration/Settings.ts"
import { LmStudioApi } from "#src/lmstudio/LmStudioApi.ts"
import { Embedder } from "#src/models/catalog/Embedder.ts"
import * as Known from "#src/registry/Known.ts"
import { ModelRegistry } from "#src/registry/ModelRegistry.ts"
import { Outcome } from "@lms-bridge/simulator/Faults"
import { SimulatorControl } from "@lms-bridge/simulator/SimulatorControl"
import { model, type ModelOnDisk } from "@lms-bridge/simulator/Catalogue"
import { manyTools } from "../agent/manyTools.ts"
import { layer, onMachine, type Options } from "../models/simulated.ts"

const embedding = (key: string, megabytes: number, changes: Partial<ModelOnDisk> = {}) =>
  model(key, {
    type: "embedding",
    sizeBytes: megabytes * 1e6,
    maxContextLength: 2048,
    defaultContextLength: 2048,
    trainedForToolUse: false,
    ...changes
  })

const liar = embedding("acme/embed-liar", 40, { embeds: false })
const small = embedding("acme/embed-small", 80)
const large = embedding("acme/embed-large", 300)

const world = (models: ReadonlyArray<ModelOnDisk>, { files, simulator }: Options = {}) =>
  SemanticRank.layer.pipe(
    Layer.provideMerge(Embedder.layer),
    Layer.provideMerge(ModelRegistry.evidence),
    Layer.provideMerge(ModelRegistry.layer),
    Layer.provideMerge(
      Layer.merge(
        layer({
          simulator: { ...simulator, models: [model("acme/plain-7b"), ...models] },
          ...(files ? { files } : {})
        }),
        Settings.layerWith({ dataDir: Option.some("/data") })
      )
    )
  )

const embed = (model?: string) => Effect.flatMap(Embedder, (embedder) => embedder.embed(["a lamp"], { model }))

const known = Effect.fnUntraced(function* (key: string) {
  const models = yield* Effect.flatMap(LmStudioApi, (api) => api.models)
  const all = yield* Effect.flatMap(ModelRegistry, (registry) => registry.known(models))
  return Known.about(all.get(key) ?? [], "embeddings")
})

/** The models that were asked for vectors, in turn. */
const asked = Effect.flatMap(SimulatorControl, (control) =>
  Effect.map(control.seen, ({ requests }) =>
    requests.flatMap(({ body, path }) =>
      path === "/v1/embeddings" && Predicate.hasProperty(body, "model") ? [body.model] : []
    )
  )
)

describe("an embedding model that is not named", () => {
  it.effect("one that its list names and that refuses is skipped, and not asked again", () =>
    onMachine(world([liar, large, small]))(
      Effect.gen(function* () {
        assert.include((yield* embed()).model, small.key)
        assert.deepStrictEqual(yield* asked, [liar.key, liar.key, small.key])
        assert.deepInclude(yield* known(liar.key), { source: "observed", holds: false, trials: 1 })
        assert.deepInclude(yield* known(small.key), { source: "observed", holds: true, value: 1 })
        yield* embed()
        assert.deepStrictEqual((yield* asked).slice(3), [small.key])
      })
    )
  )

  it.effect("what was seen to work comes before what is in memory or smaller, in another process as well", () =>
    onMachine(world([large, small]))(
      Effect.gen(function* () {
        yield* embed(large.key)
        const { small: best } = yield* Effect.provide(Embedder, Layer.fresh(Embedder.layer))
        assert.deepStrictEqual(yield* best, Option.some(large.key))
        yield* (yield* SimulatorControl).loadAsUser(small.key, { ttl: "1 hour" })
        assert.deepStrictEqual(yield* best, Option.some(large.key))
      })
    )
  )

  it.effect("where all refuse, it says so and names the way out; a named one is asked all the same", () =>
    onMachine(world([liar]))(
      Effect.gen(function* () {
        assert.match((yield* Effect.flip(embed())).message, /"acme\/embed-liar" is listed .* and refuses\. .*domain/)
        assert.match((yield* Effect.flip(embed())).message, /acme\/embed-liar refused \(`lms-bridge models probe/)
        assert.match((yield* Effect.flip(embed(liar.key))).message, /and refuses/)
      })
    )
  )

  it.effect("one that cannot be loaded leaves it to the next one", () =>
    onMachine(world([small, large]))(
      Effect.gen(function* () {
        yield* (yield* SimulatorControl).scriptLoads(small.key, [{ _tag: "Fails", message: "the file is broken" }])
        assert.include((yield* embed()).model, large.key)
      })
    )
  )

  it.effect("a text that is refused says nothing about the model", () =>
    onMachine(world([small, large]))(
      Effect.gen(function* () {
        const control = yield* SimulatorControl
        yield* control.script("POST /v1/embeddings", [Outcome.httpError(400, { error: "the input is too large" })])
        assert.strictEqual((yield* Effect.flip(embed()))._tag, "RequestRejected")
        assert.deepInclude(yield* known(small.key), { source: "declared", holds: true })
      })
    )
  )

  for (const [where, options] of [
    ["where nothing can be written", { files: { readOnly: true } }],
    ["of llama.cpp's router", { simulator: { settings: { api: "llama-router" } } }]
  ] as const) {
    it.effect(`the next one ranks tools, ${where}`, () =>
      onMachine(world([liar, small], options))(
        Effect.gen(function* () {
          const { tools } = ToolCatalog.make(manyTools, {})
          const rank = yield* SemanticRank
          yield* (yield* SimulatorControl).loadAsUser(liar.key, { ttl: "1 hour" })
          yield* (yield* SimulatorControl).loadAsUser(small.key, { ttl: "1 hour" })
          const options = { load: true, wait: "10 seconds", onProgress: () => Effect.void } as const
          assert.deepInclude(yield* rank.of("what time is it", tools, options), { _tag: "Near", model: small.key })
        })
      )
    )
  }
})

describe("an engine that writes no number for one, once", () => {
  const broken = Outcome.httpError(200, { data: [{ index: 0, embedding: [null, 0.5] }] })

  it.effect("is asked again", () =>
    onMachine(world([small, large]))(
      Effect.gen(function* () {
        yield* (yield* SimulatorControl).script("POST /v1/embeddings", [broken])
        assert.include((yield* embed()).model, small.key)
        assert.deepInclude(yield* known(small.key), { source: "observed", holds: true })
      })
    )
  )

  it.effect("fails one trial of a probe", () =>
    onMachine(world([small]))(
      Effect.gen(function* () {
        yield* (yield* SimulatorControl).script("POST /v1/embeddings", [Outcome.ok, broken])
        const { row } = yield* (yield* ModelRegistry).probe(small.key)
        const detail = "a reply without whole vectors"
        assert.deepInclude(row.evidence["embeddings"], { holds: true, value: 2, trials: 3, detail })
        assert.strictEqual(row.evidence["dimensions"]?.value, 768)
      })
    )
  )
})

describe("a probe of an embedding model", () => {
  it.effect("asks for vectors three times, and keeps their length and the time that they take", () =>
    onMachine(world([small], { simulator: { settings: { promptProcessing: "300 millis", loadTime: "2 seconds" } } }))(
      Effect.gen(function* () {
        const { requests, row, untried } = yield* (yield* ModelRegistry).probe(small.key)
        assert.deepStrictEqual([requests, untried], [3, []])
        assert.deepInclude(row.evidence["embeddings"], { source: "verified", holds: true, value: 3, trials: 3 })
        assert.strictEqual(row.evidence["dimensions"]?.value, 768)
        assert.isAtLeast(row.evidence["millisPerText"]?.value ?? 0, 100)
        assert.isAbove(row.evidence["loadSeconds"]?.value ?? 0, 1)
        assert.isUndefined(row.evidence["toolCalls"])
      })
    )
  )

  it.effect("of one that refuses: once is enough, and it is not taken", () =>
    onMachine(world([liar, large]))(
      Effect.gen(function* () {
        const control = yield* SimulatorControl
        const { requests, row } = yield* (yield* ModelRegistry).probe(liar.key)
        assert.deepInclude(row.evidence["embeddings"], { holds: false, value: 0, trials: 1 })
        assert.include(row.evidence["embeddings"]?.detail ?? "", "wrong domain")
        assert.strictEqual(requests, 1)
        yield* control.clearSeen
        yield* embed()
        assert.deepStrictEqual(yield* asked, [large.key])
      })
    )
  )
})
