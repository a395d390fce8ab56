import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { ModelLifecycle } from "#src/models/ModelLifecycle.ts"
import { SimulatorControl } from "@lms-bridge/simulator/SimulatorControl"
import { onMachine, inMemory, layer, lmsCalls, qwen, requests, type Options } from "./simulated.ts"

const test = (options: Options = {}) => onMachine(layer(options))

describe("ModelLifecycle: models in use, and unloading", () => {
  describe("models in use", () => {
    it.effect("a busy model counts as loaded, whatever it is busy with, and is not unloaded", () =>
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        const control = yield* SimulatorControl
        yield* lifecycle.ensureLoaded(qwen)
        for (const status of ["processingPrompt", "generating", "computingEmbedding"] as const) {
          yield* control.setBusy(qwen, status)
          assert.strictEqual((yield* lifecycle.ensureLoaded(qwen)).action, "already-loaded")
          const error = yield* Effect.flip(lifecycle.unload(qwen))
          assert.deepInclude(error, { _tag: "ModelInUse", reason: "Busy" })
          assert.include(error.message, "answering a request")
        }
        yield* control.setBusy(qwen, "idle")
        yield* lifecycle.unload(qwen)
        assert.strictEqual((yield* control.invariants).unloadsWhileBusy, 0)
      }).pipe(test())
    )

    it.effect("a leased model is not unloaded until its last lease ends", () =>
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        const refused = Effect.map(
          Effect.flip(lifecycle.unload(qwen)),
          (error) => error._tag === "ModelInUse" && error.reason
        )
        yield* lifecycle.withModel(qwen)(() =>
          Effect.gen(function* () {
            yield* lifecycle.withModel(qwen)(() =>
              Effect.gen(function* () {
                const [one] = yield* lifecycle.loaded
                assert.strictEqual(one?.leases, 2)
                assert.strictEqual(yield* refused, "Leased")
              })
            )
            assert.strictEqual(yield* refused, "Leased")
          })
        )
        yield* lifecycle.unload(qwen)
        assert.deepStrictEqual(yield* inMemory, [])
      }).pipe(test())
    )

    it.effect("a leased model with too little context is not reloaded: a second copy is loaded beside it", () =>
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        yield* lifecycle.withModel(qwen)(() =>
          Effect.map(lifecycle.ensureLoaded(qwen, { contextLength: 16_384 }), (ensured) =>
            assert.deepInclude(ensured, { action: "loaded", instanceId: `${qwen}:lms-bridge` })
          )
        )
        assert.deepStrictEqual(yield* inMemory, [qwen, `${qwen}:lms-bridge`])
      }).pipe(test())
    )

    it.effect("a user's model is left alone, unless forced", () =>
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        const control = yield* SimulatorControl
        yield* control.loadAsUser(qwen)
        const error = yield* Effect.flip(lifecycle.unload(qwen))
        assert.deepInclude(error, { _tag: "ModelInUse", reason: "UserLoaded" })
        assert.include(error.message, "--force")
        assert.deepStrictEqual(yield* inMemory, [qwen])
        yield* lifecycle.unload(qwen, { force: true })
        assert.deepStrictEqual(yield* inMemory, [])
      }).pipe(test())
    )

    it.effect("an instance of ours that is gone is forgotten: what the user loads under its id is the user's", () =>
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        const control = yield* SimulatorControl
        yield* lifecycle.ensureLoaded(qwen)
        yield* control.unloadAsUser(qwen)
        yield* Effect.sleep("1 second")
        assert.deepStrictEqual(yield* lifecycle.loaded, [])
        yield* control.loadAsUser(qwen)
        assert.deepInclude((yield* lifecycle.loaded)[0], { owner: "user" })
      }).pipe(test({ lms: false }))
    )

    it.effect("a model that the user loads under the id of one of ours that is gone is the user's", () =>
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        const control = yield* SimulatorControl
        yield* lifecycle.ensureLoaded(qwen)
        yield* control.unloadAsUser(qwen)
        yield* control.loadAsUser(qwen)
        const [one] = yield* lifecycle.loaded
        assert.deepInclude(one, { owner: "user", ttlMillis: null })
        assert.strictEqual((yield* Effect.flip(lifecycle.unload(qwen)))._tag, "ModelInUse")
      }).pipe(test())
    )
  })

  describe("unloading", () => {
    it.effect("takes an id in any letter case, or the name of the only copy", () =>
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        yield* lifecycle.ensureLoaded(qwen, { identifier: "Reader" })
        yield* lifecycle.unload("reader")
        yield* lifecycle.ensureLoaded(qwen, { identifier: "Reader" })
        yield* lifecycle.unload(qwen.toUpperCase())
        assert.deepStrictEqual(yield* inMemory, [])
      }).pipe(test())
    )

    it.effect("fails for a model that is not loaded, and sends nothing to LM Studio", () =>
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        for (const name of [qwen, "--all", "-a", ""]) {
          assert.strictEqual((yield* Effect.flip(lifecycle.unload(name)))._tag, "ModelNotLoaded")
        }
        assert.notInclude((yield* lmsCalls).join("\n"), "unload")
        assert.notInclude(yield* requests, "POST /api/v1/models/unload")
      }).pipe(test())
    )

    it.effect("is verified: a false success is an error", () =>
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        const control = yield* SimulatorControl
        yield* lifecycle.ensureLoaded(qwen)
        yield* control.script("POST /api/v1/models/unload", [
          { _tag: "HttpError", status: 200, body: { instance_id: qwen } }
        ])
        const error = yield* Effect.flip(lifecycle.unload(qwen))
        assert.deepInclude(error, { _tag: "UnloadNotVerified", instanceId: qwen })
      }).pipe(test())
    )

    it.effect("uses `lms` on an older server, whose exit code 0 proves nothing (H6)", () =>
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        const control = yield* SimulatorControl
        yield* lifecycle.ensureLoaded(qwen)
        yield* control.script("lms unload", [{ _tag: "Exit", code: 0 }])
        assert.strictEqual((yield* Effect.flip(lifecycle.unload(qwen)))._tag, "UnloadNotVerified")
        yield* lifecycle.unload(qwen)
        assert.deepStrictEqual(yield* inMemory, [])
      }).pipe(test({ simulator: { settings: { api: "legacy-v0" } } }))
    )

    it.effect("is not possible on an older server without `lms`", () =>
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        yield* lifecycle.ensureLoaded(qwen)
        const error = yield* Effect.flip(lifecycle.unload(qwen))
        assert.strictEqual(error._tag, "Unsupported")
      }).pipe(test({ lms: false, simulator: { settings: { api: "legacy-v0" } } }))
    )
  })
})
