import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber } from "effect"
import { LmsCliError } from "#src/lmstudio/LmsCliError.ts"
import { ModelLifecycle } from "#src/models/ModelLifecycle.ts"
import { Outcome } from "@lms-bridge/simulator/Faults"
import { SimulatorControl } from "@lms-bridge/simulator/SimulatorControl"
import { onMachine, inMemory, layer, llama, lmsCalls, misbehaving, qwen, qwen8, type Options } from "./simulated.ts"

const test = (options: Options = {}) => onMachine(layer(options))
const ensure = (...args: Parameters<ModelLifecycle["Type"]["ensureLoaded"]>) =>
  Effect.flatMap(ModelLifecycle, (lifecycle) => lifecycle.ensureLoaded(...args))
const ttls = Effect.flatMap(SimulatorControl, (control) =>
  Effect.map(control.snapshot, ({ instances }) => instances.map(({ ttlMs }) => ttlMs))
)

describe("ModelLifecycle: verification", () => {
  describe("verifies what it did", () => {
    it.effect("`lms load` exits 0 having loaded another model: that one is unloaded, and the error has the facts", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(ensure(qwen))
        assert.deepInclude(error, { _tag: "ModelLoadFailed", reason: "NotVerified", model: qwen })
        assert.include(error.message, `unloaded again: ${qwen8}`)
        assert.deepStrictEqual(yield* inMemory, [])
      }).pipe(test({ cli: misbehaving((real) => ({ load: (options) => real.load({ ...options, key: qwen8 }) })) }))
    )

    it.effect("`lms load` exits 0 having loaded nothing", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(ensure(qwen))
        assert.deepInclude(error, { _tag: "ModelLoadFailed", reason: "NotVerified" })
        assert.include(error.message, "nothing is in memory")
      }).pipe(test({ cli: misbehaving(() => ({ load: () => Effect.void })) }))
    )

    it.effect("another model that we load for another caller meanwhile does not count as a mistake", () =>
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        const [error, other] = yield* Effect.all(
          [Effect.flip(lifecycle.ensureLoaded(qwen)), lifecycle.ensureLoaded(llama)],
          { concurrency: 2 }
        )
        assert.deepInclude(error, { _tag: "ModelLoadFailed", reason: "NotVerified" })
        assert.deepInclude(other, { action: "loaded", model: llama })
        assert.deepStrictEqual(yield* inMemory, [llama])
      }).pipe(
        test({
          simulator: { settings: { loadTime: Duration.seconds(1) } },
          cli: misbehaving((real) => ({
            load: (options) => (options.key === qwen ? Effect.sleep("2 seconds") : real.load(options))
          }))
        })
      )
    )

    it.effect("another model that a user loads meanwhile does not count as a mistake", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(ensure(qwen))
        assert.deepInclude(error, { _tag: "ModelLoadFailed", reason: "NotVerified" })
        assert.deepStrictEqual(yield* inMemory, [llama])
      }).pipe(
        test({
          cli: misbehaving((_, control) => ({ load: () => Effect.orDie(Effect.asVoid(control.loadAsUser(llama))) }))
        })
      )
    )

    it.effect(
      "a second copy, because the user loaded the model at the same moment, is unloaded; the user's is used (H3)",
      () =>
        Effect.gen(function* () {
          const ensured = yield* ensure(qwen)
          assert.deepInclude(ensured, { instanceId: qwen, owner: "user" })
          assert.deepStrictEqual(yield* inMemory, [qwen])
          assert.deepStrictEqual(yield* ttls, [null])
        }).pipe(
          test({
            cli: misbehaving((real, control) => ({
              load: (options) => Effect.zipRight(Effect.orDie(control.loadAsUser(options.key)), real.load(options))
            }))
          })
        )
    )

    it.effect("less context than requested: the copy is unloaded, and the error says how much there was", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(ensure(qwen, { contextLength: 16_384 }))
        assert.deepInclude(error, { _tag: "ModelLoadFailed", reason: "NotVerified" })
        assert.include(error.message, "with a context of 4096")
        assert.include(error.message, "it was requested with a context of 16384")
        assert.deepStrictEqual(yield* inMemory, [])
      }).pipe(
        test({ cli: misbehaving((real) => ({ load: (options) => real.load({ ...options, contextLength: 4096 }) })) })
      )
    )

    it.effect("`lms load` does its work and never exits (H28)", () =>
      Effect.gen(function* () {
        const control = yield* SimulatorControl
        const lifecycle = yield* ModelLifecycle
        // the estimate is an `lms load` too
        yield* control.script("lms load", [Outcome.ok, Outcome.neverExits])
        const ensured = yield* lifecycle.ensureLoaded(qwen)
        assert.deepInclude(ensured, { action: "loaded", way: "cli", owner: "lms-bridge", instanceId: qwen })
      }).pipe(test({ settings: { loadTimeout: Duration.seconds(60) } }))
    )

    it.effect("a REST load fails, and the user loads the model meanwhile: it is used, and remains the user's", () =>
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        const control = yield* SimulatorControl
        yield* control.scriptLoads(qwen, [{ _tag: "Sigabrt" }, { _tag: "Slow", ms: 500 }])
        const fiber = yield* Effect.fork(lifecycle.ensureLoaded(qwen, { contextLength: 4096 }))
        yield* Effect.sleep("1 second")
        const { id } = yield* control.loadAsUser(qwen)
        assert.deepInclude(yield* Fiber.join(fiber), { action: "already-loaded", instanceId: id, owner: "user" })
        yield* Effect.sleep("1 hour")
        assert.deepStrictEqual(yield* inMemory, [id])
      }).pipe(test({ lms: false, simulator: { settings: { loadTime: Duration.seconds(2) } } }))
    )

    it.effect("the reply to a REST load is lost, although the load was done", () =>
      Effect.gen(function* () {
        const control = yield* SimulatorControl
        yield* control.script("POST /api/v1/models/load", [Outcome.dropReply])
        const ensured = yield* ensure(qwen, { contextLength: 8192 })
        assert.deepInclude(ensured, { action: "loaded", way: "rest", owner: "lms-bridge", contextLength: 8192 })
      }).pipe(test({ lms: false }))
    )
  })

  describe("fails with the reason and the next step", () => {
    it.effect("LM Studio is off: `lms` is not called, because it would start it (H29)", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(ensure(qwen))
        assert.deepInclude(error, { _tag: "LmStudioUnreachable", reason: "Refused" })
        assert.deepStrictEqual(yield* lmsCalls, [])
      }).pipe(test({ simulator: { settings: { appRunning: false, serverRunning: false } } }))
    )

    it.effect("LM Studio is off, and the configuration allows starting it: one start for all callers", () =>
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        const all = yield* Effect.all(
          [lifecycle.ensureLoaded(qwen), lifecycle.ensureLoaded(qwen), lifecycle.resolve("default")],
          {
            concurrency: 3
          }
        )
        assert.strictEqual(all[0].instanceId, qwen)
        assert.strictEqual((yield* lmsCalls).filter((call) => call.startsWith("server start")).length, 1)
      }).pipe(
        test({ settings: { autostart: true }, simulator: { settings: { appRunning: false, serverRunning: false } } })
      )
    )

    it.effect("no such model: lists the available ones, and suggests similar names", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(ensure("qwen/qwen3-8"))
        assert.strictEqual(error._tag, "ModelNotFound")
        assert.include(error.message, "Did you mean qwen/qwen3-8b")
        for (const name of ["--help", "-a", "qwen3-8b", "a\u0000b"]) {
          assert.strictEqual((yield* Effect.flip(ensure(name)))._tag, "ModelNotFound")
        }
        assert.deepStrictEqual(yield* lmsCalls, [])
      }).pipe(test())
    )

    it.effect("more context than the model supports: no load is started", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(ensure(qwen8, { contextLength: 50_000 }))
        assert.deepInclude(error, { _tag: "RequestRejected", param: "contextLength" })
        assert.include(error.message, "at most 40960 tokens")
        assert.notInclude((yield* lmsCalls).join("\n"), "load")
      }).pipe(test())
    )

    it.effect("an engine that crashes while loading is not tried again (H20)", () =>
      Effect.gen(function* () {
        const control = yield* SimulatorControl
        yield* control.scriptLoads(qwen, [{ _tag: "Sigabrt" }])
        const error = yield* Effect.flip(ensure(qwen))
        assert.deepInclude(error, { _tag: "ModelLoadFailed", reason: "Engine", model: qwen })
        assert.include(error.message, "SIGABRT")
        assert.strictEqual((yield* control.events).filter(({ type }) => type === "loadStarted").length, 1)
      }).pipe(test())
    )

    it.effect("an engine that crashes in a just-in-time load", () =>
      Effect.gen(function* () {
        const control = yield* SimulatorControl
        yield* control.scriptLoads(qwen, [{ _tag: "Sigabrt" }])
        const error = yield* Effect.flip(ensure(qwen))
        assert.deepInclude(error, { _tag: "ModelLoadFailed", reason: "Engine" })
        assert.strictEqual((yield* control.events).filter(({ type }) => type === "loadStarted").length, 1)
      }).pipe(test({ lms: false }))
    )

    it.effect("`lms load` hangs and does nothing: it is stopped, and the state is read back", () =>
      Effect.gen(function* () {
        const control = yield* SimulatorControl
        const lifecycle = yield* ModelLifecycle
        yield* control.script("lms load", [Outcome.ok, Outcome.hang])
        const error = yield* Effect.flip(lifecycle.ensureLoaded(qwen))
        assert.deepInclude(error, { _tag: "ModelLoadFailed", reason: "Timeout" })
        assert.include(error.message, "LMS_BRIDGE_LOAD_TIMEOUT")
      }).pipe(test({ settings: { loadTimeout: Duration.seconds(60) } }))
    )

    it.effect("a model that the API lists and `lms` does not", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(ensure(qwen))
        assert.deepInclude(error, { _tag: "ModelNotFound", model: qwen })
      }).pipe(
        test({
          cli: misbehaving(() => ({
            load: () => new LmsCliError({ reason: "ModelNotFound", subcommand: "load", detail: "Model not found" })
          }))
        })
      )
    )

    it.effect("a server that requires a token", () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* Effect.flip(ensure(qwen)))._tag, "Unauthorized")
      }).pipe(test({ simulator: { settings: { authRequired: true } } }))
    )
  })
})
