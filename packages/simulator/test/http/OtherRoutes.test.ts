import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { SimulatorControl } from "#src/SimulatorControl.ts"
import { lmStudio_0_3, otherProduct } from "#src/Settings.ts"
import * as SimulatorLayers from "#src/SimulatorLayers.ts"
import { ask, atPath, chat, entry, eventsOf, get, keysOf, lms, post } from "../asked.ts"

const embedder = "text-embedding-nomic-embed-text-v1.5"

describe("the rest of the HTTP server", () => {
  it.scoped("H1: an unknown route is HTTP 200 with a bare string, and is recorded", () =>
    Effect.gen(function* () {
      const { body, status } = yield* post("/chat/completions", {})
      assert.strictEqual(status, 200)
      assert.deepStrictEqual(body, { error: "Unexpected endpoint or method. (POST /chat/completions)" })
      yield* get("/v1/chat/completions")
      const control = yield* SimulatorControl
      assert.deepStrictEqual((yield* control.seen).unknownRoutes, [
        "POST /chat/completions",
        "GET /v1/chat/completions"
      ])
    }).pipe(Effect.provide(SimulatorLayers.layer()))
  )

  it.scoped("0.3: the greeting identifies LM Studio, served by Express", () =>
    Effect.gen(function* () {
      const { body, headers } = yield* get("/lmstudio-greeting")
      assert.deepStrictEqual(body, { lmstudio: true })
      assert.strictEqual(headers["x-powered-by"], "Express")
    }).pipe(Effect.provide(SimulatorLayers.layer()))
  )

  it.scoped("0.4: the status port answers while the HTTP server is off", () =>
    Effect.gen(function* () {
      const { body } = yield* get("http://127.0.0.1:41343/lms-status")
      assert.deepStrictEqual(body, { package: "lm-studio", version: "0.4.25+1" })
      assert.strictEqual((yield* Effect.flip(get("/v1/models")))._tag, "RequestError")
    }).pipe(Effect.provide(SimulatorLayers.layer({ settings: { serverRunning: false } })))
  )

  it.scoped("0.4: when LM Studio is off, nothing listens on either port", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      yield* control.setSettings({ appRunning: false })
      const failures = yield* Effect.all([
        Effect.flip(get("http://127.0.0.1:41343/lms-status")),
        Effect.flip(get("/lmstudio-greeting"))
      ])
      assert.isTrue(failures.every((failure) => String(failure.cause).includes("ECONNREFUSED")))
    }).pipe(Effect.provide(SimulatorLayers.layer()))
  )

  it.scoped("a request to any other address is refused and recorded as a problem", () =>
    Effect.gen(function* () {
      yield* Effect.flip(get("http://example.com/v1/models"))
      const control = yield* SimulatorControl
      assert.lengthOf((yield* control.seen).problems, 1)
    }).pipe(Effect.provide(SimulatorLayers.layer()))
  )

  it.scoped("B: v0 lists vlm and embeddings, and the loaded context only for loaded models", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      yield* control.loadAsUser("qwen/qwen3-vl-4b")
      const { at } = yield* get("/api/v0/models")
      const rows = at("data")
      assert.deepStrictEqual(entry(rows, "id", "qwen/qwen3-vl-4b"), {
        id: "qwen/qwen3-vl-4b",
        object: "model",
        type: "vlm",
        publisher: "qwen",
        arch: "qwen3_vl",
        compatibility_type: "mlx",
        quantization: "4bit",
        state: "loaded",
        max_context_length: 65_536,
        loaded_context_length: 65_536,
        capabilities: ["tool_use"]
      })
      assert.strictEqual(atPath(entry(rows, "id", embedder), "type"), "embeddings")
      assert.notInclude(keysOf(entry(rows, "id", "llama-3.2-3b-instruct")), "capabilities")
      assert.notInclude(keysOf(entry(rows, "id", embedder)), "loaded_context_length")
      assert.strictEqual((yield* get("/api/v0/models/qwen%2Fqwen3-vl-4b")).at("state"), "loaded")
    }).pipe(Effect.provide(SimulatorLayers.layer()))
  )

  it.scoped("B: v0's state can lag behind v1", () =>
    Effect.gen(function* () {
      const control = yield* SimulatorControl
      yield* control.loadAsUser("qwen/qwen3-8b")
      const { at } = yield* get("/api/v0/models")
      assert.notInclude([at("data.*.state")].flat(), "loaded")
    }).pipe(Effect.provide(SimulatorLayers.layer({ settings: { v0Lags: true } })))
  )

  it.scoped("B: v0 chat adds stats, model_info and runtime", () =>
    Effect.gen(function* () {
      const { at } = yield* post("/api/v0/chat/completions", {
        model: "qwen/qwen3-8b",
        messages: [{ role: "user", content: "Hi" }],
        max_tokens: 1
      })
      assert.deepStrictEqual(keysOf(at("stats")), [
        "tokens_per_second",
        "time_to_first_token",
        "generation_time",
        "stop_reason"
      ])
      assert.strictEqual(at("stats.stop_reason"), "maxPredictedTokensReached")
      assert.deepStrictEqual(at("model_info"), { arch: "qwen3", quant: "Q4_K_M", format: "gguf", context_length: 4096 })
      assert.deepStrictEqual(keysOf(at("runtime")), ["name", "version", "supported_formats"])
    }).pipe(Effect.provide(SimulatorLayers.layer({ script: [{ text: "One two three" }] })))
  )

  it.scoped("the legacy dialect has no /api/v1, and says so with HTTP 200", () =>
    Effect.gen(function* () {
      const { at, status } = yield* get("/api/v1/models")
      assert.strictEqual(status, 200)
      assert.strictEqual(at("error"), "Unexpected endpoint or method. (GET /api/v1/models)")
      assert.strictEqual((yield* get("/api/v0/models")).at("object"), "list")
    }).pipe(Effect.provide(SimulatorLayers.layer({ settings: { api: "legacy-v0" } })))
  )

  it.scoped("LM Studio 0.3 as a preset: v0 only, older wordings, an older lms", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        (yield* get("/api/v1/models")).at("error"),
        "Unexpected endpoint or method. (GET /api/v1/models)"
      )
      assert.strictEqual((yield* chat("default")).status, 404)
      const overflow = yield* post("/v1/chat/completions", {
        model: "qwen/qwen3-8b",
        messages: [{ role: "user", content: "x".repeat(5000 * 4) }]
      })
      assert.match(overflow.textAt("error"), /^Trying to keep the first 5004 tokens/)
      assert.strictEqual((yield* lms("load", "qwen/qwen3-8b", "-y", "--estimate-only")).code, 1)
      assert.strictEqual((yield* lms("version", "--json")).out, '{"version":"0.0.47"}\n')
    }).pipe(Effect.provide(SimulatorLayers.layer({ settings: lmStudio_0_3 })))
  )

  it.scoped("another product as a preset: /v1 answers where neither greeting, status port nor lms do", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* get("/v1/models")).status, 200)
      assert.strictEqual((yield* get("/lmstudio-greeting")).status, 404)
      assert.strictEqual((yield* Effect.flip(get("http://127.0.0.1:41343/lms-status")))._tag, "RequestError")
      assert.strictEqual((yield* lms("ps", "--json")).code, 1)
    }).pipe(Effect.provide(SimulatorLayers.layer({ settings: otherProduct })))
  )

  it.scoped("another product has only /v1, and a real 404 for the rest", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* get("/lmstudio-greeting")).status, 404)
      assert.strictEqual((yield* get("/api/v0/models")).status, 404)
      assert.strictEqual((yield* get("/v1/models")).at("object"), "list")
      assert.strictEqual((yield* chat("qwen/qwen3-8b")).status, 200)
    }).pipe(Effect.provide(SimulatorLayers.layer({ settings: { api: "openai-only" } })))
  )

  it.scoped("C3: text completions, whole and streamed", () =>
    Effect.gen(function* () {
      const whole = yield* post("/v1/completions", { model: "qwen/qwen3-8b", prompt: "Once" })
      assert.strictEqual(whole.at("object"), "text_completion")
      assert.deepStrictEqual(whole.at("choices"), [
        { index: 0, text: "upon a time", logprobs: null, finish_reason: "stop" }
      ])
      const streamed = yield* post("/v1/completions", { model: "qwen/qwen3-8b", prompt: "Once", stream: true })
      const events = eventsOf(streamed.text)
      assert.strictEqual(events.map((event) => event.at("choices.0.text") ?? "").join(""), "upon a time")
      assert.strictEqual(events.at(-1)?.data, "[DONE]")
    }).pipe(Effect.provide(SimulatorLayers.layer({ script: [{ text: "upon a time" }, { text: "upon a time" }] })))
  )

  it.scoped("C3: embeddings are unit vectors with zero usage and a suffix on the model", () =>
    Effect.gen(function* () {
      const { at } = yield* post("/v1/embeddings", {
        model: embedder,
        input: ["green tea", "tea is green", "a red car"]
      })
      assert.strictEqual(at("model"), `${embedder}@q4_k_m`)
      assert.deepStrictEqual(at("usage"), { prompt_tokens: 0, total_tokens: 0 })
      const vectors = [0, 1, 2].map((index) => [at(`data.${index}.embedding`)].flat().map(Number))
      const similarity = (left: ReadonlyArray<number> = [], right: ReadonlyArray<number> = []) =>
        left.reduce((sum, value, index) => sum + value * (right[index] ?? 0), 0)
      assert.closeTo(similarity(vectors[0], vectors[0]), 1, 1e-9)
      assert.isAbove(similarity(vectors[0], vectors[1]), similarity(vectors[0], vectors[2]))
    }).pipe(Effect.provide(SimulatorLayers.layer()))
  )

  it.scoped("H34: text beyond the context of an embedding model is silently cut", () =>
    Effect.gen(function* () {
      const long = "tea ".repeat(2048)
      const { at, status } = yield* post("/v1/embeddings", {
        model: embedder,
        input: [long, `${long}${"car ".repeat(500)}`]
      })
      assert.strictEqual(status, 200)
      assert.deepStrictEqual(at("data.0.embedding"), at("data.1.embedding"))
    }).pipe(Effect.provide(SimulatorLayers.layer()))
  )
})

describe("authentication", () => {
  const token = "sk-lm-abcdefgh:abcdefghijklmnopqrst"
  const powerless = "sk-lm-ABCDEFGH:abcdefghijklmnopqrst"
  const guarded = SimulatorLayers.layer({
    settings: { authRequired: true, tokens: [token], powerlessTokens: [powerless] }
  })
  const withToken = (value: string) => get("/v1/models", { authorization: `Bearer ${value}` })

  it.scoped("A8: a missing token is a 401 with the recorded message, on every API but not on the greeting", () =>
    Effect.gen(function* () {
      for (const path of ["/v1/models", "/api/v0/models", "/api/v1/models"]) {
        const { body, status } = yield* get(path)
        assert.strictEqual(status, 401)
        assert.deepStrictEqual(body, {
          error: {
            message:
              "An LM Studio API token is required to make requests to this server, but none was provided using the Authorization header using the 'Bearer' scheme ...",
            code: "invalid_api_key"
          }
        })
      }
      assert.strictEqual((yield* get("/lmstudio-greeting")).status, 200)
    }).pipe(Effect.provide(guarded))
  )

  it.scoped("A8: a malformed token is quoted with its first ten characters", () =>
    Effect.gen(function* () {
      const { at, status } = yield* withToken("lm-studio-secret")
      assert.strictEqual(status, 401)
      assert.deepStrictEqual(at("error"), {
        type: "invalid_request",
        message: "Malformed LM Studio API token provided: lm-studio-... Ensure you are using a valid token.",
        code: "invalid_api_key"
      })
    }).pipe(Effect.provide(guarded))
  )

  it.scoped("A8: a token in the wrong format is refused even if it is configured", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* withToken("secret")).status, 401)
    }).pipe(Effect.provide(SimulatorLayers.layer({ settings: { authRequired: true, tokens: ["secret"] } })))
  )

  it.scoped("A8: a valid token passes, one without permission is a 403, one never issued a 401", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* withToken(token)).status, 200)
      assert.strictEqual((yield* withToken(powerless)).status, 403)
      assert.strictEqual((yield* withToken("sk-lm-zzzzzzzz:abcdefghijklmnopqrst")).status, 401)
    }).pipe(Effect.provide(guarded))
  )

  it.scoped("A8: with authentication off any bearer is ignored", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* withToken("lm-studio")).status, 200)
    }).pipe(Effect.provide(SimulatorLayers.layer()))
  )

  it.scoped("the record contains no token", () =>
    Effect.gen(function* () {
      yield* ask("POST", "/v1/completions", "not json", { authorization: `Bearer ${token}`, "x-api-key": token })
      const control = yield* SimulatorControl
      const seen = yield* control.seen
      assert.notInclude(JSON.stringify(seen), token)
      assert.strictEqual(seen.requests[0]?.headers["authorization"], "<redacted>")
      assert.strictEqual(seen.requests[0]?.body, "not json")
    }).pipe(Effect.provide(guarded))
  )
})
