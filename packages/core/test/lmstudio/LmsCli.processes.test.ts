import { assert, describe, it } from "@effect/vitest"
import { Command } from "@effect/platform"
import { NodeContext, NodeHttpClient } from "@effect/platform-node"
import { Chunk, Duration, Effect, Fiber, Layer, Option, Schedule, Stream } from "effect"
import { Settings, type Values } from "#src/configuration/Settings.ts"
import { LmStudioApi } from "#src/lmstudio/LmStudioApi.ts"
import { LmsCli } from "#src/lmstudio/LmsCli.ts"
import { ModelLifecycle } from "#src/models/ModelLifecycle.ts"
import { Resilience } from "#src/resilience/Resilience.ts"
import { Outcome } from "@lms-bridge/simulator/Faults"
import * as Simulator from "@lms-bridge/simulator/Simulator"

const key = "qwen/qwen3-4b-2507"

const start = Effect.provide(Simulator.start(), NodeContext.layer)

const services = (simulator: Simulator.RunningSimulator, settings: Partial<Values> = {}) =>
  Effect.provide(
    ModelLifecycle.layer.pipe(
      Layer.provideMerge(Layer.merge(LmsCli.layer, LmStudioApi.layer)),
      Layer.provide(Layer.mergeAll(NodeContext.layer, NodeHttpClient.layer, Resilience.layer)),
      Layer.provide(
        Settings.layerWith({
          port: simulator.port,
          lmsBinary: Option.some(simulator.lmsBinary),
          dataDir: Option.some(simulator.home),
          retries: 0,
          ...settings
        })
      )
    )
  )

/** Command lines of the processes that run this executable. */
const running = (binary: string) =>
  Command.string(Command.make("ps", "-axo", "command=")).pipe(
    Effect.map((text) => text.split("\n").filter((line) => line.includes(binary))),
    Effect.provide(NodeContext.layer)
  )

describe("LmsCli and the simulator's lms as a real process", () => {
  it.scopedLive("loads with a TTL, lists, and unloads", () =>
    Effect.gen(function* () {
      const simulator = yield* start
      yield* Effect.gen(function* () {
        const [lms, api] = yield* Effect.all([LmsCli, LmStudioApi])
        assert.isAbove((yield* lms.ls).length, 0)
        yield* lms.load({ key, ttl: Duration.seconds(90), contextLength: 4096 })
        const [loaded] = yield* lms.ps
        assert.deepInclude(loaded, { modelKey: key, identifier: key, ttlMs: 90_000, contextLength: 4096 })
        assert.deepStrictEqual((yield* api.models).find((model) => model.key === key)?.instances, [
          { id: key, contextLength: 4096 }
        ])
        yield* lms.unload(key)
        assert.deepStrictEqual(yield* lms.ps, [])
        assert.deepInclude(yield* Effect.flip(lms.unload(key)), { reason: "ModelNotFound" })
        assert.deepInclude(yield* lms.serverStatus, { running: true, port: simulator.port })
        assert.isTrue((yield* lms.daemonStatus).running)
      }).pipe(services(simulator))
    })
  )

  it.scopedLive("distinguishes the ways in which a load fails", () =>
    Effect.gen(function* () {
      const simulator = yield* start
      yield* Effect.gen(function* () {
        const lms = yield* LmsCli
        const load = (name: string) => Effect.flip(lms.load({ key: name, ttl: Duration.seconds(90) }))
        assert.deepInclude(yield* load("nothing-like-it"), { reason: "ModelNotFound" })
        yield* simulator.control.setSettings({ memoryBudgetBytes: 1000 })
        assert.deepInclude(yield* load(key), { reason: "LoadRefused" })
        assert.isFalse((yield* lms.estimate({ key })).fits)
      }).pipe(services(simulator))
    })
  )

  it.scopedLive("verifies a load whose process does not exit and ignores SIGTERM, and leaves no process behind", () =>
    Effect.gen(function* () {
      const simulator = yield* start
      yield* simulator.control.script("lms load", [Outcome.ok, Outcome.ignoresSigterm])
      yield* Effect.gen(function* () {
        const ensured = yield* Effect.flatMap(ModelLifecycle, (lifecycle) => lifecycle.ensureLoaded(key))
        assert.deepInclude(ensured, { instanceId: key, way: "cli", ttlMillis: 600_000 })
      }).pipe(services(simulator, { loadTimeout: Duration.seconds(5) }))
      // the layers are closed, and so the last child has ended
      assert.deepStrictEqual(yield* running(simulator.lmsBinary), [])
    })
  )

  it.scopedLive("downloads with progress, and stops when its reader stops", () =>
    Effect.gen(function* () {
      const simulator = yield* start
      yield* simulator.control.setSettings({ downloadTime: Duration.seconds(60) })
      yield* Effect.gen(function* () {
        const lms = yield* LmsCli
        const fiber = yield* Effect.fork(
          lms.get("google/gemma-3-4b").pipe(
            Stream.takeUntil(({ _tag }) => _tag === "Downloading"),
            Stream.runCollect
          )
        )
        assert.strictEqual(Chunk.toReadonlyArray(yield* Fiber.join(fiber)).at(-1)?._tag, "Downloading")
        yield* Effect.repeat(running(simulator.lmsBinary), {
          while: (all) => all.length > 0,
          schedule: Schedule.spaced("50 millis")
        })
      }).pipe(services(simulator))
    })
  )
})
