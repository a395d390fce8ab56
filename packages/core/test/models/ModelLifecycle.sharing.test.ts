import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Ref } from "effect"
import { ModelLifecycle } from "#src/models/ModelLifecycle.ts"
import type { LoadProgress } from "#src/models/EnsureOptions.ts"
import { SimulatorControl } from "@lms-bridge/simulator/SimulatorControl"
import {
  onMachine,
  inMemory,
  layer,
  llama,
  machine,
  oss,
  qwen,
  qwen8,
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

    it.effect("different models are loaded concurrently", () =>
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

    it.effect("a failure is shared too, and the next caller tries again", () =>
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

    it.effect("a failure is shared only by callers with the same requirements; another tries for itself", () =>
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        const control = yield* SimulatorControl
        yield* control.scriptLoads(qwen, [{ _tag: "Fails", message: "Failed to load model: no" }])
        const first = yield* Effect.fork(Effect.flip(lifecycle.ensureLoaded(qwen, { gpu: 1 })))
        yield* isLoading
        assert.deepInclude(yield* lifecycle.ensureLoaded(qwen), { action: "loaded" })
        assert.strictEqual((yield* Fiber.join(first))._tag, "ModelLoadFailed")
      }).pipe(test(slow))
    )

    it.effect(
      "a caller that needs more context than the load in progress gives is served after it, and nothing loads twice at once",
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

    it.effect("waiting callers are told so, and receive the progress", () =>
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        const heard = yield* Ref.make<ReadonlyArray<string>>([])
        const onProgress = ({ _tag }: LoadProgress) =>
          Ref.update(heard, (all) => (all.at(-1) === _tag ? all : [...all, _tag]))
        const first = yield* Effect.fork(lifecycle.ensureLoaded(qwen))
        yield* isLoading
        yield* lifecycle.ensureLoaded(qwen, { onProgress })
        yield* Fiber.join(first)
        assert.deepStrictEqual(yield* Ref.get(heard), ["Waiting", "Loading", "Verifying"])
      }).pipe(test(slow))
    )
  })

  describe("interruption", () => {
    it.effect("of the first caller does not affect the others", () =>
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

    it.effect("of all callers stops `lms`; a load that LM Studio finishes anyway is awaited and known as ours", () =>
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        const control = yield* SimulatorControl
        const fibers = yield* Effect.forEach([1, 2], () => Effect.fork(lifecycle.ensureLoaded(qwen)))
        yield* isLoading
        yield* Fiber.interruptAll(fibers)
        yield* Effect.sleep("100 millis")
        const [load] = (yield* control.seen).commands.filter(({ argv }) => argv[0] === "load" && argv.includes("--ttl"))
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

    for (const [way, contextLength] of [
      ["REST", 8192],
      ["a request", undefined]
    ] as const) {
      it.effect(`of all callers lets a load by ${way} finish, because LM Studio would continue it anyway`, () =>
        Effect.gen(function* () {
          const lifecycle = yield* ModelLifecycle
          const control = yield* SimulatorControl
          const fiber = yield* Effect.fork(lifecycle.ensureLoaded(qwen, { contextLength }))
          yield* isLoading
          yield* Fiber.interrupt(fiber)
          yield* Effect.sleep("1 second")
          const [load] = (yield* control.seen).requests.filter(({ method }) => method === "POST")
          assert.isFalse(load?.disconnected)
          const ensured = yield* lifecycle.ensureLoaded(qwen)
          assert.deepInclude(ensured, { instanceId: qwen, owner: "lms-bridge" })
          assert.strictEqual(yield* loadsBegun, 1)
          yield* control.until(({ instances }) => instances.length === 0)
        }).pipe(test({ lms: false, simulator: { settings: { loadTime: Duration.seconds(20) } } }))
      )
    }
  })

  describe("processes on one machine", () => {
    it.scoped("load a model only once", () =>
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

    it.scoped("know what the others loaded and hold", () =>
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

    it.scoped("take over from one that died during a load", () =>
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

  describe("limited memory", () => {
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

    it.effect("models that fit together do not wait for each other", () =>
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
