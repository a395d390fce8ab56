import { assert, describe, it } from "@effect/vitest"
import { Effect, TestClock } from "effect"
import { LmStudioApi } from "#src/lmstudio/LmStudioApi.ts"
import * as FakeHttp from "@lms-bridge/testing/FakeHttp"
import { apiLayer, native } from "./apiLayer.ts"

const requests = Effect.flatten(FakeHttp.FakeRequests)

const posted = Effect.map(requests, (all) => all.filter(({ method }) => method === "POST").map(({ body }) => body))

const with_ = (routes: FakeHttp.Routes, settings: Parameters<typeof apiLayer>[1] = {}) =>
  Effect.provide(apiLayer({ ...native, ...routes }, settings))

const load = "POST /api/v1/models/load"

describe("LmStudioApi.load and unload", () => {
  it.effect("send strict bodies: no key that the route does not know (H30)", () =>
    Effect.gen(function* () {
      const api = yield* LmStudioApi
      yield* api.load("m", { contextLength: 8192, flashAttention: true, offloadKvCacheToGpu: false })
      yield* api.load("m")
      yield* api.unload("m:2")
      assert.deepStrictEqual(yield* posted, [
        {
          model: "m",
          context_length: 8192,
          flash_attention: true,
          offload_kv_cache_to_gpu: false,
          echo_load_config: true
        },
        { model: "m", echo_load_config: true },
        { instance_id: "m:2" }
      ])
    }).pipe(
      with_({
        [load]: FakeHttp.json({ type: "llm", instance_id: "m", load_time_seconds: 1.5, status: "loaded" }),
        "POST /api/v1/models/unload": FakeHttp.json({ instance_id: "m:2" })
      })
    )
  )

  it.effect("are never repeated: the work may be done although the reply is lost", () =>
    Effect.gen(function* () {
      const api = yield* LmStudioApi
      const fiber = yield* Effect.fork(Effect.flip(api.load("m")))
      yield* TestClock.adjust("1 minute")
      assert.deepInclude(yield* fiber, { _tag: "LmStudioUnreachable", reason: "Transport" })
      assert.lengthOf(yield* posted, 1)
    }).pipe(with_({ [load]: [FakeHttp.refused("ECONNRESET")] }, { retries: 3 }))
  )

  it.effect("distinguish a load failure from a success by the body, not by the status", () =>
    Effect.gen(function* () {
      const api = yield* LmStudioApi
      const error = yield* Effect.flip(api.load("m"))
      assert.deepInclude(error, { _tag: "ModelLoadFailed", model: "m", reason: "Engine" })
    }).pipe(
      with_({ [load]: FakeHttp.json({ error: { type: "model_load_failed", message: "Engine died: SIGABRT" } }, 200) })
    )
  )

  it.effect("say which LM Studio to update to when it is too old", () =>
    Effect.gen(function* () {
      const api = yield* LmStudioApi
      const error = yield* Effect.flip(api.load("m"))
      assert.deepInclude(error, { _tag: "Unsupported", dialect: "legacy-v0" })
      assert.include(error.message, "Update LM Studio")
      assert.lengthOf(yield* posted, 0)
    }).pipe(
      with_({
        "GET /api/v1/models": FakeHttp.unexpectedEndpoint("GET", "/api/v1/models"),
        "GET /api/v0/models": FakeHttp.json({ data: [{ id: "m", type: "llm", state: "not-loaded" }] })
      })
    )
  )

  it.effect("do not count on the breaker of inference", () =>
    Effect.gen(function* () {
      const api = yield* LmStudioApi
      yield* Effect.flip(api.load("m"))
      assert.strictEqual((yield* Effect.flip(api.load("m")))._tag, "CircuitOpen")
      assert.strictEqual((yield* api.embed({ model: "m", input: [] })).model, "m")
    }).pipe(
      with_(
        { [load]: FakeHttp.refused("ECONNRESET"), "POST /v1/embeddings": FakeHttp.json({ model: "m", data: [] }) },
        { breakerFailures: 1 }
      )
    )
  )
})

describe("LmStudioApi downloads", () => {
  it.effect("start and report progress, with the job's id escaped in the path", () =>
    Effect.gen(function* () {
      const api = yield* LmStudioApi
      const started = yield* api.download("qwen/qwen3-4b", "Q4_K_M")
      assert.deepInclude(started, { jobId: "job_1", status: "downloading", totalBytes: 100 })
      const status = yield* api.downloadStatus("job_1/../x")
      assert.deepStrictEqual(status, {
        jobId: "job_1",
        status: "verifying",
        totalBytes: 100,
        downloadedBytes: 50,
        bytesPerSecond: undefined
      })
      assert.deepStrictEqual(yield* posted, [{ model: "qwen/qwen3-4b", quantization: "Q4_K_M" }])
    }).pipe(
      with_({
        "POST /api/v1/models/download": FakeHttp.json({
          job_id: "job_1",
          status: "downloading",
          total_size_bytes: 100
        }),
        "GET /api/v1/models/download/status/job_1%2F..%2Fx": FakeHttp.json({
          job_id: "job_1",
          status: "verifying",
          total_size_bytes: 100,
          downloaded_bytes: 50,
          bytes_per_second: null
        })
      })
    )
  )
})

describe("LmStudioApi.embed, complete and respond", () => {
  it.effect("give vectors in the order of the input, and accept a variant's name as the model's", () =>
    Effect.gen(function* () {
      const api = yield* LmStudioApi
      const { usage, vectors } = yield* api.embed({ model: "nomic", input: ["a", "b"], ttlSeconds: 60 })
      assert.deepStrictEqual(vectors, [[1], [2]])
      assert.deepStrictEqual(usage, { inputTokens: 0, outputTokens: 0 })
      assert.deepStrictEqual(yield* posted, [{ model: "nomic", input: ["a", "b"], ttl: 60 }])
    }).pipe(
      with_({
        "POST /v1/embeddings": FakeHttp.json({
          model: "nomic@q4_k_m",
          data: [
            { index: 1, embedding: [2] },
            { index: 0, embedding: [1] }
          ],
          usage: { prompt_tokens: 0, total_tokens: 0 }
        })
      })
    )
  )

  it.effect("refuse `default` on every route, before anything is sent", () =>
    Effect.gen(function* () {
      const api = yield* LmStudioApi
      for (const call of [
        Effect.asVoid(api.complete({ model: "default", prompt: "" })),
        Effect.asVoid(api.embed({ model: "DEFAULT", input: [] })),
        Effect.asVoid(api.respond({ model: "default", input: "" })),
        Effect.asVoid(api.load("default"))
      ]) {
        assert.deepInclude(yield* Effect.flip(call), { _tag: "RequestRejected", code: "not_sent" })
      }
      assert.lengthOf(yield* requests, 0)
    }).pipe(with_({}))
  )

  it.effect("detect an answer of another model on every route", () =>
    Effect.gen(function* () {
      const api = yield* LmStudioApi
      for (const call of [
        Effect.asVoid(api.complete({ model: "asked", prompt: "" })),
        Effect.asVoid(api.embed({ model: "asked", input: [] })),
        Effect.asVoid(api.respond({ model: "asked", input: "" }))
      ]) {
        assert.deepInclude(yield* Effect.flip(call), {
          _tag: "WrongModelAnswered",
          asked: "asked",
          answered: "qwen/qwen3-4b"
        })
      }
    }).pipe(
      with_({
        "POST /v1/completions": FakeHttp.json({ model: "qwen/qwen3-4b", choices: [{ text: "x" }] }),
        "POST /v1/embeddings": FakeHttp.json({ model: "qwen/qwen3-4b", data: [] }),
        "POST /v1/responses": FakeHttp.json({ id: "resp_1", model: "qwen/qwen3-4b", output: [] })
      })
    )
  )

  it.effect("send the limit of responses under its right name, and decode its oddities (H33)", () =>
    Effect.gen(function* () {
      const api = yield* LmStudioApi
      const reply = yield* api.respond({
        model: "m",
        input: [
          { type: "message", role: "user", content: "hi" },
          { type: "function_call", callId: "c", name: "f", arguments: "{}" },
          { type: "function_call_output", callId: "c", output: "1" }
        ],
        maxOutputTokens: 5,
        store: false,
        reasoningEffort: "low"
      })
      assert.deepInclude(reply, {
        id: "resp_1",
        status: "incomplete",
        content: "Hal",
        reasoning: "hm",
        finishReason: "length",
        toolCalls: []
      })
      assert.deepStrictEqual(reply.usage, { inputTokens: 0, outputTokens: 5, reasoningTokens: 2 })
      assert.deepStrictEqual(yield* posted, [
        {
          model: "m",
          input: [
            { role: "user", content: "hi" },
            { type: "function_call", call_id: "c", name: "f", arguments: "{}" },
            { type: "function_call_output", call_id: "c", output: "1" }
          ],
          store: false,
          max_output_tokens: 5,
          reasoning: { effort: "low" }
        }
      ])
    }).pipe(
      with_({
        "POST /v1/responses": FakeHttp.json({
          id: "resp_1",
          model: "m",
          status: "incomplete",
          incomplete_details: { reason: "max_output_tokens" },
          error: null,
          top_p: false,
          output: [
            { type: "reasoning", summary: [], content: [{ type: "reasoning_text", text: "hm" }] },
            { type: "something_new", content: null },
            { type: "message", role: "assistant", content: [{ type: "output_text", text: "Hal", annotations: [] }] }
          ],
          usage: { input_tokens: 0, output_tokens: 5, output_tokens_details: { reasoning_tokens: 2 } }
        })
      })
    )
  )
})
