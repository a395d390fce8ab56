import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, TestClock } from "effect"
import { SimulatorControl } from "#src/SimulatorControl.ts"
import * as SimulatorLayers from "#src/SimulatorLayers.ts"
import { atPath, background, chat, get, lms, post } from "../asked.ts"

const qwen = "qwen/qwen3-8b"
const small = "qwen/qwen3-4b-2507"
const instances = Effect.flatMap(SimulatorControl, (control) => Effect.map(control.snapshot, (all) => all.instances))
const ids = Effect.map(instances, (all) => all.map((instance) => instance.id))

describe("which model answers", () => {
  it.scoped("E: a downloaded model is loaded by the first request that names it, for 60 minutes", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* chat(qwen)).at("model"), qwen)
      const [instance] = yield* instances
      assert.deepInclude(instance, { id: qwen, jit: true, ttlMs: 3_600_000 })
    }).pipe(Effect.provide(SimulatorLayers.layer()))
  )

  it.scoped("C2: keys match in any case, instance ids only exactly", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      yield* control.loadAsUser(qwen, { identifier: "my-qwen" })
      assert.strictEqual((yield* chat("QWEN/Qwen3-8B")).at("model"), "my-qwen")
      assert.strictEqual((yield* chat("my-qwen")).at("model"), "my-qwen")
      yield* control.loadAsUser(small)
      assert.strictEqual((yield* chat("MY-QWEN")).status, 400)
    }).pipe(Effect.provide(SimulatorLayers.layer()))
  )

  it.scoped("H4: an unknown name is answered by the only loaded model", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      yield* control.loadAsUser(qwen)
      yield* control.loadAsUser("text-embedding-nomic-embed-text-v1.5")
      const { at, status } = yield* chat("default")
      assert.strictEqual(status, 200)
      assert.strictEqual(at("model"), qwen)
      const responses = yield* post("/v1/responses", { model: "default", input: "Hi" })
      assert.strictEqual(responses.at("model"), qwen)
    }).pipe(Effect.provide(SimulatorLayers.layer()))
  )

  it.scoped("C4: an unknown name is a 400 with two models loaded, and with none", () =>
    Effect.gen(function* () {
      const expected = {
        error: {
          message:
            'Invalid model identifier "default". Please specify a valid downloaded model (e.g., qwen/qwen3-4b-2507, openai/gpt-oss-20b, qwen/qwen3-8b).',
          type: "invalid_request_error",
          param: "model",
          code: "model_not_found"
        }
      }
      const none = yield* chat("default")
      assert.strictEqual(none.status, 400)
      assert.deepStrictEqual(none.body, expected)
      const control = yield* SimulatorControl
      yield* control.loadAsUser(qwen)
      yield* control.loadAsUser(small)
      assert.deepStrictEqual((yield* chat("default")).body, expected)
    }).pipe(Effect.provide(SimulatorLayers.layer()))
  )

  it.scoped("C4: the older format is a 404 that lists the models", () =>
    Effect.gen(function* () {
      const { at, status, textAt } = yield* chat("default")
      assert.strictEqual(status, 404)
      assert.match(
        textAt("error.message"),
        /^Model "default" not found\. Please specify a valid model\.\n\nYour models:\n\n/
      )
      assert.strictEqual(at("error.code"), "model_not_found")
    }).pipe(Effect.provide(SimulatorLayers.layer({ settings: { unknownModel: "404" } })))
  )

  it.scoped("C4: with just-in-time loading off and nothing loaded there is no model", () =>
    Effect.gen(function* () {
      const { body, status } = yield* chat(qwen)
      assert.strictEqual(status, 400)
      assert.deepStrictEqual(body, {
        error: {
          message: "No models loaded. Please load a model in the developer page or use the 'lms load' command.",
          type: "invalid_request_error",
          param: "model",
          code: null
        }
      })
    }).pipe(Effect.provide(SimulatorLayers.layer({ settings: { jitLoading: false } })))
  )

  it.scoped("H5: just-in-time loading may fail although it is on, while an explicit load works", () =>
    Effect.gen(function* () {
      assert.include((yield* chat(qwen)).textAt("error.message"), "No models loaded")
      assert.strictEqual((yield* post("/api/v1/models/load", { model: qwen })).status, 200)
      assert.strictEqual((yield* chat(qwen)).status, 200)
    }).pipe(Effect.provide(SimulatorLayers.layer({ settings: { jitWorks: false } })))
  )

  it.scoped("C5: a just-in-time load that fails is a 400 with the engine's message", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      yield* control.scriptLoads(qwen, [{ _tag: "Sigabrt" }])
      const { status, textAt } = yield* chat(qwen)
      assert.strictEqual(status, 400)
      assert.match(textAt("error.message"), /^Failed to load model "qwen\/qwen3-8b"\. Error: /)
    }).pipe(Effect.provide(SimulatorLayers.layer()))
  )

  it.scoped("E: `ttl` is honoured on chat completions, completions and embeddings, and ignored on responses", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      yield* control.setSettings({ autoEvict: false })
      yield* chat(qwen, { ttl: 30 })
      yield* post("/v1/completions", { model: small, prompt: "Hi", ttl: 40 })
      yield* post("/v1/embeddings", { model: "text-embedding-nomic-embed-text-v1.5", input: "Hi", ttl: 50 })
      yield* post("/v1/responses", { model: "llama-3.2-3b-instruct", input: "Hi", ttl: 60 })
      assert.deepStrictEqual(
        (yield* instances).map(({ ttlMs }) => ttlMs),
        [30_000, 40_000, 50_000, 3_600_000]
      )
    }).pipe(Effect.provide(SimulatorLayers.layer()))
  )

  it.scoped("C2: `ttl` has no effect on a loaded model, and nonsense is silently ignored", () =>
    Effect.gen(function* () {
      yield* post("/api/v1/models/load", { model: qwen })
      assert.strictEqual((yield* chat(qwen, { ttl: 5 })).status, 200)
      assert.strictEqual((yield* instances)[0]?.ttlMs, null)
      assert.strictEqual((yield* chat(small, { ttl: "abc" })).status, 200)
      assert.strictEqual((yield* instances)[1]?.ttlMs, 3_600_000)
    }).pipe(Effect.provide(SimulatorLayers.layer()))
  )

  it.scoped("E: the TTL counts idle time only, and each request restarts it", () =>
    Effect.gen(function* () {
      yield* chat(qwen, { ttl: 60 })
      yield* TestClock.adjust("50 seconds")
      yield* chat(qwen)
      yield* TestClock.adjust("50 seconds")
      assert.deepStrictEqual(yield* ids, [qwen])
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* ids, [])
    }).pipe(Effect.provide(SimulatorLayers.layer()))
  )

  it.scoped("E: a busy model does not expire", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      yield* control.loadAsUser(qwen, { ttl: "1 minute" })
      yield* control.setBusy(qwen, "generating")
      yield* TestClock.adjust("10 minutes")
      assert.deepStrictEqual(yield* ids, [qwen])
      yield* control.setBusy(qwen, "idle")
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* ids, [])
    }).pipe(Effect.provide(SimulatorLayers.layer()))
  )

  it.scoped("E: an explicit load has no TTL and stays", () =>
    Effect.gen(function* () {
      yield* post("/api/v1/models/load", { model: qwen })
      yield* TestClock.adjust("30 days")
      assert.deepStrictEqual(yield* ids, [qwen])
    }).pipe(Effect.provide(SimulatorLayers.layer()))
  )

  it.scoped("E: a just-in-time load evicts the other just-in-time model, never an explicit one", () =>
    Effect.gen(function* () {
      yield* post("/api/v1/models/load", { model: qwen })
      yield* chat(small)
      yield* chat("llama-3.2-3b-instruct")
      assert.deepStrictEqual(yield* ids, [qwen, "llama-3.2-3b-instruct"])
    }).pipe(Effect.provide(SimulatorLayers.layer()))
  )

  it.scoped("E: explicit loads evict nothing", () =>
    Effect.gen(function* () {
      yield* chat(small)
      yield* post("/api/v1/models/load", { model: qwen })
      yield* lms("load", "llama-3.2-3b-instruct", "-y")
      assert.deepStrictEqual(yield* ids, [small, qwen, "llama-3.2-3b-instruct"])
    }).pipe(Effect.provide(SimulatorLayers.layer()))
  )

  it.scoped("H2: parallel first requests each start an instance", () =>
    Effect.gen(function* () {
      const fibers = yield* Effect.replicateEffect(background(chat(qwen)), 3)
      yield* TestClock.adjust("5 seconds")
      const answers = yield* Effect.forEach(fibers, Fiber.join)
      assert.deepStrictEqual(
        answers.map(({ at }) => at("model")),
        [qwen, `${qwen}:2`, `${qwen}:3`]
      )
      const control = yield* SimulatorControl
      assert.strictEqual((yield* control.invariants).maxLoadsInFlightPerKey, 3)
    }).pipe(Effect.provide(SimulatorLayers.layer({ settings: { loadTime: "5 seconds" } })))
  )

  it.scoped("H2: the race can be switched off", () =>
    Effect.gen(function* () {
      const fibers = yield* Effect.replicateEffect(background(chat(qwen)), 3)
      yield* TestClock.adjust("5 seconds")
      yield* Effect.forEach(fibers, Fiber.join)
      assert.deepStrictEqual(yield* ids, [qwen])
    }).pipe(Effect.provide(SimulatorLayers.layer({ settings: { loadTime: "5 seconds", jitRace: false } })))
  )

  it.scoped("E: a variant's name loads a second copy beside the key's", () =>
    Effect.gen(function* () {
      yield* post("/api/v1/models/load", { model: qwen })
      yield* chat(`${qwen}@q8_0`)
      assert.lengthOf(yield* ids, 2)
    }).pipe(Effect.provide(SimulatorLayers.layer()))
  )

  it.scoped("an embedding model does not chat, and a language model does not embed", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* chat("text-embedding-nomic-embed-text-v1.5")).status, 400)
      assert.strictEqual((yield* post("/v1/embeddings", { model: qwen, input: "Hi" })).status, 400)
    }).pipe(Effect.provide(SimulatorLayers.layer()))
  )

  it.scoped(
    "C1: /v1/models lists all downloaded models with just-in-time on, else only loaded ones, and each instance",
    () =>
      Effect.gen(function* () {
        const control = yield* SimulatorControl
        yield* control.loadAsUser(qwen)
        yield* control.loadAsUser(qwen)
        const all = yield* get("/v1/models")
        assert.strictEqual(all.at("object"), "list")
        assert.deepStrictEqual(atPath(all.body, "data.0"), {
          id: qwen,
          object: "model",
          owned_by: "organization_owner"
        })
        assert.includeMembers([all.at("data.*.id")].flat(), [qwen, `${qwen}:2`, small])
        yield* control.setSettings({ jitLoading: false })
        assert.deepStrictEqual((yield* get("/v1/models")).at("data.*.id"), [qwen, `${qwen}:2`])
      }).pipe(Effect.provide(SimulatorLayers.layer()))
  )
})
