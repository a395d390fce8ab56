import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, TestClock } from "effect"
import * as Catalogue from "#src/state/Catalogue.ts"
import { SimulatorControl } from "#src/SimulatorControl.ts"
import * as SimulatorLayers from "#src/SimulatorLayers.ts"
import { atPath, background, entry, get, keysOf, post } from "../../asked.ts"

const load = (body: object) => post("/api/v1/models/load", body)

describe("native v1 models", () => {
  it.scoped("A3: lists every downloaded model under `models`, with the documented fields", () =>
    Effect.gen(function* () {
      const { at, body, status } = yield* get("/api/v1/models")
      assert.strictEqual(status, 200)
      assert.deepStrictEqual(keysOf(body), ["models"])
      assert.deepStrictEqual(keysOf(at("models.0")), [
        "type",
        "publisher",
        "key",
        "display_name",
        "architecture",
        "quantization",
        "size_bytes",
        "params_string",
        "loaded_instances",
        "max_context_length",
        "format",
        "capabilities",
        "description",
        "variants",
        "selected_variant"
      ])
      assert.deepStrictEqual(at("models.0.quantization"), { name: "Q4_K_M", bits_per_weight: 4 })
      assert.deepStrictEqual(at("models.0.capabilities"), { vision: false, trained_for_tool_use: true })
    }).pipe(Effect.provide(SimulatorLayers.layer()))
  )

  it.scoped("A3: an embedding model has no architecture, capabilities or description", () =>
    Effect.gen(function* () {
      const { at } = yield* get("/api/v1/models")
      const keys = keysOf(entry(at("models"), "type", "embedding"))
      assert.notIncludeMembers([...keys], ["architecture", "capabilities", "description"])
      assert.include(keys, "max_context_length")
    }).pipe(Effect.provide(SimulatorLayers.layer()))
  )

  it.scoped("A3: a vision model is an llm here, and a reasoning model lists its options", () =>
    Effect.gen(function* () {
      const { at } = yield* get("/api/v1/models")
      const of = (key: string, path: string) => atPath(entry(at("models"), "key", key), path)
      assert.strictEqual(of("qwen/qwen3-vl-4b", "type"), "llm")
      assert.strictEqual(of("qwen/qwen3-vl-4b", "format"), "mlx")
      assert.deepStrictEqual(of("openai/gpt-oss-20b", "capabilities.reasoning"), {
        allowed_options: ["low", "medium", "high"],
        default: "low"
      })
    }).pipe(Effect.provide(SimulatorLayers.layer()))
  )

  it.scoped("A3: MLX instances have only context and parallel, embedding instances only context", () =>
    Effect.gen(function* () {
      yield* load({ model: "qwen/qwen3-vl-4b" })
      yield* load({ model: "qwen/qwen3-8b" })
      yield* load({ model: "text-embedding-nomic-embed-text-v1.5" })
      const { at } = yield* get("/api/v1/models")
      const config = (key: string) => atPath(entry(at("models"), "key", key), "loaded_instances.0.config")
      assert.deepStrictEqual(config("qwen/qwen3-vl-4b"), { context_length: 65_536, parallel: 4 })
      assert.deepStrictEqual(config("text-embedding-nomic-embed-text-v1.5"), { context_length: 2048 })
      assert.sameMembers(
        [...keysOf(config("qwen/qwen3-8b"))],
        ["context_length", "eval_batch_size", "parallel", "flash_attention", "offload_kv_cache_to_gpu"]
      )
    }).pipe(Effect.provide(SimulatorLayers.layer()))
  )

  it.scoped("A4: a load blocks until the model is loaded, and is in no listing before", () =>
    Effect.gen(function* () {
      const fiber = yield* background(load({ model: "qwen/qwen3-8b" }))
      yield* TestClock.adjust("6 seconds")
      const during = yield* get("/api/v1/models")
      assert.deepStrictEqual(
        during.at("models.*.loaded_instances"),
        Array.from({ length: 6 }, () => [])
      )
      yield* TestClock.adjust("1 second")
      const { body, status } = yield* Fiber.join(fiber)
      assert.strictEqual(status, 200)
      assert.deepStrictEqual(body, {
        type: "llm",
        instance_id: "qwen/qwen3-8b",
        load_time_seconds: 7,
        status: "loaded"
      })
    }).pipe(Effect.provide(SimulatorLayers.layer({ settings: { loadTime: "7 seconds" } })))
  )

  it.scoped("A4: loading a loaded key adds a second instance and returns its name", () =>
    Effect.gen(function* () {
      const ids = yield* Effect.replicateEffect(
        Effect.map(load({ model: "qwen/qwen3-8b" }), ({ at }) => at("instance_id")),
        3
      )
      assert.deepStrictEqual(ids, ["qwen/qwen3-8b", "qwen/qwen3-8b:2", "qwen/qwen3-8b:3"])
    }).pipe(Effect.provide(SimulatorLayers.layer()))
  )

  it.scoped("A4: echo_load_config shows the applied values, and for an embedding model only the context", () =>
    Effect.gen(function* () {
      const llm = yield* load({
        model: "qwen/qwen3-8b",
        context_length: 8192,
        flash_attention: false,
        eval_batch_size: 256,
        echo_load_config: true
      })
      assert.deepStrictEqual(llm.at("load_config"), {
        context_length: 8192,
        eval_batch_size: 256,
        flash_attention: false,
        offload_kv_cache_to_gpu: true
      })
      const embedding = yield* load({ model: "text-embedding-nomic-embed-text-v1.5", echo_load_config: true })
      assert.deepStrictEqual(embedding.at("load_config"), { context_length: 2048 })
    }).pipe(Effect.provide(SimulatorLayers.layer()))
  )

  it.scoped("A4: a load without a context uses 4096 for GGUF and the maximum for MLX", () =>
    Effect.gen(function* () {
      const gguf = yield* load({ model: "qwen/qwen3-8b", echo_load_config: true })
      const mlx = yield* load({ model: "qwen/qwen3-vl-4b", echo_load_config: true })
      assert.strictEqual(gguf.at("load_config.context_length"), 4096)
      assert.strictEqual(mlx.at("load_config.context_length"), 65_536)
    }).pipe(Effect.provide(SimulatorLayers.layer()))
  )

  it.scoped("A4, H30: `ttl` and other unknown keys are refused", () =>
    Effect.gen(function* () {
      const { body, status } = yield* load({ model: "qwen/qwen3-8b", ttl: 600, rope_frequency_scale: 1 })
      assert.strictEqual(status, 400)
      assert.deepStrictEqual(body, {
        error: {
          type: "invalid_request",
          message: "Unrecognized key(s) in object: 'ttl', 'rope_frequency_scale'",
          code: "unrecognized_keys"
        }
      })
    }).pipe(Effect.provide(SimulatorLayers.layer()))
  )

  it.scoped("A9: a missing model names the parameter", () =>
    Effect.gen(function* () {
      const { body, status } = yield* load({})
      assert.strictEqual(status, 400)
      assert.deepStrictEqual(body, {
        error: {
          type: "invalid_request",
          message: '"model" is required',
          code: "missing_required_parameter",
          param: "model"
        }
      })
    }).pipe(Effect.provide(SimulatorLayers.layer()))
  )

  it.scoped("A9: a body that is not JSON is a 400", () =>
    Effect.gen(function* () {
      const { at, status } = yield* post("/api/v1/models/load", "{model:")
      assert.strictEqual(status, 400)
      assert.include(at("error.message"), "invalid JSON")
    }).pipe(Effect.provide(SimulatorLayers.layer()))
  )

  it.scoped("A4: an unknown model is a 404 model_not_found", () =>
    Effect.gen(function* () {
      const { at, status } = yield* load({ model: "nobody/nothing" })
      assert.strictEqual(status, 404)
      assert.strictEqual(at("error.type"), "model_not_found")
    }).pipe(Effect.provide(SimulatorLayers.layer()))
  )

  it.scoped("A4, H19: the guardrail refuses with the figure and leaves nothing loaded", () =>
    Effect.gen(function* () {
      const { at, status, textAt } = yield* load({ model: "openai/gpt-oss-20b" })
      assert.strictEqual(status, 500)
      assert.strictEqual(at("error.type"), "model_load_failed")
      assert.match(
        textAt("error.message"),
        /^Failed to load LLM 'openai\/gpt-oss-20b': Error: Model loading was stopped due to insufficient system resources\. Under the current settings, this model requires approximately 12\.41 GB of memory/
      )
      const control = yield* SimulatorControl
      assert.deepStrictEqual((yield* control.snapshot).instances, [])
    }).pipe(Effect.provide(SimulatorLayers.layer({ settings: { memoryBudgetBytes: 8e9 } })))
  )

  it.scoped("A4, H19: loaded models count for the guardrail, and a smaller context may fit", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* load({ model: "qwen/qwen3-8b" })).status, 200)
      assert.strictEqual((yield* load({ model: "qwen/qwen3-4b-2507", context_length: 65_536 })).status, 500)
      assert.strictEqual((yield* load({ model: "qwen/qwen3-4b-2507", context_length: 2048 })).status, 200)
    }).pipe(Effect.provide(SimulatorLayers.layer({ settings: { memoryBudgetBytes: 8.2e9 } })))
  )

  it.scoped("A4, H20: running out of memory in the engine is reported only as SIGABRT", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      yield* control.scriptLoads("qwen/qwen3-8b", [{ _tag: "Sigabrt" }])
      const { at, status } = yield* load({ model: "qwen/qwen3-8b" })
      assert.strictEqual(status, 500)
      assert.strictEqual(at("error.type"), "model_load_failed")
      assert.include(at("error.message"), "SIGABRT")
      assert.strictEqual((yield* load({ model: "qwen/qwen3-8b" })).status, 200)
    }).pipe(Effect.provide(SimulatorLayers.layer()))
  )

  it.scoped("A4: some records have a failed load as HTTP 200 with an error body", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      yield* control.scriptLoads("*", [
        { _tag: "Fails", message: "No LM Runtime found for model format 'torchSafetensors'!" }
      ])
      const { at, status } = yield* load({ model: "qwen/qwen3-8b" })
      assert.strictEqual(status, 200)
      assert.strictEqual(
        at("error.message"),
        "Failed to load LLM 'qwen/qwen3-8b': Error: No LM Runtime found for model format 'torchSafetensors'!"
      )
    }).pipe(Effect.provide(SimulatorLayers.layer({ settings: { loadFailureStatus: 200 } })))
  )

  it.scoped("A4: a load continues when its client goes away", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      const fiber = yield* background(load({ model: "qwen/qwen3-8b" }))
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("4 seconds")
      assert.strictEqual((yield* control.snapshot).instances[0]?.id, "qwen/qwen3-8b")
      assert.isTrue((yield* control.seen).requests[0]?.disconnected)
    }).pipe(Effect.provide(SimulatorLayers.layer({ settings: { loadTime: "5 seconds" } })))
  )

  it.scoped("A5: unload takes an instance id and returns it", () =>
    Effect.gen(function* () {
      yield* load({ model: "qwen/qwen3-8b" })
      yield* load({ model: "qwen/qwen3-8b" })
      const { body, status } = yield* post("/api/v1/models/unload", { instance_id: "qwen/qwen3-8b:2" })
      assert.strictEqual(status, 200)
      assert.deepStrictEqual(body, { instance_id: "qwen/qwen3-8b:2" })
      const control = yield* SimulatorControl
      assert.deepStrictEqual(
        (yield* control.snapshot).instances.map((instance) => instance.id),
        ["qwen/qwen3-8b"]
      )
    }).pipe(Effect.provide(SimulatorLayers.layer()))
  )

  it.scoped("A5: an unknown id is an error, and `model` instead of `instance_id` is refused", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        (yield* post("/api/v1/models/unload", { instance_id: "x" })).at("error.type"),
        "model_not_found"
      )
      const wrong = yield* post("/api/v1/models/unload", { model: "x" })
      assert.strictEqual(wrong.at("error.code"), "unrecognized_keys")
    }).pipe(Effect.provide(SimulatorLayers.layer()))
  )

  it.scoped("A6, A7: a download has a job with a changing status, and then the model is on disk", () =>
    Effect.gen(function* () {
      const begun = yield* post("/api/v1/models/download", { model: "google/gemma-3-4b" })
      assert.strictEqual(begun.at("status"), "downloading")
      assert.match(begun.textAt("job_id"), /^job_[0-9a-f]{10}$/)
      yield* TestClock.adjust("5 seconds")
      const half = yield* get(`/api/v1/models/download/status/${begun.at("job_id")}`)
      assert.strictEqual(half.at("status"), "downloading")
      assert.strictEqual(half.at("downloaded_bytes"), 3_341_012_992 / 2)
      assert.isNumber(half.at("bytes_per_second"))
      yield* TestClock.adjust("5 seconds")
      const done = yield* get(`/api/v1/models/download/status/${begun.at("job_id")}`)
      assert.strictEqual(done.at("status"), "completed")
      assert.isString(done.at("completed_at"))
      const { at } = yield* get("/api/v1/models")
      assert.include(at("models.*.key"), "google/gemma-3-4b")
    }).pipe(Effect.provide(SimulatorLayers.layer({ settings: { downloadTime: "10 seconds" } })))
  )

  it.scoped("A6: a model that is already there is reported, and nothing else happens", () =>
    Effect.gen(function* () {
      const { body } = yield* post("/api/v1/models/download", { model: "qwen/qwen3-8b" })
      assert.deepStrictEqual(body, { status: "already_downloaded" })
      assert.strictEqual((yield* post("/api/v1/models/download", { model: "nobody/nothing" })).status, 404)
    }).pipe(Effect.provide(SimulatorLayers.layer()))
  )

  it.scoped("A7: an unknown job is job_not_found", () =>
    Effect.gen(function* () {
      const { at } = yield* get("/api/v1/models/download/status/job_0000000000")
      assert.strictEqual(at("error.type"), "job_not_found")
    }).pipe(Effect.provide(SimulatorLayers.layer()))
  )

  it.scoped("a test's own catalogue replaces the default one", () =>
    Effect.gen(function* () {
      const { at } = yield* get("/api/v1/models")
      assert.deepStrictEqual(
        [at("models.*.key"), at("models.*.publisher"), at("models.*.max_context_length")],
        [["acme/tiny-1b"], ["acme"], [512]]
      )
    }).pipe(
      Effect.provide(SimulatorLayers.layer({ models: [Catalogue.model("acme/tiny-1b", { maxContextLength: 512 })] }))
    )
  )
})
