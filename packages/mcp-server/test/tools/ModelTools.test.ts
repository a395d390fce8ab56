import { assert, describe, it } from "@effect/vitest"
import { ModelNotFound } from "@lms-bridge/core/LmStudioApi"
import {
  type Aliases,
  type Ensured,
  type LoadedModel,
  ModelInUse,
  ModelLifecycle
} from "@lms-bridge/core/ModelLifecycle"
import { ModelRegistry } from "@lms-bridge/core/ModelCatalog"
import { Settings } from "@lms-bridge/core/Settings"
import { tools } from "#src/tools/ModelTools.ts"
import * as LmStudioApiTest from "@lms-bridge/testing/LmStudioApiTest"
import { type Context, Effect, Layer, Ref } from "effect"
import { callTool, connected, textOf } from "../connected.ts"

const ensured: Ensured = {
  model: "qwen3-8b",
  instanceId: "qwen3-8b",
  action: "loaded",
  way: "cli",
  owner: "lms-bridge",
  contextLength: 8192,
  ttlMillis: 600_000,
  tookMillis: 4200,
  steppedDown: []
}

const instance = (instanceId: string, changes: Partial<LoadedModel> = {}): LoadedModel => ({
  model: instanceId.split(":")[0] ?? instanceId,
  instanceId,
  type: "llm",
  owner: "lms-bridge",
  leases: 0,
  ...changes
})

const withModels = (
  shape: Partial<Pick<Context.Tag.Service<ModelLifecycle>, "ensureLoaded" | "resolve" | "loaded" | "unload">>,
  aliases: Aliases = new Map()
) =>
  Layer.mergeAll(
    Settings.layerWith({ aliases }),
    Layer.mock(ModelRegistry, { choice: () => Effect.succeed({ form: "bound", why: "Tried on 2026-11-28." }) }),
    Layer.mock(ModelLifecycle, { ...shape, withModel: () => () => Effect.die("no tool about models asks one") }),
    LmStudioApiTest.layerTest({
      models: [
        Effect.succeed([
          LmStudioApiTest.apiModel("qwen3-8b", { instances: [{ id: "qwen3-8b", contextLength: 8192 }] }),
          LmStudioApiTest.apiModel("nomic", {
            type: "embedding",
            params: "137M",
            quantization: "F16",
            sizeBytes: 2 ** 30,
            maxContextLength: 2048,
            toolUse: true,
            vision: false
          })
        ])
      ]
    })
  )

const unknown = new ModelNotFound({ model: "qwen", available: ["qwen3-8b"], nearest: ["qwen3-8b"] })

describe("tools about models", () => {
  it.scoped("say how a chat model makes calls", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(tools)
      const result = yield* callTool(client, "get_model_info", { model_name: "qwen3-8b" })
      assert.include(textOf(result), "\nCalls: bound. Tried on 2026-11-28.\n")
      assert.deepInclude(result.structuredContent, { calls: "bound. Tried on 2026-11-28." })
    }).pipe(Effect.provide(withModels({ resolve: () => Effect.succeed("qwen3-8b"), loaded: Effect.succeed([]) })))
  )

  it.scoped("list the models on disk, and which of them are loaded", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(tools)
      const result = yield* callTool(client, "list_models")
      assert.strictEqual(
        textOf(result),
        "- qwen3-8b: llm, tool use, context up to 32768, loaded with 8192\n- nomic: embedding, 1 GiB, tool use, context up to 2048"
      )
      assert.deepInclude(result.structuredContent, { count: 2 })
    }).pipe(Effect.provide(withModels({})))
  )

  it.scoped("name the aliases of each model", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(tools)
      const result = yield* callTool(client, "list_models")
      assert.include(textOf(result), "loaded with 8192, also called main, coder\n- nomic")
      assert.match(JSON.stringify(result.structuredContent), /"aliases":\["main","coder"\]/)
    }).pipe(
      Effect.provide(
        withModels(
          { resolve: () => Effect.succeed("qwen3-8b") },
          new Map(["main", "coder"].map((name) => [name, { name, model: "qwen3-8b", instead: [] }]))
        )
      )
    )
  )

  it.scoped("show the details of one model, on disk and in memory", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(tools)
      const result = yield* callTool(client, "get_model_info", { model_name: "nomic" })
      assert.strictEqual(
        textOf(result),
        "nomic: embedding, 137M, F16, 1 GiB, context up to 2048, capable of tool use\n- nomic, loaded by the user"
      )
      assert.deepInclude(result.structuredContent, {
        model: "nomic",
        type: "embedding",
        params: "137M",
        sizeBytes: 2 ** 30,
        maxContextLength: 2048,
        capabilities: ["tool use"]
      })
    }).pipe(
      Effect.provide(
        withModels({
          resolve: () => Effect.succeed("nomic"),
          loaded: Effect.succeed([instance("nomic", { owner: "user" }), instance("qwen3-8b")])
        })
      )
    )
  )

  it.scoped("say that keep_loaded has no effect on a loaded model", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(tools)
      const result = yield* callTool(client, "lms_load_model", { model_name: "qwen3-8b", keep_loaded: false })
      assert.include(textOf(result), "keep_loaded has no effect on a loaded model")
    }).pipe(
      Effect.provide(withModels({ ensureLoaded: () => Effect.succeed({ ...ensured, action: "already-loaded" }) }))
    )
  )

  it.scoped("say how long a loaded model stays", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(tools)
      const result = yield* callTool(client, "lms_load_model", { model_name: "qwen3-8b", keep_loaded: true })
      assert.strictEqual(
        textOf(result),
        "qwen3-8b was loaded in 4.2 s with a context of 8192 tokens. It is unloaded after 10m without use."
      )
      assert.deepInclude(result.structuredContent, { ttlSeconds: 600, wasAlreadyLoaded: false })
    }).pipe(Effect.provide(withModels({ ensureLoaded: () => Effect.succeed(ensured) })))
  )

  it.scoped("keep_loaded: false requests the temporary idle limit, true or nothing the standard one", () =>
    Effect.gen(function* () {
      const asked = yield* Ref.make<ReadonlyArray<boolean | undefined>>([])
      yield* Effect.gen(function* () {
        const { client } = yield* connected(tools)
        yield* callTool(client, "lms_load_model", { model_name: "m", keep_loaded: false })
        yield* callTool(client, "lms_load_model", { model_name: "m", keep_loaded: true })
        yield* callTool(client, "lms_load_model", { model: "m" })
      }).pipe(
        Effect.provide(
          withModels({
            ensureLoaded: (_, options) =>
              Effect.as(
                Ref.update(asked, (all) => [...all, options?.temporary]),
                ensured
              )
          })
        )
      )
      assert.deepStrictEqual(yield* Ref.get(asked), [true, false, false])
    })
  )

  it.scoped("pass on the context, and say when a model of the user's was found", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(tools)
      const result = yield* callTool(client, "lms_ensure_model_loaded", {
        model_name: "qwen3-8b",
        context_length: 4096
      })
      assert.deepInclude(result.structuredContent, { wasAlreadyLoaded: true, owner: "user", contextLength: 4096 })
      assert.include(textOf(result), "was already loaded")
      assert.include(textOf(result), "was not loaded by lms-bridge")
    }).pipe(
      Effect.provide(
        withModels({
          ensureLoaded: (_, options) => {
            const { ttlMillis: _ttl, ...rest } = ensured
            const contextLength = options?.contextLength ?? 0
            return Effect.succeed({ ...rest, action: "already-loaded", owner: "user", contextLength })
          }
        })
      )
    )
  )

  it.scoped("an unknown name is an error that names the nearest", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(tools)
      for (const name of ["get_model_info", "lms_ensure_model_loaded", "lms_load_model", "lms_unload_model"]) {
        const result = yield* callTool(client, name, { model_name: "qwen" })
        assert.isTrue(result.isError)
        assert.deepNestedInclude(result.structuredContent, { "error._tag": "ModelNotFound" })
        assert.include(textOf(result), "Did you mean qwen3-8b?")
      }
    }).pipe(
      Effect.provide(
        withModels({
          ensureLoaded: () => Effect.fail(unknown),
          resolve: () => Effect.fail(unknown),
          loaded: Effect.succeed([])
        })
      )
    )
  )

  it.scoped("unload by key takes every copy, by instance id only that one", () =>
    Effect.gen(function* () {
      const gone = yield* Ref.make<ReadonlyArray<string>>([])
      yield* Effect.gen(function* () {
        const { client } = yield* connected(tools)
        const copy = yield* callTool(client, "lms_unload_model", { model_name: "a:2" })
        assert.deepInclude(copy.structuredContent, { model: "a", unloaded: ["a:2"] })
        yield* callTool(client, "lms_unload_model", { model_name: "A" })
        assert.deepStrictEqual(yield* Ref.get(gone), ["a:2", "x", "a:2"])
      }).pipe(
        Effect.provide(
          withModels({
            resolve: () => Effect.succeed("a"),
            loaded: Effect.succeed([instance("x", { model: "a" }), instance("a:2"), instance("b")]),
            unload: (id) => Ref.update(gone, (all) => [...all, id])
          })
        )
      )
    })
  )

  it.scoped("unloading a model that is not loaded succeeds; unloading one in use fails unless forced", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(tools)
      const not = yield* callTool(client, "lms_unload_model", { model_name: "idle" })
      assert.strictEqual(textOf(not), "idle was not loaded.")
      const busy = yield* callTool(client, "lms_unload_model", { model_name: "busy" })
      assert.deepNestedInclude(busy.structuredContent, { "error._tag": "ModelInUse", "error.retryable": true })
      const forced = yield* callTool(client, "lms_unload_model", { model_name: "busy", force: true })
      assert.strictEqual(textOf(forced), "Unloaded busy.")
    }).pipe(
      Effect.provide(
        withModels({
          resolve: () => Effect.succeed("idle"),
          loaded: Effect.succeed([instance("busy")]),
          unload: (instanceId, options) =>
            options?.force === true ? Effect.void : Effect.fail(new ModelInUse({ instanceId, reason: "Busy" }))
        })
      )
    )
  )

  it.scoped("the current model is looked up without a request to it", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(tools)
      const result = yield* callTool(client, "get_current_model")
      assert.deepInclude(result.structuredContent, { model: "a", loaded: true })
      assert.strictEqual(textOf(result), "a is loaded.\n- a:2 (a), loaded by lms-bridge")
    }).pipe(
      Effect.provide(
        withModels({ resolve: () => Effect.succeed("a"), loaded: Effect.succeed([instance("a:2"), instance("b")]) })
      )
    )
  )

  it.scoped("loaded models are listed with owner, state, idle limit and total size", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(tools)
      const result = yield* callTool(client, "lms_list_loaded_models")
      assert.deepInclude(result.structuredContent, { count: 2, totalMemoryBytes: 3 * 2 ** 30, totalMemoryGB: 3 })
      assert.strictEqual(
        textOf(result),
        "- a, context 4096, 3 GiB, idle, loaded by the user, stays\n" +
          "- b, loaded by lms-bridge, unloaded after 10m idle, in use by a run\n" +
          "3 GiB together, where sizes are known."
      )
    }).pipe(
      Effect.provide(
        withModels({
          loaded: Effect.succeed([
            instance("a", {
              owner: "user",
              contextLength: 4096,
              sizeBytes: 3 * 2 ** 30,
              status: "idle",
              ttlMillis: null
            }),
            instance("b", { ttlMillis: 600_000, leases: 1 })
          ])
        })
      )
    )
  )
})
