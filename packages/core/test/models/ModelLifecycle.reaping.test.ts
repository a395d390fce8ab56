import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { LmsCliError } from "#src/lmstudio/LmsCliError.ts"
import { LmsInstance } from "#src/lmstudio/LmsModel.ts"
import { ModelLifecycle } from "#src/models/ModelLifecycle.ts"
import { Outcome } from "@lms-bridge/simulator/Faults"
import { SimulatorControl } from "@lms-bridge/simulator/SimulatorControl"
import {
  inMemory,
  layer,
  llama,
  lmsCalls,
  onMachine,
  machine,
  misbehaving,
  qwen,
  requests,
  startProcess,
  type Options
} from "./simulated.ts"

/** Here `lms` cannot load but reports the state, so models are loaded by REST and the reaper sees everything. */
const noTtl = new LmsCliError({ reason: "Exit", subcommand: "load", detail: "error: unknown option '--ttl'" })
const byRest: Options = { cli: misbehaving(() => ({ load: () => noTtl })) }
const withoutLms: Options = { lms: false }
const asked = { contextLength: 8192, ttl: "10 minutes" } as const

const test = (options: Options = {}) => onMachine(layer(options))
const pass = (duration: `${number} minutes` | `${number} seconds`) => Effect.sleep(duration)
const hello = { messages: [{ role: "user", content: "hi" }] } as const

describe("ModelLifecycle: models that only we unload", () => {
  for (const [name, options] of [
    ["with `lms`", byRest],
    ["without `lms`", withoutLms]
  ] as const) {
    it.effect(`${name}: an idle one is unloaded when its TTL is over, and not before`, () =>
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        assert.strictEqual((yield* lifecycle.ensureLoaded(qwen, asked)).way, "rest")
        yield* pass("9 minutes")
        assert.deepStrictEqual(yield* inMemory, [qwen])
        yield* pass("2 minutes")
        assert.deepStrictEqual(yield* inMemory, [])
        assert.deepStrictEqual(yield* lifecycle.loaded, [])
      }).pipe(test(options))
    )

    it.effect(`${name}: a held one is kept, and its idle time starts when the last lease ends`, () =>
      Effect.gen(function* () {
        const lifecycle = yield* ModelLifecycle
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* lifecycle.lease(qwen, asked)
            yield* pass("25 minutes")
            assert.deepStrictEqual(yield* inMemory, [qwen])
          })
        )
        yield* pass("9 minutes")
        assert.deepStrictEqual(yield* inMemory, [qwen])
        yield* pass("2 minutes")
        assert.deepStrictEqual(yield* inMemory, [])
      }).pipe(test(options))
    )
  }

  it.effect("one that another program uses is kept until its TTL after that use is over", () =>
    Effect.gen(function* () {
      const lifecycle = yield* ModelLifecycle
      const control = yield* SimulatorControl
      yield* lifecycle.ensureLoaded(qwen, asked)
      yield* control.setBusy(qwen, "generating")
      yield* pass("20 minutes")
      assert.deepStrictEqual(yield* inMemory, [qwen])
      yield* control.setBusy(qwen, "idle")
      yield* pass("1 minutes")
      assert.deepStrictEqual(yield* inMemory, [], "nobody knows when that program last used it")
      assert.strictEqual((yield* control.invariants).unloadsWhileBusy, 0)
    }).pipe(test(byRest))
  )

  it.effect("one that is leased while another is unloaded is kept", () =>
    Effect.gen(function* () {
      const lifecycle = yield* ModelLifecycle
      const control = yield* SimulatorControl
      // both are due in the same pass
      for (const model of [llama, qwen]) {
        yield* pass("5 seconds")
        yield* lifecycle.ensureLoaded(model, asked)
      }
      yield* control.script("POST /api/v1/models/unload", [Outcome.slow(5000)])
      yield* pass("9 minutes")
      yield* Effect.repeat(Effect.delay(requests, "2 seconds"), {
        until: (all) => all.includes("POST /api/v1/models/unload")
      })
      assert.deepStrictEqual(yield* inMemory, [llama, qwen])
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* lifecycle.lease(qwen, asked)
          yield* pass("1 minutes")
          assert.deepStrictEqual(yield* inMemory, [qwen])
        })
      )
    }).pipe(test(withoutLms))
  )

  it.effect("what LM Studio itself unloads is left to LM Studio, which knows its other users", () =>
    Effect.gen(function* () {
      const lifecycle = yield* ModelLifecycle
      const control = yield* SimulatorControl
      assert.strictEqual((yield* lifecycle.ensureLoaded(qwen, asked)).way, "cli")
      yield* pass("9 minutes")
      // another program uses it
      yield* control.setBusy(qwen, "generating")
      yield* control.setBusy(qwen, "idle")
      yield* pass("5 minutes")
      assert.deepStrictEqual(yield* inMemory, [qwen])
      yield* pass("6 minutes")
      assert.deepStrictEqual(yield* inMemory, [])
    }).pipe(
      test({
        cli: misbehaving(({ ps }) => ({
          ps: Effect.map(ps, (rows) => rows.map((row) => new LmsInstance({ ...row, lastUsedTime: undefined })))
        }))
      })
    )
  )

  it.effect("what LM Studio itself ends is left to it, also while one that only we end is unloaded", () =>
    Effect.gen(function* () {
      const lifecycle = yield* ModelLifecycle
      const control = yield* SimulatorControl
      assert.strictEqual((yield* lifecycle.ensureLoaded(qwen, asked)).way, "cli")
      yield* pass("9 minutes")
      // another program uses it
      yield* control.setBusy(qwen, "generating")
      yield* control.setBusy(qwen, "idle")
      assert.strictEqual((yield* lifecycle.ensureLoaded(llama, { ...asked, ttl: "2 minutes" })).way, "rest")
      yield* pass("5 minutes")
      assert.deepStrictEqual(yield* inMemory, [qwen])
    }).pipe(
      test({
        cli: misbehaving(({ load, ps }) => ({
          load: (options) => (options.key === llama ? noTtl : load(options)),
          ps: Effect.map(ps, (rows) => rows.map((row) => new LmsInstance({ ...row, lastUsedTime: undefined })))
        }))
      })
    )
  )

  it.effect("LM Studio is not asked about models that it ends itself", () =>
    Effect.gen(function* () {
      const lifecycle = yield* ModelLifecycle
      const control = yield* SimulatorControl
      yield* lifecycle.ensureLoaded(qwen, asked)
      yield* control.setBusy(qwen, "generating")
      yield* control.clearSeen
      yield* pass("20 minutes")
      assert.deepStrictEqual([yield* requests, yield* lmsCalls], [[], []])
    }).pipe(test())
  )

  it.effect("a user's model under the id of one of ours is not touched", () =>
    Effect.gen(function* () {
      const lifecycle = yield* ModelLifecycle
      const control = yield* SimulatorControl
      yield* lifecycle.ensureLoaded(qwen, asked)
      yield* control.unloadAsUser(qwen)
      yield* control.loadAsUser(qwen, { contextLength: 4096 })
      yield* pass("30 minutes")
      assert.deepStrictEqual(yield* inMemory, [qwen])
    }).pipe(test(byRest))
  )

  it.effect("an LM Studio that is away for a while is asked again", () =>
    Effect.gen(function* () {
      const lifecycle = yield* ModelLifecycle
      const control = yield* SimulatorControl
      yield* lifecycle.ensureLoaded(qwen, asked)
      yield* control.setSettings({ serverRunning: false })
      yield* pass("12 minutes")
      yield* control.setSettings({ serverRunning: true })
      assert.deepStrictEqual(yield* inMemory, [qwen])
      yield* pass("3 minutes")
      assert.deepStrictEqual(yield* inMemory, [])
    }).pipe(test(withoutLms))
  )

  describe("when the process that loaded it has gone", () => {
    it.scoped("killed: the next one unloads it", () =>
      Effect.gen(function* () {
        const one = yield* startProcess(withoutLms)
        yield* one.lifecycle.ensureLoaded(qwen, asked)
        yield* one.crash
        yield* pass("30 minutes")
        assert.deepStrictEqual(yield* inMemory, [qwen], "nobody is there to end it")
        yield* startProcess(withoutLms)
        yield* pass("1 minutes")
        assert.deepStrictEqual(yield* inMemory, [])
      }).pipe(onMachine(machine()))
    )

    it.scoped("killed, and the next one starts days later: that one unloads it, because LM Studio never would", () =>
      Effect.gen(function* () {
        const one = yield* startProcess(withoutLms)
        yield* one.lifecycle.ensureLoaded(qwen, asked)
        yield* one.crash
        yield* Effect.sleep("2 days")
        yield* startProcess(withoutLms)
        yield* pass("1 minutes")
        assert.deepStrictEqual(yield* inMemory, [])
      }).pipe(onMachine(machine()))
    )

    it.scoped("killed during the load: the next one unloads it too", () =>
      Effect.gen(function* () {
        const control = yield* SimulatorControl
        const one = yield* startProcess(withoutLms)
        yield* Effect.fork(one.lifecycle.ensureLoaded(qwen, asked))
        yield* control.until(({ loading }) => loading.length > 0)
        yield* one.crash
        const two = yield* startProcess(withoutLms)
        yield* pass("3 minutes")
        const [seen] = yield* two.lifecycle.loaded
        assert.deepInclude(seen, { instanceId: qwen, owner: "lms-bridge", ttlMillis: 600_000 })
        yield* pass("9 minutes")
        assert.deepStrictEqual(yield* inMemory, [])
      }).pipe(onMachine(machine({ simulator: { settings: { loadTime: Duration.seconds(20) } } })))
    )

    it.scoped("exited after a run: it unloads what the run used", () =>
      Effect.gen(function* () {
        const control = yield* SimulatorControl
        const one = yield* startProcess(withoutLms)
        yield* control.scriptModel([{ text: "hi" }])
        yield* one.lifecycle.withModel(qwen, asked)((lease) => lease.chat(hello))
        assert.deepStrictEqual(yield* inMemory, [qwen])
        yield* one.end
        assert.deepStrictEqual(yield* inMemory, [])
      }).pipe(onMachine(machine()))
    )

    it.scoped("exited after a run: what LM Studio itself unloads stays until its TTL is over", () =>
      Effect.gen(function* () {
        const control = yield* SimulatorControl
        const one = yield* startProcess()
        yield* control.scriptModel([{ text: "hi" }])
        yield* one.lifecycle.withModel(qwen, asked)((lease) => lease.chat(hello))
        yield* one.end
        assert.deepStrictEqual(yield* inMemory, [qwen])
        yield* pass("11 minutes")
        assert.deepStrictEqual(yield* inMemory, [])
      }).pipe(onMachine(machine()))
    )

    it.scoped("exited after a load without a run: the model stays for the next one to unload", () =>
      Effect.gen(function* () {
        const one = yield* startProcess(withoutLms)
        yield* one.lifecycle.ensureLoaded(qwen, asked)
        yield* one.end
        assert.deepStrictEqual(yield* inMemory, [qwen])
        const two = yield* startProcess(withoutLms)
        yield* pass("1 minutes")
        const [seen] = yield* two.lifecycle.loaded
        assert.deepInclude(seen, { owner: "lms-bridge", ttlMillis: 600_000 })
        yield* pass("10 minutes")
        assert.deepStrictEqual(yield* inMemory, [])
      }).pipe(onMachine(machine()))
    )

    it.scoped("exits even while LM Studio does not answer", () =>
      Effect.gen(function* () {
        const control = yield* SimulatorControl
        const one = yield* startProcess(withoutLms)
        yield* control.scriptModel([{ text: "hi" }])
        yield* one.lifecycle.withModel(qwen, asked)((lease) => lease.chat(hello))
        yield* control.script("GET /api/v1/models", [], { _tag: "Hang" })
        yield* one.end
      }).pipe(onMachine(machine()))
    )

    it.scoped("what another process holds is not unloaded by the one that loaded it", () =>
      Effect.gen(function* () {
        const [one, two] = [yield* startProcess(withoutLms), yield* startProcess(withoutLms)]
        yield* one.lifecycle.ensureLoaded(qwen, asked)
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* two.lifecycle.lease(qwen)
            yield* pass("30 minutes")
            assert.deepStrictEqual(yield* inMemory, [qwen])
          })
        )
        yield* pass("1 minutes")
        assert.deepStrictEqual(yield* inMemory, [])
      }).pipe(onMachine(machine()))
    )
  })
})
