import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Ref } from "effect"
import { ModelLifecycle, type LoadProgress } from "@lms-bridge/core/models/ModelLifecycle"
import { SimulatorControl } from "@lms-bridge/testing/simulator/SimulatorControl"
import {
  onMachine,
  inMemory,
  layer,
  llama,
  lmsCalls,
  machine,
  oss,
  qwen,
  qwen8,
  requests,
  startProcess,
  type Options
} from "./simulated.ts"

const slow: Options = { simulator: { settings: { loadTime: Duration.seconds(4) } } }
const test = (options: Options = {}) => onMachine(layer(options))

const loadsBegun = Effect.flatMap(SimulatorControl, (control) =>
  Effect.map(control.events, (events) => events.filter(({ type }) => type === "loadStarted").length)
)
const isLoading = Effect.flatMap(SimulatorControl, (control) =>
  control.until(({ instances, loading }) => loading.length > 0 || instances.length > 0)
)

describe("ModelLifecycle: many callers", () => {
  describe("one load for all", () => {
    for (const [way, options] of [
      ["lms", slow],
      ["just-in-time loading", { ...slow, lms: false }]
    ] as const) {
      it.effect(`100 callers at once, by ${way} (H2)`, () =>
        Effect.gen(function* () {
          const lifecycle = yield* ModelLifecycle
          const all = yield* Effect.all(
            Array.from({ length: 100 }, () => lifecycle.ensureLoaded(qwen)),
            { concurrency: "unbounded" }
          )
          assert.strictEqual(yield* loadsBegun, 1)
          assert.deepStrictEqual(yield* inMemory, [qwen])
          assert.deepStrictEqual(new Set(all.map(({ action }) => action)), new Set(["loaded"]))
        }).pipe(test(options))
      )
    }

    it.effect("different models are loaded at the same time", () =>
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        const control = yield* SimulatorControl
        const both = yield* Effect.fork(
          Effect.all([lifecycle.ensureLoaded(qwen), lifecycle.ensureLoaded(llama)], { concurrency: 2 })
        )
        yield* control.until(({ loading }) => loading.length === 2)
        yield* Fiber.join(both)
      }).pipe(test(slow))
    )

    it.effect("a failure is shared, too, and the next caller tries anew", () =>
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        const control = yield* SimulatorControl
        yield* control.scriptLoads(qwen, [{ _tag: "Fails", message: "Failed to load model: broken file" }])
        const all = yield* Effect.all(
          Array.from({ length: 10 }, () => Effect.flip(lifecycle.ensureLoaded(qwen))),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(new Set(all.map(({ _tag }) => _tag)), new Set(["ModelLoadFailed"]))
        assert.strictEqual(yield* loadsBegun, 1)
        assert.strictEqual((yield* lifecycle.ensureLoaded(qwen)).action, "loaded")
      }).pipe(test(slow))
    )

    it.effect(
      "who needs more context than the load under way gives is served after it, and nothing is loaded twice at once",
      () =>
        Effect.gen(function* () {
          const lifecycle = yield* ModelLifecycle
          const control = yield* SimulatorControl
          const first = yield* Effect.fork(lifecycle.ensureLoaded(qwen))
          yield* isLoading
          const large = yield* lifecycle.ensureLoaded(qwen, { contextLength: 16_384 })
          const small = yield* Fiber.join(first)
          assert.strictEqual(small.contextLength, 4096)
          assert.deepInclude(large, { action: "reloaded", contextLength: 16_384, instanceId: qwen })
          assert.strictEqual((yield* control.invariants).maxLoadsInFlightPerKey, 1)
        }).pipe(test(slow))
    )

    it.effect("who waits is told so, and hears how it goes", () =>
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        const heard = yield* Ref.make<ReadonlyArray<string>>([])
        const onProgress = ({ _tag }: LoadProgress) => Ref.update(heard, (all) => [...all, _tag])
        const first = yield* Effect.fork(lifecycle.ensureLoaded(qwen))
        yield* isLoading
        yield* lifecycle.ensureLoaded(qwen, { onProgress })
        yield* Fiber.join(first)
        assert.deepStrictEqual(yield* Ref.get(heard), ["Waiting", "Verifying"])
      }).pipe(test(slow))
    )
  })

  describe("interruption", () => {
    it.effect("of the first caller harms no other", () =>
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        const first = yield* Effect.fork(lifecycle.ensureLoaded(qwen))
        yield* isLoading
        const second = yield* Effect.fork(lifecycle.ensureLoaded(qwen))
        yield* Effect.sleep("1 second")
        assert.isTrue(Exit.isInterrupted(yield* Fiber.interrupt(first)))
        const ensured = yield* Fiber.join(second)
        assert.deepInclude(ensured, { instanceId: qwen, owner: "lms-bridge" })
        assert.strictEqual(yield* loadsBegun, 1)
      }).pipe(test(slow))
    )

    it.effect(
      "of all callers stops `lms`; a load that LM Studio finishes all the same is awaited and known to be ours",
      () =>
        Effect.gen(function* () {
          const lifecycle = yield* ModelLifecycle
          const control = yield* SimulatorControl
          const fibers = yield* Effect.forEach([1, 2], () => Effect.fork(lifecycle.ensureLoaded(qwen)))
          yield* isLoading
          yield* Fiber.interruptAll(fibers)
          yield* Effect.sleep("100 millis")
          const [load] = (yield* control.seen).commands.filter(
            ({ argv }) => argv[0] === "load" && argv.includes("--ttl")
          )
          assert.isTrue(load?.killed)
          const ensured = yield* lifecycle.ensureLoaded(qwen)
          assert.deepInclude(ensured, {
            action: "already-loaded",
            instanceId: qwen,
            owner: "lms-bridge",
            ttlMillis: 600_000
          })
          assert.strictEqual(yield* loadsBegun, 1)
        }).pipe(test(slow))
    )

    it.effect("of all callers lets a load over HTTP come to its end, because LM Studio would go on with it", () =>
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        const control = yield* SimulatorControl
        const fiber = yield* Effect.fork(lifecycle.ensureLoaded(qwen, { contextLength: 8192 }))
        yield* isLoading
        yield* Fiber.interrupt(fiber)
        const ensured = yield* lifecycle.ensureLoaded(qwen)
        assert.deepInclude(ensured, { instanceId: qwen, owner: "lms-bridge" })
        assert.strictEqual(yield* loadsBegun, 1)
        yield* control.until(({ instances }) => instances.length === 0)
      }).pipe(test({ ...slow, lms: false }))
    )
  })

  describe("processes on one machine", () => {
    it.scoped("load a model once between them", () =>
      Effect.gen(function* () {
        const [one, two] = [yield* startProcess(), yield* startProcess()]
        const heard = yield* Ref.make<ReadonlyArray<string>>([])
        const onProgress = (progress: LoadProgress) =>
          Ref.update(heard, (all) => [...all, progress._tag === "Waiting" ? progress.why : progress._tag])
        const first = yield* Effect.fork(one.lifecycle.ensureLoaded(qwen))
        yield* isLoading
        const second = yield* two.lifecycle.ensureLoaded(qwen, { onProgress })
        assert.deepInclude(yield* Fiber.join(first), { action: "loaded", owner: "lms-bridge" })
        assert.deepInclude(second, { action: "already-loaded", instanceId: qwen, owner: "lms-bridge" })
        assert.deepStrictEqual(yield* Ref.get(heard), ["another lms-bridge process on this machine is loading it"])
        assert.strictEqual(yield* loadsBegun, 1)
      }).pipe(onMachine(machine(slow)))
    )

    it.scoped("know what another loaded and holds", () =>
      Effect.gen(function* () {
        const [one, two] = [yield* startProcess(), yield* startProcess()]
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* one.lifecycle.lease(qwen)
            const [seen] = yield* two.lifecycle.loaded
            assert.deepInclude(seen, { instanceId: qwen, owner: "lms-bridge", leases: 0 })
            const error = yield* Effect.flip(two.lifecycle.unload(qwen))
            assert.deepInclude(error, { _tag: "ModelInUse", reason: "Leased" })
            const refused = yield* Effect.flip(two.lifecycle.ensureLoaded(oss, { makeRoom: true }))
            assert.deepInclude(refused, { _tag: "ModelLoadRefused", couldUnload: [] })
          })
        )
        yield* two.lifecycle.unload(qwen)
        assert.deepStrictEqual(yield* inMemory, [])
      }).pipe(onMachine(machine({ simulator: { settings: { memoryBudgetBytes: 13e9 } } })))
    )

    it.scoped("take over from one that died in the middle of a load", () =>
      Effect.gen(function* () {
        const control = yield* SimulatorControl
        const one = yield* startProcess()
        yield* Effect.fork(one.lifecycle.ensureLoaded(qwen))
        yield* isLoading
        yield* one.crash
        const two = yield* startProcess()
        const ensured = yield* two.lifecycle.ensureLoaded(qwen)
        assert.deepInclude(ensured, { action: "already-loaded", instanceId: qwen, owner: "lms-bridge" })
        assert.strictEqual((yield* control.invariants).maxLoadsInFlightPerKey, 1)
        assert.strictEqual(yield* loadsBegun, 1)
      }).pipe(onMachine(machine(slow)))
    )
  })

  describe("models in use", () => {
    it.effect("a busy model is loaded, whatever it is busy with, and is not unloaded", () =>
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

    it.effect("a leased model with too little context is not reloaded: a second copy comes beside it", () =>
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

    it.effect("a user's model is left alone, except by force", () =>
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

    it.effect("of what is not loaded says so, and asks LM Studio for nothing", () =>
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        for (const name of [qwen, "--all", "-a", ""]) {
          assert.strictEqual((yield* Effect.flip(lifecycle.unload(name)))._tag, "ModelNotLoaded")
        }
        assert.notInclude((yield* lmsCalls).join("\n"), "unload")
        assert.notInclude(yield* requests, "POST /api/v1/models/unload")
      }).pipe(test())
    )

    it.effect("is verified: success that was none is an error", () =>
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

    it.effect("goes by `lms` on an older server, whose exit code 0 proves nothing (H6)", () =>
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

  describe("one memory for all", () => {
    const tight: Options = { simulator: { settings: { memoryBudgetBytes: 8e9, loadTime: Duration.seconds(2) } } }

    it.effect("A B A B becomes A A B B", () =>
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        const control = yield* SimulatorControl
        const work = (model: string) => lifecycle.withModel(model, { makeRoom: true })(() => Effect.sleep("5 seconds"))
        yield* Effect.all([qwen8, qwen, qwen8, qwen, qwen8, qwen].map(work), { concurrency: "unbounded" })
        const loads = (yield* control.events).filter(({ type }) => type === "loadFinished")
        assert.strictEqual(loads.length, 2)
        assert.strictEqual((yield* control.invariants).unloadsWhileBusy, 0)
      }).pipe(test(tight))
    )

    it.effect("models that both fit need not wait for each other", () =>
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        const both = yield* Ref.make(0)
        const work = (model: string) =>
          lifecycle.withModel(model, { makeRoom: true })(() =>
            Effect.zipRight(
              Ref.update(both, (n) => n + 1),
              Effect.repeat(Effect.zipRight(Effect.sleep("1 second"), Ref.get(both)), { until: (n) => n === 2 })
            )
          )
        yield* Effect.all([qwen, llama].map(work), { concurrency: 2 })
      }).pipe(test({ simulator: { settings: { memoryBudgetBytes: 9e9 } } }))
    )

    it.effect("a request that waits for itself gives up after the longest wait", () =>
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        const error = yield* lifecycle.withModel(qwen8)(() =>
          Effect.flip(lifecycle.withModel(qwen, { makeRoom: true })(() => Effect.void))
        )
        assert.strictEqual(error._tag, "ModelLoadRefused")
      }).pipe(test(tight))
    )
  })
})
