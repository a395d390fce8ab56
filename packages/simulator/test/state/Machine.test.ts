import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, FastCheck, Schema, TestClock } from "effect"
import { SimulatorControl } from "#src/SimulatorControl.ts"
import * as SimulatorLayers from "#src/SimulatorLayers.ts"
import { chat, get, lms, post } from "../asked.ts"

const qwen = "qwen/qwen3-8b"
const small = "qwen/qwen3-4b-2507"
const plain = SimulatorLayers.layer()

describe("the machine and its log", () => {
  it.scoped("records loads and unloads with their origin and time", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      yield* lms("load", qwen, "-y", "--ttl", "60")
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* control.events, [
        { at: 0, type: "loadStarted", id: qwen, key: qwen, by: "cli", ttlMs: 60_000 },
        { at: 0, type: "loadFinished", id: qwen, key: qwen, by: "cli", ttlMs: 60_000 },
        { at: 60_000, type: "unloaded", id: qwen, key: qwen, by: "ttl", loadedBy: "cli", busy: false }
      ])
    }).pipe(Effect.provide(plain))
  )

  it.scoped("loads with no more context than the model has", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      yield* lms("load", qwen, "-y", "--ttl", "60", "--context-length", "10000000")
      const { instances, models } = yield* control.snapshot
      const model = models.find(({ key }) => key === qwen)
      assert.strictEqual(instances[0]?.contextLength, model?.maxContextLength)
    }).pipe(Effect.provide(plain))
  )

  it.scoped("plays the outcomes of a key before those of any key", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      yield* control.scriptLoads("*", [{ _tag: "Fails", message: "any" }])
      yield* control.scriptLoads(qwen, [{ _tag: "Fails", message: "mine" }])
      const load = Effect.match(control.loadAsUser(qwen), { onFailure: ({ text }) => text, onSuccess: () => "loaded" })
      assert.deepStrictEqual([yield* load, yield* load, yield* load], ["mine", "any", "loaded"])
    }).pipe(Effect.provide(plain))
  )

  it.scoped("keeps what a request loads for ever where idle models are not unloaded", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      yield* chat(qwen, { ttl: 60 })
      assert.strictEqual((yield* control.snapshot).instances[0]?.ttlMs, null)
    }).pipe(Effect.provide(SimulatorLayers.layer({ settings: { jitAutoUnload: false } })))
  )

  it.scoped("counts what a careful client avoids", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      yield* control.loadAsUser(qwen)
      yield* control.setBusy(qwen, "generating")
      yield* post("/api/v1/models/unload", { instance_id: qwen })
      yield* lms("load", small, "-y")
      yield* post("/api/v1/models/load", { model: small })
      assert.deepStrictEqual(yield* control.invariants, {
        maxLoadsInFlightPerKey: 1,
        unloadsWhileBusy: 1,
        unloadsOfUserModels: 1,
        loadsWithoutTtl: 1,
        restLoads: 1
      })
    }).pipe(Effect.provide(plain))
  )

  it.scoped("does not count the user's actions for the client", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      yield* control.loadAsUser(qwen)
      yield* control.setBusy(qwen, "generating")
      yield* control.crash(qwen)
      yield* control.loadAsUser(small)
      yield* control.unloadAsUser(small)
      assert.deepStrictEqual(yield* control.invariants, {
        maxLoadsInFlightPerKey: 1,
        unloadsWhileBusy: 0,
        unloadsOfUserModels: 0,
        loadsWithoutTtl: 0,
        restLoads: 0
      })
    }).pipe(Effect.provide(plain))
  )

  it.scoped("ending LM Studio takes server and models with it", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      yield* control.loadAsUser(qwen)
      yield* control.setSettings({ appRunning: false })
      const { instances, settings } = yield* control.snapshot
      assert.deepStrictEqual([instances.length, settings.serverRunning, settings.appRunning], [0, false, false])
    }).pipe(Effect.provide(plain))
  )

  it.scoped("until waits for the state", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      const waiting = yield* Effect.fork(control.until(({ instances }) => instances.length === 1))
      yield* control.loadAsUser(qwen)
      assert.strictEqual((yield* waiting).instances[0]?.id, qwen)
    }).pipe(Effect.provide(plain))
  )

  const Action = Schema.Union(
    Schema.TaggedStruct("Load", { key: Schema.Literal(qwen, small), ttl: Schema.Literal(20, 60) }),
    Schema.TaggedStruct("Chat", { key: Schema.Literal(qwen, small) }),
    Schema.TaggedStruct("Unload", { id: Schema.Literal(qwen, small, `${qwen}:2`) }),
    Schema.TaggedStruct("Wait", { seconds: Schema.Literal(1, 15, 45) }),
    Schema.TaggedStruct("UserLoad", { key: Schema.Literal(qwen, small) })
  )

  it.effect.prop(
    "all listings agree on what is loaded, whatever happens",
    [FastCheck.array(Arbitrary.make(Action), { maxLength: 8 })],
    ([actions]) =>
      Effect.gen(function* () {
        const control = yield* SimulatorControl
        for (const action of actions) {
          switch (action._tag) {
            case "Load":
              yield* lms("load", action.key, "-y", "--ttl", String(action.ttl))
              break
            case "Chat":
              yield* chat(action.key, { ttl: 30 })
              break
            case "Unload":
              yield* lms("unload", action.id)
              break
            case "Wait":
              yield* TestClock.adjust(`${action.seconds} seconds`)
              break
            case "UserLoad":
              yield* control.loadAsUser(action.key)
              break
          }
          const { instances } = yield* control.snapshot
          const ids = instances.map(({ id }) => id).toSorted()
          assert.strictEqual(new Set(ids).size, ids.length)
          const native = yield* get("/api/v1/models")
          const listed = [native.at("models.*.loaded_instances.*.id")].flat(2).toSorted()
          assert.deepStrictEqual(listed, ids)
          const ps = yield* Schema.decodeUnknown(
            Schema.parseJson(Schema.Array(Schema.Struct({ identifier: Schema.String })))
          )((yield* lms("ps", "--json")).out)
          assert.deepStrictEqual(ps.map(({ identifier }) => identifier).toSorted(), ids)
        }
        yield* TestClock.adjust("2 minutes")
        const left = (yield* control.snapshot).instances
        assert.isTrue(left.every(({ ttlMs }) => ttlMs === null))
      }).pipe(Effect.scoped, Effect.provide(SimulatorLayers.layer())),
    { fastCheck: { numRuns: 15 } }
  )
})
