/** Another model behind an alias while many runs use it: none is dropped, refused, or answered by the wrong model. */
import { assert, describe, it } from "@effect/vitest"
import { Chunk, Context, Duration, Effect, Exit, Fiber, Layer, Option, Ref, Scope } from "effect"
import * as AliasSetting from "#src/configuration/AliasSetting.ts"
import { Settings, type Values } from "#src/configuration/Settings.ts"
import { LmStudioApi } from "#src/lmstudio/LmStudioApi.ts"
import { LmsCli } from "#src/lmstudio/LmsCli.ts"
import { ModelCatalog } from "#src/models/catalog/ModelCatalog.ts"
import { ModelLifecycle } from "#src/models/ModelLifecycle.ts"
import type { ModelLifecycleError } from "#src/models/ModelLifecycleError.ts"
import { ModelSwitch, type Step, type SwitchOptions } from "#src/models/ModelSwitch.ts"
import { Resilience } from "#src/resilience/Resilience.ts"
import { SimulatorControl } from "@lms-bridge/simulator/SimulatorControl"
import { inMemory, llama, machine, onMachine, oss, qwen, qwen8, type Options } from "./simulated.ts"

const aliases = Option.getOrThrow(
  AliasSetting.decode(
    JSON.stringify({ coder: qwen, helper: "Coder", spare: { model: "gone/model", instead: [llama] } })
  )
)

const both = Option.getOrThrow(AliasSetting.decode(JSON.stringify({ one: qwen8, other: qwen8 })))

const processLayer = (settings: Partial<Values> = {}) =>
  ModelSwitch.layer.pipe(
    Layer.provideMerge(ModelLifecycle.layerNoDeps),
    Layer.provideMerge(ModelCatalog.layer),
    Layer.provideMerge(Layer.merge(LmStudioApi.layer, LmsCli.layer)),
    Layer.provideMerge(Resilience.layer),
    Layer.provide(
      Settings.layerWith({
        retries: 0,
        dataDir: Option.some("/data"),
        lmsBinary: Option.some("/opt/lms"),
        modelConcurrency: 8,
        aliases,
        ...settings
      })
    )
  )

const startProcess = Effect.fnUntraced(function* (settings: Partial<Values> = {}) {
  const scope = yield* Scope.make()
  yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
  const context = yield* Layer.buildWithScope(Layer.fresh(processLayer(settings)), scope)
  return { lifecycle: Context.get(context, ModelLifecycle), switches: Context.get(context, ModelSwitch) }
})

type Process = Effect.Effect.Success<ReturnType<typeof startProcess>>

const test = (options: Options = {}) => onMachine(machine(options))
const slow = { loadTime: Duration.seconds(4) }
const forBoth: Options = { simulator: { settings: slow } }
/** One of the two fits, not both. */
const forOne: Options = { simulator: { settings: { ...slow, memoryBudgetBytes: 6e9 } } }

const switching = (changes: Partial<SwitchOptions> = {}): SwitchOptions => ({
  patience: Duration.minutes(10),
  verify: () => Effect.void,
  onStep: () => Effect.void,
  ...changes
})

/** Milliseconds on a machine that does much else. */
const long = 180_000

const ask = { messages: [{ role: "user" as const, content: "Say hello." }], maxTokens: 20 }

/** A run of three requests with pauses: which model it had, and whether each answer was that model's. */
const run = ({ lifecycle }: Process, name = "coder") =>
  lifecycle.withModel(name)((lease) =>
    Effect.gen(function* () {
      const { instanceId, model } = yield* lease.ensured
      for (let request = 0; request < 3; request++) {
        const reply = yield* lease.chat(ask)
        assert.strictEqual(reply.model, instanceId)
        assert.strictEqual((yield* lease.ensured).model, model)
        yield* Effect.sleep("700 millis")
      }
      return model
    })
  )

/** Starts a run every 500 ms in each process, until told; returns the models that they had, by time of their start. */
const underLoad = Effect.fnUntraced(function* (processes: ReadonlyArray<Process>) {
  const fibers = yield* Ref.make<ReadonlyArray<Fiber.Fiber<string, ModelLifecycleError>>>([])
  const starting = yield* Effect.forEach(
    processes,
    (process) =>
      Effect.forkDaemon(run(process)).pipe(
        Effect.tap((fiber) => Ref.update(fibers, (all) => [...all, fiber])),
        Effect.zipRight(Effect.sleep("500 millis")),
        Effect.forever,
        Effect.interruptible
      ),
    { concurrency: "unbounded", discard: true }
  ).pipe(Effect.forkScoped)
  const end = Effect.gen(function* () {
    yield* Fiber.interrupt(starting)
    return yield* Effect.forEach(yield* Ref.get(fibers), (fiber) => Fiber.join(fiber))
  })
  return { end }
})

describe("models switch, under load", () => {
  for (const [memory, options, way] of [
    ["both", forBoth, "both"],
    ["one", forOne, "one"]
  ] as const) {
    it.effect(
      `with memory for ${memory}: every run ends on the model that it began with`,
      () =>
        Effect.gen(function* () {
          const processes = [yield* startProcess(), yield* startProcess()]
          const command = yield* startProcess()
          const { end } = yield* underLoad(processes)
          yield* Effect.sleep("5 seconds")
          const switched = yield* command.switches.run("coder", qwen8, switching())
          assert.deepInclude(switched, { alias: "coder", from: qwen, to: qwen8, way, old: "unloaded" })
          yield* Effect.sleep("5 seconds")
          const models = yield* end
          assert.isAbove(models.length, 40)
          assert.deepStrictEqual([...new Set(models)].toSorted(), [qwen, qwen8].toSorted())
          assert.strictEqual(models.at(-1), qwen8)
          assert.deepStrictEqual(yield* inMemory, [qwen8])
          const control = yield* SimulatorControl
          assert.strictEqual((yield* control.invariants).maxLoadsInFlightPerKey, 1)
        }).pipe(test(options)),
      long
    )
  }

  it.effect(
    "and back again",
    () =>
      Effect.gen(function* () {
        const processes = [yield* startProcess(), yield* startProcess()]
        const command = yield* startProcess()
        const { end } = yield* underLoad(processes)
        for (const model of [qwen8, qwen]) {
          yield* Effect.sleep("3 seconds")
          assert.deepInclude(yield* command.switches.run("coder", model, switching()), { to: model, old: "unloaded" })
        }
        const models = yield* end
        assert.isAbove(models.length, 20)
        assert.deepStrictEqual(yield* inMemory, [qwen])
      }).pipe(test(forOne)),
    long
  )
})

describe("models switch", () => {
  it.effect(
    "with memory for one, a run under way keeps its model, and a new one waits and is told why",
    () =>
      Effect.gen(function* () {
        const serving = yield* startProcess()
        const command = yield* startProcess()
        const heard: Array<string> = []
        const steps: Array<Step["_tag"]> = []
        const long = yield* Effect.fork(
          serving.lifecycle.withModel("coder")((lease) =>
            Effect.zipRight(
              Effect.sleep("60 seconds"),
              Effect.map(lease.chat(ask), ({ model }) => model)
            )
          )
        )
        yield* Effect.sleep("5 seconds")
        const onStep = ({ _tag }: Step) => Effect.sync(() => steps.push(_tag))
        const switched = yield* Effect.fork(command.switches.run("coder", qwen8, switching({ onStep })))
        yield* Effect.sleep("10 seconds")
        const next = yield* Effect.fork(
          serving.lifecycle.withModel("coder", {
            onProgress: (progress) => Effect.sync(() => heard.push(progress._tag === "Waiting" ? progress.why : ""))
          })((lease) => Effect.map(lease.ensured, ({ alias, model }) => `${alias} ${model}`))
        )
        yield* Effect.sleep("10 seconds")
        assert.isNull(yield* Fiber.poll(next).pipe(Effect.map(Option.getOrNull)))
        assert.strictEqual(yield* Fiber.join(long), qwen)
        assert.strictEqual(yield* Fiber.join(next), `coder ${qwen8}`)
        assert.include(heard[0], `switched to ${qwen8}, and there is memory for one model only`)
        assert.deepInclude(yield* Fiber.join(switched), { way: "one", old: "unloaded" })
        assert.deepStrictEqual(steps, ["Loading", "Waiting", "Loading", "Trying", "Taken"])
      }).pipe(test(forOne)),
    long
  )

  it.effect(
    "that gives up waiting, or whose process dies, leaves the alias as it was",
    () =>
      Effect.gen(function* () {
        const serving = yield* startProcess()
        const command = yield* startProcess()
        yield* Effect.fork(serving.lifecycle.withModel("coder")(() => Effect.sleep("10 minutes")))
        yield* Effect.sleep("5 seconds")
        const error = yield* Effect.flip(
          command.switches.run("coder", qwen8, switching({ patience: Duration.seconds(20) }))
        )
        assert.strictEqual(error.message, `"coder" is still ${qwen}: its runs did not end within 20s.`)
        assert.strictEqual(yield* serving.lifecycle.resolve("coder"), qwen)
        const begun = yield* Effect.fork(command.switches.run("coder", qwen8, switching()))
        yield* Effect.sleep("5 seconds")
        yield* Fiber.interrupt(begun)
        yield* serving.lifecycle.withModel("coder")((lease) => lease.chat(ask))
        const [now] = yield* command.switches.aliases
        assert.deepInclude(now, { alias: "coder", model: qwen, state: undefined })
      }).pipe(test(forOne)),
    long
  )

  it.effect(
    "of a model that cannot be loaded or does not answer changes nothing",
    () =>
      Effect.gen(function* () {
        const { lifecycle, switches } = yield* startProcess()
        const control = yield* SimulatorControl
        yield* control.scriptLoads(qwen8, [{ _tag: "Fails", message: "Failed to load model: broken file" }])
        const broken = yield* Effect.flip(switches.run("coder", qwen8, switching()))
        assert.strictEqual(broken._tag, "SwitchFailed")
        assert.include(broken.message, "broken file")
        assert.strictEqual(yield* lifecycle.resolve("coder"), qwen)
        const unknown = yield* Effect.flip(switches.run("codr", qwen8, switching()))
        assert.strictEqual(unknown.message, '"codr" is not an alias. There are coder, helper, spare.')
        const missing = yield* Effect.flip(switches.run("coder", "qwen/none", switching()))
        assert.strictEqual(missing._tag, "ModelNotFound")
        const itself = yield* switches.run("coder", "helper", switching())
        assert.deepInclude(itself, { done: true, way: "none" })
      }).pipe(test(forBoth)),
    long
  )

  it.effect(
    "leaves an old model that the user loaded, and one that another alias stands for",
    () =>
      Effect.gen(function* () {
        const control = yield* SimulatorControl
        yield* control.loadAsUser(qwen)
        const { switches } = yield* startProcess()
        assert.deepInclude(yield* switches.run("coder", qwen8, switching()), { way: "both", old: "stays" })
        assert.include(yield* inMemory, qwen)
        const more = yield* startProcess({ aliases: both })
        assert.deepInclude(yield* more.switches.run("one", llama, switching()), { from: qwen8, old: "stays" })
        assert.include(yield* inMemory, qwen8)
      }).pipe(test(forBoth)),
    long
  )

  it.effect(
    "--dry-run says what would be done, and does nothing",
    () =>
      Effect.gen(function* () {
        const { lifecycle, switches } = yield* startProcess()
        yield* lifecycle.ensureLoaded("coder")
        assert.deepStrictEqual(yield* switches.plan("coder", qwen8), {
          alias: "coder",
          from: qwen,
          to: qwen8,
          done: false,
          loaded: false,
          fits: false,
          holds: 0
        })
        assert.deepStrictEqual(yield* inMemory, [qwen])
      }).pipe(test(forOne)),
    long
  )
})

describe("an alias", () => {
  it.effect(
    "leads to its model through others, in any letter case, and to what may take its place",
    () =>
      Effect.gen(function* () {
        const { lifecycle } = yield* startProcess({ defaultModel: Option.some("helper") })
        assert.strictEqual(yield* lifecycle.resolve("HELPER"), qwen)
        assert.deepInclude(yield* lifecycle.ensureLoaded(undefined), { model: qwen, alias: "helper" })
        const spare = yield* lifecycle.withModel("spare")((lease) => lease.ensured)
        assert.deepInclude(spare, { model: llama, alias: "spare" })
        const missing = yield* Effect.flip(lifecycle.resolve("spare"))
        assert.include(missing.message, 'There is no model "gone/model", for which the alias "spare" stands.')
        const close = yield* Effect.flip(lifecycle.resolve("codr"))
        assert.include(close.message, "Did you mean coder")
        const fallback = yield* lifecycle.ensureLoaded("gone/too", { fallback: ["coder"] })
        assert.strictEqual(fallback.model, qwen)
      }).pipe(test(forBoth)),
    long
  )

  it("that leads back to itself is no setting", () => {
    for (const circle of [{ a: "a" }, { a: "b", b: { model: "A" } }, { a: "b", b: "c", c: "b" }]) {
      assert.isTrue(Option.isNone(AliasSetting.decode(JSON.stringify(circle))))
    }
    for (const bad of ["[]", "coder", '{"": "x"}', '{"a": 1}', '{"a": {"instead": []}}']) {
      assert.isTrue(Option.isNone(AliasSetting.decode(bad)), bad)
    }
  })
})

describe("a canary", () => {
  const canary = { share: 0.5, runs: 8 }

  it.effect(
    "gets its share, and then the name",
    () =>
      Effect.gen(function* () {
        const serving = yield* startProcess()
        const { switches } = yield* startProcess()
        yield* run(serving)
        assert.deepInclude(yield* switches.run("coder", qwen8, switching({ canary })), { way: "canary" })
        const models = yield* Effect.forEach(Chunk.range(1, 40), () => run(serving), { concurrency: 4 })
        const fresh = models.filter((model) => model === qwen8).length
        assert.isTrue(fresh >= 8 && fresh < 40)
        const [now] = yield* switches.aliases
        assert.deepInclude(now, { model: qwen8 })
        assert.strictEqual(now?.state?._tag, "Switched")
        assert.isAtLeast(now?.sides?.new.runs ?? 0, 8)
        assert.strictEqual(now?.sides?.new.failed, 0)
        assert.deepStrictEqual(yield* inMemory, [qwen8])
      }).pipe(test(forBoth)),
    long
  )

  it.effect(
    "that fails too often gives the name back, with the reason; a run that cannot load it gets the old one",
    () =>
      Effect.gen(function* () {
        const serving = yield* startProcess()
        const { switches } = yield* startProcess()
        const control = yield* SimulatorControl
        yield* run(serving)
        yield* switches.run("coder", qwen8, switching({ canary }))
        yield* control.unloadAsUser(qwen8)
        yield* control.scriptLoads(
          qwen8,
          Array.from({ length: 20 }, () => ({ _tag: "Fails" as const, message: "Failed to load model: broken file" }))
        )
        const models = yield* Effect.forEach(Chunk.range(1, 20), () => run(serving))
        assert.deepStrictEqual([...new Set(models)], [qwen])
        const [now] = yield* switches.aliases
        assert.strictEqual(now?.model, qwen)
        assert.strictEqual(now?.state?._tag, "Returned")
        assert.match(now?.state?._tag === "Returned" ? now.state.reason : "", /3 of 3 runs failed.*broken file/)
      }).pipe(test(forBoth)),
    long
  )

  it.effect("needs memory for both", () =>
    Effect.gen(function* () {
      const { lifecycle, switches } = yield* startProcess()
      yield* lifecycle.ensureLoaded("coder")
      const error = yield* Effect.flip(switches.run("coder", oss, switching({ canary })))
      assert.include(error.message, `"coder" is still ${qwen}: a canary needs memory for both models.`)
    }).pipe(test({ simulator: { settings: { ...slow, memoryBudgetBytes: 13e9 } } }))
  )
})
