import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"

import { ModelLifecycle } from "#src/models/ModelLifecycle.ts"

import { SimulatorControl } from "@lms-bridge/simulator/SimulatorControl"
import { model } from "@lms-bridge/simulator/Catalogue"
import { onMachine, inMemory, layer, llama, lmsCalls, nomic, oss, qwen, qwen8, type Options } from "./simulated.ts"

const test = (options: Options = {}) => onMachine(layer(options))
const ensure = (...args: Parameters<ModelLifecycle["Type"]["ensureLoaded"]>) =>
  Effect.flatMap(ModelLifecycle, (lifecycle) => lifecycle.ensureLoaded(...args))
const ttls = Effect.flatMap(SimulatorControl, (control) =>
  Effect.map(control.snapshot, ({ instances }) => instances.map(({ ttlMs }) => ttlMs))
)

describe("ModelLifecycle: choosing a model and a copy of it", () => {
  describe("on a server that is not LM Studio", () => {
    it.effect("uses what is listed; nothing can be loaded", () =>
      Effect.gen(function* () {
        const ensured = yield* ensure(qwen)
        assert.deepInclude(ensured, { action: "already-loaded", instanceId: qwen, owner: "user" })
        assert.strictEqual((yield* Effect.flip(ensure("nonesuch")))._tag, "ModelNotFound")
        const error = yield* Effect.flip(ensure(qwen, { identifier: "mine" }))
        assert.strictEqual(error._tag, "Unsupported")
        assert.deepStrictEqual(yield* lmsCalls, [])
      }).pipe(test({ simulator: { settings: { api: "openai-only" } } }))
    )
  })

  describe("which model", () => {
    it.scoped("a model that drafts or transcribes is never leased for requests, even when named", () =>
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        const error = yield* Effect.flip(lifecycle.lease("some/drafter"))
        assert.deepInclude(error, { _tag: "ModelLoadFailed", reason: "NoWay" })
        assert.include(error.message, "it is a drafter model, which cannot answer")
      }).pipe(test({ simulator: { models: [model(qwen), model("some/drafter", { type: "drafter" })] } }))
    )

    it.scoped("an embedding model is refused for chat before anything is loaded, and nothing but chat", () =>
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        const refused = yield* Effect.flip(lifecycle.lease(nomic, { ability: "chat" }))
        assert.deepInclude(refused, { _tag: "ModelUnfit", ability: "chat", model: nomic })
        assert.include(refused.message, qwen)
        assert.strictEqual((yield* Effect.flip(lifecycle.resolve(nomic, "chat")))._tag, "ModelUnfit")
        assert.deepStrictEqual(yield* lifecycle.loaded, [])
        yield* lifecycle.lease(nomic)
        assert.strictEqual((yield* Effect.flip(lifecycle.lease(nomic, { ability: "chat" })))._tag, "ModelUnfit")
      }).pipe(test())
    )

    it.effect("none named: the configured one", () =>
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        for (const name of [undefined, "", "default", "DEFAULT"])
          assert.strictEqual(yield* lifecycle.resolve(name), oss)
      }).pipe(test({ settings: { defaultModel: Option.some(oss.toUpperCase()) } }))
    )

    it.effect("none named and the configured one not there: an error, not another model", () =>
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        const error = yield* Effect.flip(lifecycle.resolve(undefined))
        assert.deepInclude(error, { _tag: "ModelNotFound", model: "gone/model" })
      }).pipe(test({ settings: { defaultModel: Option.some("gone/model") } }))
    )

    it.effect("none named: a loaded language model, else the most suitable on disk, never an embedding model", () =>
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        const control = yield* SimulatorControl
        yield* control.loadAsUser(nomic)
        assert.strictEqual(yield* lifecycle.resolve(undefined), qwen8)
        yield* control.loadAsUser(llama)
        assert.strictEqual(yield* lifecycle.resolve(undefined), llama)
        yield* control.loadAsUser(qwen)
        assert.strictEqual(yield* lifecycle.resolve(undefined), qwen, "one that was trained for tool use first")
      }).pipe(test())
    )

    it.effect("none named and no models", () =>
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        const error = yield* Effect.flip(lifecycle.resolve(undefined))
        assert.include(error.message, "No models are downloaded")
      }).pipe(test({ simulator: { models: [] } }))
    )

    it.effect("`default` never goes on the wire", () =>
      Effect.gen(function* () {
        yield* ensure("default")
        const { commands, requests } = yield* (yield* SimulatorControl).seen
        assert.notInclude(JSON.stringify([commands, requests]), '"default"')
      }).pipe(test({ lms: false }))
    )
  })

  describe("more context than the loaded copy has", () => {
    it.effect("ours and idle: reloaded", () =>
      Effect.gen(function* () {
        yield* ensure(qwen)
        const ensured = yield* ensure(qwen, { contextLength: 16_384 })
        assert.deepInclude(ensured, {
          action: "reloaded",
          instanceId: qwen,
          contextLength: 16_384,
          owner: "lms-bridge"
        })
        assert.deepStrictEqual(yield* inMemory, [qwen])
      }).pipe(test())
    )

    it.effect("the user's: a second copy of ours beside it, and the user's is unchanged", () =>
      Effect.gen(function* () {
        const control = yield* SimulatorControl
        yield* control.loadAsUser(qwen)
        const ensured = yield* ensure(qwen, { contextLength: 16_384 })
        assert.deepInclude(ensured, {
          action: "loaded",
          instanceId: `${qwen}:lms-bridge`,
          contextLength: 16_384,
          owner: "lms-bridge"
        })
        assert.deepStrictEqual(yield* inMemory, [qwen, `${qwen}:lms-bridge`])
        assert.deepStrictEqual(yield* ttls, [null, 600_000])
        const more = yield* ensure(qwen, { contextLength: 32_768 })
        assert.deepInclude(more, { action: "reloaded", instanceId: `${qwen}:lms-bridge`, contextLength: 32_768 })
      }).pipe(test())
    )

    it.effect("the user's, without `lms`: a numbered copy by REST", () =>
      Effect.gen(function* () {
        const control = yield* SimulatorControl
        yield* control.loadAsUser(qwen)
        const ensured = yield* ensure(qwen, { contextLength: 16_384 })
        assert.deepInclude(ensured, { action: "loaded", way: "rest", instanceId: `${qwen}:2`, contextLength: 16_384 })
      }).pipe(test({ lms: false }))
    )

    it.effect("ours and busy: a second copy", () =>
      Effect.gen(function* () {
        const control = yield* SimulatorControl
        yield* ensure(qwen)
        yield* control.setBusy(qwen, "processingPrompt")
        const ensured = yield* ensure(qwen, { contextLength: 16_384 })
        assert.deepInclude(ensured, { action: "loaded", instanceId: `${qwen}:lms-bridge` })
        assert.deepStrictEqual(yield* inMemory, [qwen, `${qwen}:lms-bridge`])
      }).pipe(test())
    )

    it.effect("the user's, and no memory for a second copy: refused, with the figure", () =>
      Effect.gen(function* () {
        const control = yield* SimulatorControl
        yield* control.loadAsUser(qwen)
        const error = yield* Effect.flip(ensure(qwen, { contextLength: 16_384, makeRoom: true }))
        assert.deepInclude(error, { _tag: "ModelLoadRefused", model: qwen })
        assert.deepStrictEqual(yield* inMemory, [qwen])
      }).pipe(test({ simulator: { settings: { memoryBudgetBytes: 4e9 } } }))
    )
  })

  describe("an identifier of its own", () => {
    it.effect("hides the model from an older server's list, but it is still found", () =>
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        const control = yield* SimulatorControl
        yield* control.loadAsUser(qwen, { identifier: "reader" })
        assert.strictEqual(yield* lifecycle.resolve(qwen), qwen)
        assert.deepInclude(yield* ensure(qwen), { action: "already-loaded", instanceId: "reader", owner: "user" })
        assert.deepStrictEqual(yield* inMemory, ["reader"])
      }).pipe(test({ simulator: { settings: { api: "legacy-v0" } } }))
    )

    it.effect("is set, also beside a copy without it", () =>
      Effect.gen(function* () {
        yield* ensure(qwen)
        const ensured = yield* ensure(qwen, { identifier: "reader" })
        assert.deepInclude(ensured, { action: "loaded", instanceId: "reader" })
        assert.deepInclude(yield* ensure(qwen, { identifier: "reader" }), {
          action: "already-loaded",
          instanceId: "reader"
        })
        assert.deepStrictEqual(yield* inMemory, [qwen, "reader"])
      }).pipe(test())
    )

    it.effect("that belongs to another model is refused", () =>
      Effect.gen(function* () {
        const control = yield* SimulatorControl
        yield* control.loadAsUser(llama, { identifier: "reader" })
        const error = yield* Effect.flip(ensure(qwen, { identifier: "reader" }))
        assert.deepInclude(error, { _tag: "RequestRejected", param: "identifier" })
        assert.include(error.message, llama)
      }).pipe(test())
    )
  })
})
