import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Option, Ref } from "effect"
import { LmsCliError } from "@lms-bridge/core/lmstudio/LmsCli"
import { ModelLifecycle, type LoadProgress } from "@lms-bridge/core/models/ModelLifecycle"
import { Outcome } from "@lms-bridge/testing/simulator/Faults"
import { SimulatorControl } from "@lms-bridge/testing/simulator/SimulatorControl"
import {
  onMachine,
  inMemory,
  layer,
  llama,
  lmsCalls,
  misbehaving,
  nomic,
  oss,
  qwen,
  qwen8,
  requests,
  type Options
} from "./simulated.ts"

const test = (options: Options = {}) => onMachine(layer(options))
const ensure = (...args: Parameters<ModelLifecycle["Type"]["ensureLoaded"]>) =>
  Effect.flatMap(ModelLifecycle, (lifecycle) => lifecycle.ensureLoaded(...args))
const ttls = Effect.flatMap(SimulatorControl, (control) =>
  Effect.map(control.snapshot, ({ instances }) => instances.map(({ ttlMs }) => ttlMs))
)

describe("ModelLifecycle: loading a model", () => {
  describe("never without a limit on its idle time", () => {
    it.effect("by `lms load --ttl`", () =>
      Effect.gen(function* () {
        const ensured = yield* ensure(qwen)
        assert.deepInclude(ensured, {
          model: qwen,
          instanceId: qwen,
          action: "loaded",
          way: "cli",
          owner: "lms-bridge",
          contextLength: 4096,
          ttlMillis: 600_000,
          steppedDown: []
        })
        assert.deepStrictEqual(yield* ttls, [600_000])
      }).pipe(test())
    )

    it.effect("just in time, with `ttl` in a request of one token", () =>
      Effect.gen(function* () {
        assert.deepInclude(yield* ensure(qwen), { action: "loaded", way: "jit", ttlMillis: 600_000 })
        assert.deepStrictEqual(yield* ttls, [600_000])
        const [request] = (yield* (yield* SimulatorControl).seen).requests.filter(({ method }) => method === "POST")
        assert.deepInclude(request?.body, { model: qwen, ttl: 600, max_tokens: 1 })
      }).pipe(test({ lms: false }))
    )

    it.effect("just in time for an embedding model, with `ttl` in an embeddings request", () =>
      Effect.gen(function* () {
        assert.deepInclude(yield* ensure(nomic), { action: "loaded", way: "jit", ttlMillis: 600_000 })
        assert.deepStrictEqual(yield* ttls, [600_000])
        assert.include(yield* requests, "POST /v1/embeddings")
      }).pipe(test({ lms: false }))
    )

    it.effect("by REST, which knows no TTL, with a reaper of our own", () =>
      Effect.gen(function* () {
        const control = yield* SimulatorControl
        const ensured = yield* ensure(qwen, { contextLength: 16_384 })
        assert.deepInclude(ensured, { action: "loaded", way: "rest", ttlMillis: 600_000, contextLength: 16_384 })
        assert.deepStrictEqual(yield* ttls, [null])
        yield* control.until(({ instances }) => instances.length === 0)
        const at = (yield* control.events).map((event) => event.at)
        const idle = (at.at(-1) ?? 0) - (at[1] ?? 0)
        assert.isAtLeast(idle, 600_000)
        assert.isAtMost(idle, 640_000)
      }).pipe(test({ lms: false }))
    )

    it.effect("as long as was asked for, within the bounds of the policy", () =>
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        const settings = { ttl: "1 hour", asked: 3_600_000 }
        for (const [options, millis] of [
          [{ temporary: true }, 300_000],
          [{ ttl: "90 seconds" }, 90_000],
          [{ ttl: "90 seconds", temporary: true }, 90_000],
          [{ ttl: "3 hours" }, settings.asked],
          [{ ttl: Duration.infinity }, settings.asked],
          [{ ttl: 0 }, 1000],
          [{ ttl: 2900 }, 2000]
        ] as const) {
          const ensured = yield* ensure(qwen, options)
          assert.strictEqual(ensured.ttlMillis, millis)
          assert.deepStrictEqual(yield* ttls, [millis])
          yield* lifecycle.unload(qwen)
        }
      }).pipe(test())
    )

    it.effect("by configuration", () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* ensure(qwen)).ttlMillis, 120_000)
        assert.strictEqual((yield* ensure(llama, { ttl: "1 hour" })).ttlMillis, 240_000)
      }).pipe(test({ settings: { ttl: Duration.minutes(2), ttlMaximum: Duration.minutes(4) } }))
    )
  })

  describe("looks first", () => {
    it.effect("and finds a loaded model with one GET and nothing else", () =>
      Effect.gen(function* () {
        const control = yield* SimulatorControl
        yield* ensure(qwen)
        yield* control.clearSeen
        const again = yield* ensure(qwen.toUpperCase(), { ttl: "1 minute", gpu: "max" })
        assert.deepInclude(again, {
          action: "already-loaded",
          model: qwen,
          instanceId: qwen,
          owner: "lms-bridge",
          ttlMillis: 600_000
        })
        assert.deepStrictEqual(yield* requests, ["GET /api/v1/models"])
        assert.deepStrictEqual(yield* lmsCalls, [])
      }).pipe(test())
    )

    it.effect("and uses what the user loaded, busy or not, without a word about its TTL", () =>
      Effect.gen(function* () {
        const control = yield* SimulatorControl
        const { id } = yield* control.loadAsUser(qwen, { contextLength: 8192, identifier: "mine" })
        yield* control.setBusy(id, "generating")
        const ensured = yield* ensure(qwen, { contextLength: 8192 })
        assert.deepInclude(ensured, {
          action: "already-loaded",
          instanceId: "mine",
          owner: "user",
          contextLength: 8192
        })
        assert.notProperty(ensured, "ttlMillis")
        assert.notProperty(ensured, "way")
        assert.strictEqual((yield* ensure("mine")).model, qwen)
        assert.deepStrictEqual(yield* inMemory, ["mine"])
      }).pipe(test())
    )

    it.effect("and reads a lagging /api/v0 with the help of `lms ps` (contract B)", () =>
      Effect.gen(function* () {
        const control = yield* SimulatorControl
        yield* control.loadAsUser(qwen, {})
        const ensured = yield* ensure(qwen)
        assert.deepInclude(ensured, { action: "already-loaded", instanceId: qwen, owner: "user" })
        assert.deepStrictEqual(yield* inMemory, [qwen])
      }).pipe(test({ simulator: { settings: { api: "legacy-v0", v0Lags: true } } }))
    )
  })

  describe("finds another way", () => {
    it.effect("when there is no `lms`", () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* ensure(qwen)).way, "jit")
      }).pipe(test({ settings: { lmsBinary: Option.some("/nowhere/lms") } }))
    )

    it.effect("when `lms` is too old to know --ttl", () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* ensure(qwen)).way, "jit")
        assert.deepStrictEqual(yield* ttls, [600_000])
      }).pipe(test({ simulator: { settings: { cliSince: 202404 } } }))
    )

    it.effect("when `lms` talks to another LM Studio", () =>
      Effect.gen(function* () {
        const control = yield* SimulatorControl
        yield* control.loadAsUser(llama)
        assert.strictEqual((yield* ensure(qwen)).way, "rest")
        assert.notInclude((yield* lmsCalls).join("\n"), "load")
      }).pipe(test({ cli: misbehaving(() => ({ ps: Effect.succeed([]) })) }))
    )

    it.effect("when just-in-time loading is off, and says that nothing is loaded (H5)", () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* ensure(qwen)).way, "rest")
      }).pipe(test({ lms: false, simulator: { settings: { jitLoading: false } } }))
    )

    it.effect("when just-in-time loading is on and does not work (H5)", () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* ensure(qwen)).way, "rest")
      }).pipe(test({ lms: false, simulator: { settings: { jitWorks: false } } }))
    )

    it.effect("on an older server without REST loading", () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* ensure(qwen)).way, "jit")
      }).pipe(test({ lms: false, simulator: { settings: { api: "legacy-v0" } } }))
    )

    it.effect("for one variant of several, which `lms` cannot name", () =>
      Effect.gen(function* () {
        const ensured = yield* ensure("qwen/qwen3-8b@Q8_0")
        assert.deepInclude(ensured, { model: qwen8, way: "jit" })
        const [request] = (yield* (yield* SimulatorControl).seen).requests.filter(({ method }) => method === "POST")
        assert.deepInclude(request?.body, { model: "qwen/qwen3-8b@q8_0" })
      }).pipe(test())
    )

    it.effect("and says what each lacks when there is none", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(ensure(qwen, { gpu: 0.5 }))
        assert.deepInclude(error, { _tag: "ModelLoadFailed", model: qwen })
        assert.include(error.message, "cli: switched off by LMS_BRIDGE_LMS_BINARY=none")
        assert.include(error.message, "jit: cannot set the share of the GPU")
        assert.deepStrictEqual(yield* inMemory, [])
      }).pipe(test({ lms: false }))
    )

    it.effect("but not just in time when that could push out a model that somebody else uses", () =>
      Effect.gen(function* () {
        const control = yield* SimulatorControl
        yield* control.loadAsUser(llama, { ttl: "1 hour" })
        assert.strictEqual((yield* ensure(qwen)).way, "rest")
        assert.deepStrictEqual(yield* inMemory, [llama, qwen])
      }).pipe(test({ lms: false }))
    )
  })

  describe("verifies what it did", () => {
    it.effect("`lms load` exits 0 having loaded another model: that one goes again, and the error has the facts", () =>
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
        assert.include(error.message, "in memory there is nothing")
      }).pipe(test({ cli: misbehaving(() => ({ load: () => Effect.void })) }))
    )

    it.effect("another model that a user loads meanwhile is no mistake of ours", () =>
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

    it.effect("a second copy, because the user loaded it at the same moment, goes; the user's is used (H3)", () =>
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

    it.effect("less context than asked for: it goes again, and the error says how much there was", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(ensure(qwen, { contextLength: 16_384 }))
        assert.deepInclude(error, { _tag: "ModelLoadFailed", reason: "NotVerified" })
        assert.include(error.message, "with a context of 4096")
        assert.include(error.message, "asked for with a context of 16384")
        assert.deepStrictEqual(yield* inMemory, [])
      }).pipe(
        test({ cli: misbehaving((real) => ({ load: (options) => real.load({ ...options, contextLength: 4096 }) })) })
      )
    )

    it.effect("`lms load` does its work and never exits (H28)", () =>
      Effect.gen(function* () {
        const control = yield* SimulatorControl
        const lifecycle = yield* ModelLifecycle
        // the estimate is an `lms load`, too
        yield* control.script("lms load", [Outcome.ok, Outcome.neverExits])
        const ensured = yield* lifecycle.ensureLoaded(qwen)
        assert.deepInclude(ensured, { action: "loaded", way: "cli", owner: "lms-bridge", instanceId: qwen })
      }).pipe(test({ settings: { loadTimeout: Duration.seconds(60) } }))
    )

    it.effect("the reply to a REST load is lost, and the load was done", () =>
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

    it.effect("LM Studio is off, and configuration allows to start it: one start for all callers", () =>
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

    it.effect("no such model: what there is, and what may have been meant", () =>
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

    it.effect("more context than the model takes: nothing is begun", () =>
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

    it.effect("`lms load` hangs and does nothing: it is stopped, and the state read back", () =>
      Effect.gen(function* () {
        const control = yield* SimulatorControl
        const lifecycle = yield* ModelLifecycle
        yield* control.script("lms load", [Outcome.ok, Outcome.hang])
        const error = yield* Effect.flip(lifecycle.ensureLoaded(qwen))
        assert.deepInclude(error, { _tag: "ModelLoadFailed", reason: "Timeout" })
        assert.include(error.message, "LMS_BRIDGE_LOAD_TIMEOUT")
      }).pipe(test({ settings: { loadTimeout: Duration.seconds(60) } }))
    )

    it.effect("a model that the list has and `lms` has not", () =>
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

    it.effect("a server that wants a token", () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* Effect.flip(ensure(qwen)))._tag, "Unauthorized")
      }).pipe(test({ simulator: { settings: { authRequired: true } } }))
    )
  })

  describe("on a server that is not LM Studio", () => {
    it.effect("what is listed is served; nothing can be loaded", () =>
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

    it.effect("none named: a loaded language model, else the best suited on disk, never an embedding model", () =>
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

    it.effect("none named and nothing there", () =>
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

  describe("more context than what is loaded has", () => {
    it.effect("ours and idle: loaded again", () =>
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

    it.effect("the user's: a second copy of ours beside it, and the user's is as it was", () =>
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
    it.effect("is given, also beside a copy without it", () =>
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

  it.effect("tells how far it is", () =>
    Effect.gen(function* () {
      const lifecycle = yield* ModelLifecycle
      const heard = yield* Ref.make<ReadonlyArray<LoadProgress>>([])
      const onProgress = (progress: LoadProgress) => Ref.update(heard, (all) => [...all, progress])
      yield* lifecycle.ensureLoaded(qwen, { onProgress })
      assert.deepStrictEqual(yield* Ref.get(heard), [
        { _tag: "Loading", model: qwen, way: "cli", progress: undefined },
        { _tag: "Verifying", model: qwen }
      ])
    }).pipe(test())
  )

  it.effect("works without a folder to write to", () =>
    Effect.gen(function* () {
      const lifecycle = yield* ModelLifecycle
      assert.deepInclude(yield* ensure(qwen), { action: "loaded", owner: "lms-bridge" })
      yield* lifecycle.unload(qwen)
      assert.deepStrictEqual(yield* inMemory, [])
    }).pipe(test({ files: { readOnly: true } }))
  )
})
