import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, FiberRef, HashMap, Option, Redacted, TestClock } from "effect"
import { LmStudioApi } from "#src/lmstudio/LmStudioApi.ts"
import { CurrentCaller } from "#src/observability/Correlation.ts"
import * as FakeHttp from "@lms-bridge/testing/FakeHttp"
import { apiLayer, native, nativeList, unexpected } from "./apiLayer.ts"

const server = Effect.flatMap(LmStudioApi, (api) => api.server)

const models = Effect.flatMap(LmStudioApi, (api) => api.models)

const ping = Effect.flatMap(LmStudioApi, (api) => api.ping)

const paths = Effect.map(Effect.flatten(FakeHttp.FakeRequests), (all) => all.map(({ path }) => path))

const openAiList = FakeHttp.json({ object: "list", data: [{ id: "llama3:8b", object: "model" }] })

describe("LmStudioApi.access", () => {
  it.effect("asks without our token to learn whether the server requires one", () =>
    Effect.gen(function* () {
      const access = yield* Effect.flatMap(LmStudioApi, (api) => api.access)
      const tokens = (yield* Effect.flatten(FakeHttp.FakeRequests)).map(({ headers }) => headers["authorization"])
      assert.strictEqual(access, "token")
      assert.deepStrictEqual(tokens, ["Bearer t0ken", "Bearer t0ken", undefined])
    }).pipe(
      Effect.provide(
        apiLayer(
          {
            "GET /api/v1/models": [
              nativeList,
              nativeList,
              FakeHttp.json({ error: { message: "An LM Studio API token is required" } }, 401)
            ]
          },
          { apiToken: Option.some(Redacted.make("t0ken")) }
        )
      )
    )
  )
})

describe("LmStudioApi.server", () => {
  it.effect("detects native v1 by the body of its model list", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* server, {
        baseUrl: "http://127.0.0.1:1234",
        dialect: "native-v1",
        isLmStudio: true
      })
    }).pipe(Effect.provide(apiLayer(native)))
  )

  it.effect("leaves each of those who ask at the same time who they are", () =>
    Effect.gen(function* () {
      const who = Effect.all([CurrentCaller, FiberRef.get(FiberRef.currentLogAnnotations)])
      const asking = (name: string) =>
        Effect.map(Effect.zipRight(server, who), ([caller, annotations]) => [
          caller,
          Option.getOrNull(HashMap.get(annotations, "session"))
        ]).pipe(Effect.annotateLogs({ session: name }), Effect.provideService(CurrentCaller, name))
      const found = yield* Effect.forEach(["one", "two", "three"], asking, { concurrency: "unbounded" })
      assert.deepStrictEqual(found, [
        ["one", "one"],
        ["two", "two"],
        ["three", "three"]
      ])
    }).pipe(Effect.provide(apiLayer(native)))
  )

  it.effect("detects legacy v0 although an unknown route answers 200", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* server).dialect, "legacy-v0")
      assert.deepStrictEqual(
        (yield* models).map(({ key, type }) => [key, type]),
        [["qwen", "llm"]]
      )
    }).pipe(
      Effect.provide(
        apiLayer({
          ...unexpected,
          "GET /api/v0/models": FakeHttp.json({ object: "list", data: [{ id: "qwen", type: "vlm", state: "loaded" }] })
        })
      )
    )
  )

  it.effect("detects a plain OpenAI server, which is not LM Studio", () =>
    Effect.gen(function* () {
      assert.deepInclude(yield* server, { dialect: "openai", isLmStudio: false })
      assert.deepStrictEqual(
        (yield* models).map(({ key }) => key),
        ["llama3:8b"]
      )
    }).pipe(
      Effect.provide(
        apiLayer({
          "GET /api/v1/models": FakeHttp.text("404 page not found", 404, "text/plain"),
          "GET /api/v0/models": FakeHttp.text("404 page not found", 404, "text/plain"),
          "GET /lmstudio-greeting": FakeHttp.text("404 page not found", 404, "text/plain"),
          "GET /v1/models": openAiList
        })
      )
    )
  )

  it.effect("does not mistake the rows of another server for those of v0", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* server).dialect, "openai")
    }).pipe(Effect.provide(apiLayer({ ...unexpected, "GET /api/v0/models": openAiList, "GET /v1/models": openAiList })))
  )

  it.effect("says that something else answers there", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(server)
      assert.deepInclude(error, { _tag: "LmStudioUnreachable", reason: "NotLmStudio", retryable: false })
      assert.include(error.message, "LMSTUDIO_PORT")
    }).pipe(
      Effect.provide(
        apiLayer({
          "GET /api/v1/models": FakeHttp.text("<html>router</html>"),
          "GET /api/v0/models": FakeHttp.text("<html>router</html>"),
          "GET /v1/models": FakeHttp.text("<html>router</html>")
        })
      )
    )
  )

  it.effect("does not mistake a proxy before a starting server for another product", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(server)
      assert.deepInclude(error, { _tag: "ServerFault", reason: "Gateway", retryable: false })
      assert.include(error.message, "Only a proxy answers")
    }).pipe(
      Effect.provide(apiLayer({ "GET /api/v1/models": FakeHttp.text("<h1>502 Bad Gateway</h1>", 502, "text/html") }))
    )
  )

  it.effect("says why there is no answer, from the code of the socket's error", () =>
    Effect.gen(function* () {
      for (const [code, reason, retryable] of [
        ["ECONNREFUSED", "Refused", false],
        ["ENOTFOUND", "NotFound", false],
        ["EAI_AGAIN", "NotFound", false],
        ["ETIMEDOUT", "Timeout", false],
        ["DEPTH_ZERO_SELF_SIGNED_CERT", "Tls", false],
        ["ECONNRESET", "Transport", true]
      ] as const) {
        const error = yield* Effect.flip(server).pipe(
          Effect.provide(apiLayer({ "GET /api/v1/models": FakeHttp.refused(code) }))
        )
        assert.deepInclude(error, { _tag: "LmStudioUnreachable", reason, retryable })
      }
    })
  )

  it.effect("gives up after the connect limit on a host that never answers", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(Effect.flip(server))
      yield* TestClock.adjust("5 seconds")
      assert.deepInclude(yield* Fiber.join(fiber), { _tag: "LmStudioUnreachable", reason: "Timeout" })
    }).pipe(Effect.provide(apiLayer({ "GET /api/v1/models": FakeHttp.silent })))
  )

  it.effect("asks for a token when the server requires one, instead of trying other routes", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(server)
      assert.deepInclude(error, { _tag: "Unauthorized", reason: "Missing" })
      assert.include(error.message, "LM_API_TOKEN")
      assert.deepStrictEqual(yield* paths, ["/api/v1/models"])
    }).pipe(
      Effect.provide(
        apiLayer({
          "GET /api/v1/models": FakeHttp.json(
            { error: { message: "An LM Studio API token is required", code: "invalid_api_key" } },
            401
          )
        })
      )
    )
  )

  it.effect("says that a token was refused if one was sent, also where the server asks for one", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(server)
      assert.deepInclude(error, { _tag: "Unauthorized", reason: "Malformed" })
      assert.include(error.message, "refused the API token")
    }).pipe(
      Effect.provide(
        apiLayer(
          {
            "GET /api/v1/models": FakeHttp.json(
              { error: { message: "An LM Studio API token is required", code: "invalid_api_key" } },
              401
            )
          },
          { apiToken: Option.some(Redacted.make("t0ken")) }
        )
      )
    )
  )

  it.effect("caches the result, but not a failure", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* Effect.flip(server))._tag, "LmStudioUnreachable")
      yield* server
      yield* server
      assert.lengthOf(yield* paths, 2)
    }).pipe(Effect.provide(apiLayer({ "GET /api/v1/models": [FakeHttp.refused(), nativeList] })))
  )

  it.effect("asks once for many callers, even if the first one is interrupted", () =>
    Effect.gen(function* () {
      const first = yield* Effect.fork(server)
      const others = yield* Effect.replicateEffect(Effect.fork(server), 9)
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(first)
      yield* TestClock.adjust("1 second")
      for (const other of others) assert.strictEqual((yield* Fiber.join(other)).dialect, "native-v1")
      assert.deepStrictEqual(yield* paths, ["/api/v1/models"])
    }).pipe(Effect.provide(apiLayer({ "GET /api/v1/models": [FakeHttp.after("2 seconds", nativeList)] })))
  )
})

describe("LmStudioApi.models", () => {
  it.effect("costs one request when the dialect is known", () =>
    Effect.gen(function* () {
      yield* server
      const [model] = yield* models
      assert.deepStrictEqual(model?.instances, [{ id: "qwen/qwen3-4b", contextLength: 4096 }])
      assert.deepStrictEqual(yield* paths, ["/api/v1/models", "/api/v1/models"])
    }).pipe(Effect.provide(apiLayer(native)))
  )

  it.effect("detects the dialect again when another version answers", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* server).dialect, "legacy-v0")
      assert.deepStrictEqual(
        (yield* models).map(({ key }) => key),
        ["qwen/qwen3-4b"]
      )
      assert.strictEqual((yield* server).dialect, "native-v1")
    }).pipe(
      Effect.provide(
        apiLayer({
          "GET /api/v1/models": [FakeHttp.unexpectedEndpoint("GET", "/api/v1/models"), nativeList, nativeList],
          "GET /api/v0/models": [
            FakeHttp.json({ data: [{ id: "qwen", type: "llm", state: "loaded" }] }),
            FakeHttp.unexpectedEndpoint("GET", "/api/v0/models")
          ]
        })
      )
    )
  )

  it.effect("does not wait forever for a server that has stopped answering", () =>
    Effect.gen(function* () {
      yield* server
      const fiber = yield* Effect.fork(Effect.flip(models))
      yield* TestClock.adjust("10 seconds")
      assert.deepInclude(yield* Fiber.join(fiber), {
        _tag: "RequestTimeout",
        phase: "Look",
        operation: "model list"
      })
    }).pipe(Effect.provide(apiLayer({ "GET /api/v1/models": [nativeList, FakeHttp.silent] })))
  )

  it.effect("says what is wrong with a body that is not a list", () =>
    Effect.gen(function* () {
      yield* server
      const error = yield* Effect.flip(models)
      assert.deepInclude(error, { _tag: "ReplyMalformed", operation: "model list" })
    }).pipe(
      Effect.provide(
        apiLayer({
          "GET /api/v1/models": [nativeList, FakeHttp.json({ models: 5 }), nativeList, FakeHttp.json({ models: "x" })]
        })
      )
    )
  )

  it.effect("is retried as the policy says when the connection was reset", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.fork(models)
      yield* TestClock.adjust("1 minute")
      assert.lengthOf(yield* Fiber.join(fiber), 1)
      assert.lengthOf(yield* paths, 4)
    }).pipe(
      Effect.provide(
        apiLayer(
          {
            "GET /api/v1/models": [
              FakeHttp.refused("ECONNRESET"),
              FakeHttp.refused("ECONNRESET"),
              nativeList,
              nativeList
            ]
          },
          { retries: 3 }
        )
      )
    )
  )
})

describe("LmStudioApi.ping", () => {
  it.effect("is one greeting when the server is known", () =>
    Effect.gen(function* () {
      yield* server
      assert.strictEqual((yield* ping).dialect, "native-v1")
      assert.deepStrictEqual(yield* paths, ["/api/v1/models", "/lmstudio-greeting"])
    }).pipe(Effect.provide(apiLayer(native)))
  )

  it.effect("is neither repeated nor refused by an open breaker", () =>
    Effect.gen(function* () {
      yield* Effect.flip(models)
      assert.strictEqual((yield* Effect.flip(models))._tag, "CircuitOpen")
      assert.strictEqual((yield* Effect.flip(ping))._tag, "LmStudioUnreachable")
      assert.strictEqual((yield* ping).dialect, "native-v1")
    }).pipe(
      Effect.provide(
        apiLayer(
          { "GET /api/v1/models": [FakeHttp.refused("ECONNRESET"), FakeHttp.refused("ECONNRESET"), nativeList] },
          { retries: 0, breakerFailures: 1 }
        )
      )
    )
  )

  it.effect("falls back to the model list of a server without a greeting", () =>
    Effect.gen(function* () {
      yield* server
      assert.strictEqual((yield* ping).dialect, "openai")
      assert.strictEqual((yield* paths).at(-1), "/v1/models")
    }).pipe(Effect.provide(apiLayer({ ...unexpected, "GET /v1/models": openAiList })))
  )
})

describe("requests", () => {
  it.effect("carry the token and no trace headers, under the path prefix of the address", () =>
    Effect.gen(function* () {
      yield* models.pipe(Effect.withSpan("outer"))
      const [request] = yield* Effect.flatten(FakeHttp.FakeRequests)
      assert.strictEqual(request?.url, "https://box.example/lm/api/v1/models")
      assert.strictEqual(request?.headers["authorization"], "Bearer sk-lm-secret")
      assert.notProperty(request?.headers, "traceparent")
      assert.notProperty(request?.headers, "b3")
    }).pipe(
      Effect.provide(
        apiLayer(
          native,
          {
            baseUrl: Option.some("https://box.example/lm/v1"),
            apiToken: Option.some(Redacted.make("sk-lm-secret")),
            connectTimeout: Duration.seconds(1)
          },
          { prefix: "/lm" }
        )
      )
    )
  )

  it.effect("leave no token in their errors", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(models)
      assert.notInclude(JSON.stringify(error) + String(error) + error.message, "sk-lm-secret")
    }).pipe(
      Effect.provide(
        apiLayer({ "GET /api/v1/models": FakeHttp.refused() }, { apiToken: Option.some(Redacted.make("sk-lm-secret")) })
      )
    )
  )
})
