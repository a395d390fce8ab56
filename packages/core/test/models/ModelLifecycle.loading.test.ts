import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Option, Ref } from "effect"

import { ModelLifecycle } from "#src/models/ModelLifecycle.ts"
import type { LoadProgress } from "#src/models/EnsureOptions.ts"

import { Outcome } from "@lms-bridge/simulator/Faults"
import { SimulatorControl } from "@lms-bridge/simulator/SimulatorControl"
import {
  onMachine,
  inMemory,
  layer,
  llama,
  lmsCalls,
  misbehaving,
  nomic,
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

    it.effect("by REST, which takes no TTL, with a reaper of our own", () =>
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

    it.effect("for the requested time, within the policy's bounds", () =>
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
    it.effect("and finds a loaded model with a single GET", () =>
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

    it.effect("and uses what the user loaded, busy or not, without reporting a TTL", () =>
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

    it.effect("when `lms` hangs: waits for it once, then does without it for a while (H28)", () =>
      Effect.gen(function* () {
        const control = yield* SimulatorControl
        yield* control.script("lms ps", [], Outcome.hang)
        const first = yield* ensure(qwen)
        assert.strictEqual(first.way, "jit")
        assert.isAtMost(first.tookMillis, 10_000)
        const second = yield* ensure(llama)
        assert.strictEqual(second.way, "rest")
        assert.strictEqual(second.tookMillis, 0)
        assert.strictEqual((yield* lmsCalls).filter((call) => call === "ps --json").length, 1)
      }).pipe(test())
    )

    it.effect("when `lms` talks to another LM Studio", () =>
      Effect.gen(function* () {
        const control = yield* SimulatorControl
        yield* control.loadAsUser(llama)
        assert.strictEqual((yield* ensure(qwen)).way, "rest")
        assert.notInclude((yield* lmsCalls).join("\n"), "load")
      }).pipe(test({ cli: misbehaving(() => ({ ps: Effect.succeed([]) })) }))
    )

    it.effect("when just-in-time loading is off, and LM Studio says that nothing is loaded (H5)", () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* ensure(qwen)).way, "rest")
      }).pipe(test({ lms: false, simulator: { settings: { jitLoading: false } } }))
    )

    it.effect("when just-in-time loading is on but does not work (H5)", () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* ensure(qwen)).way, "rest")
      }).pipe(test({ lms: false, simulator: { settings: { jitWorks: false } } }))
    )

    it.effect("on an older server without REST loading", () =>
      Effect.gen(function* () {
        assert.strictEqual((yield* ensure(qwen)).way, "jit")
      }).pipe(test({ lms: false, simulator: { settings: { api: "legacy-v0" } } }))
    )

    it.effect("for one of several variants, which `lms` cannot choose", () =>
      Effect.gen(function* () {
        const ensured = yield* ensure("qwen/qwen3-8b@Q8_0")
        assert.deepInclude(ensured, { model: qwen8, way: "jit" })
        const [request] = (yield* (yield* SimulatorControl).seen).requests.filter(({ method }) => method === "POST")
        assert.deepInclude(request?.body, { model: "qwen/qwen3-8b@q8_0" })
      }).pipe(test())
    )

    it.effect("and says what each way lacks when there is none", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(ensure(qwen, { gpu: 0.5 }))
        assert.deepInclude(error, { _tag: "ModelLoadFailed", model: qwen })
        assert.include(error.message, "cli: switched off by LMS_BRIDGE_LMS_BINARY=none")
        assert.include(error.message, "jit: cannot set the GPU share")
        assert.deepStrictEqual(yield* inMemory, [])
      }).pipe(test({ lms: false }))
    )

    it.effect("but not just in time when that could evict a model that somebody else uses", () =>
      Effect.gen(function* () {
        const control = yield* SimulatorControl
        yield* control.loadAsUser(llama, { ttl: "1 hour" })
        assert.strictEqual((yield* ensure(qwen)).way, "rest")
        assert.deepStrictEqual(yield* inMemory, [llama, qwen])
      }).pipe(test({ lms: false }))
    )
  })

  it.effect("reports its progress", () =>
    Effect.gen(function* () {
      const lifecycle = yield* ModelLifecycle
      const heard = yield* Ref.make<ReadonlyArray<LoadProgress>>([])
      const onProgress = (progress: LoadProgress) => Ref.update(heard, (all) => [...all, progress])
      yield* lifecycle.ensureLoaded(qwen, { onProgress })
      const [first, ...others] = yield* Ref.get(heard)
      assert.deepStrictEqual(first, { _tag: "Loading", model: qwen, way: "cli", progress: undefined })
      assert.deepStrictEqual(others.at(-1), { _tag: "Verifying", model: qwen })
      const told = others.flatMap((one) => (one._tag === "Loading" ? [one.progress ?? -1] : []))
      assert.include(told, 0.5)
      assert.deepStrictEqual(
        told.toSorted((left, right) => left - right),
        told
      )
    }).pipe(test({ simulator: { settings: { loadTime: "8 seconds" } } }))
  )

  it.effect("works without a writable folder", () =>
    Effect.gen(function* () {
      const lifecycle = yield* ModelLifecycle
      assert.deepInclude(yield* ensure(qwen), { action: "loaded", owner: "lms-bridge" })
      yield* lifecycle.unload(qwen)
      assert.deepStrictEqual(yield* inMemory, [])
    }).pipe(test({ files: { readOnly: true } }))
  )
})
