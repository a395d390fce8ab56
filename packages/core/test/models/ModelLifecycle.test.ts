import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { ModelLifecycle } from "@lms-bridge/core/models/ModelLifecycle"
import { SimulatorControl } from "@lms-bridge/testing/simulator/SimulatorControl"
import { inTime, layer, qwen } from "./simulated.ts"

describe("ModelLifecycle", () => {
  it.effect("loads with a TTL by `lms` and verifies", () =>
    Effect.gen(function* () {
      const lifecycle = yield* ModelLifecycle
      const control = yield* SimulatorControl
      const ensured = yield* inTime(lifecycle.ensureLoaded(qwen))
      assert.deepInclude(ensured, {
        model: qwen,
        instanceId: qwen,
        action: "loaded",
        way: "cli",
        owner: "lms-bridge",
        contextLength: 4096,
        ttlMillis: 600_000
      })
      const [instance] = (yield* control.snapshot).instances
      assert.strictEqual(instance?.ttlMs, 600_000)
    }).pipe(Effect.provide(layer()))
  )
  it.effect("loads just in time without lms", () =>
    Effect.gen(function* () {
      const lifecycle = yield* ModelLifecycle
      const control = yield* SimulatorControl
      const ensured = yield* inTime(lifecycle.ensureLoaded(qwen))
      assert.deepInclude(ensured, { action: "loaded", way: "jit", owner: "lms-bridge", ttlMillis: 600_000 })
      const [instance] = (yield* control.snapshot).instances
      assert.strictEqual(instance?.ttlMs, 600_000)
    }).pipe(Effect.provide(layer({ lms: false })))
  )
  it.effect("loads by rest and reaps", () =>
    Effect.gen(function* () {
      const lifecycle = yield* ModelLifecycle
      const control = yield* SimulatorControl
      const ensured = yield* inTime(lifecycle.ensureLoaded(qwen, { contextLength: 16384 }))
      assert.deepInclude(ensured, {
        action: "loaded",
        way: "rest",
        owner: "lms-bridge",
        ttlMillis: 600_000,
        contextLength: 16384
      })
      const gone = control.until((machine) => machine.instances.length === 0)
      yield* inTime(gone, "5 seconds")
    }).pipe(Effect.provide(layer({ lms: false })))
  )
  it.effect("leases and chats", () =>
    Effect.gen(function* () {
      const lifecycle = yield* ModelLifecycle
      const control = yield* SimulatorControl
      yield* control.scriptModel([{ text: "Hello" }])
      const reply = yield* inTime(
        lifecycle.withModel(qwen)((lease) => lease.chat({ messages: [{ role: "user", content: "hi" }] }))
      )
      assert.strictEqual(reply.content, "Hello")
      const [one] = yield* inTime(lifecycle.loaded)
      assert.deepInclude(one, { model: qwen, owner: "lms-bridge", leases: 0, status: "idle" })
      yield* inTime(lifecycle.unload(qwen))
      assert.deepStrictEqual((yield* control.snapshot).instances, [])
    }).pipe(Effect.provide(layer()))
  )
})
