import { assert, describe, it } from "@effect/vitest"
import { Settings } from "@lms-bridge/core/Settings"
import { type ChatRequest, eventsOf, LmStudioApi, LmStudioUnreachable } from "@lms-bridge/core/LmStudioApi"
import { LmsCli, LmsCliError } from "@lms-bridge/core/LmsCli"
import { McpConfigInvalid, McpRegistry } from "@lms-bridge/core/McpRegistry"
import { ModelLifecycle } from "@lms-bridge/core/ModelLifecycle"
import { CircuitBreaker, Resilience, RetryPolicy } from "@lms-bridge/core/Resilience"
import * as HealthTools from "#src/tools/HealthTools.ts"
import * as InferenceTools from "#src/tools/InferenceTools.ts"
import * as McpTools from "#src/tools/McpTools.ts"
import * as FakeHttp from "@lms-bridge/testing/FakeHttp"
import * as LmStudioApiTest from "@lms-bridge/testing/LmStudioApiTest"
import * as McpRegistryTest from "@lms-bridge/testing/McpRegistryTest"
import { Effect, Layer, Option, Redacted } from "effect"
import { callTool, connected, textOf } from "../connected.ts"

const refused = new LmStudioUnreachable({ baseUrl: "http://127.0.0.1:1234", reason: "Refused" })

const health = (options: {
  readonly api: LmStudioApiTest.Script
  readonly lms?: Effect.Effect<{ readonly running: boolean; readonly port: number | undefined }, LmsCliError>
}) =>
  Layer.mergeAll(
    LmStudioApiTest.layerTest(options.api),
    McpRegistryTest.layerTest({ files: {}, off: { unusable: "Disabled" } }),
    Layer.mock(LmsCli, {
      serverStatus: options.lms ?? Effect.fail(new LmsCliError({ reason: "NotInstalled", subcommand: "server" }))
    }),
    Layer.mock(Resilience, {
      protect: () => (self) => self,
      protectUntil: () => (call) => call(Effect.void),
      guard: () => (self) => self,
      retryPolicy: RetryPolicy.standard,
      breakerPolicy: CircuitBreaker.standard,
      breakers: Effect.succeed([{ name: "127.0.0.1:1234 http.read", state: CircuitBreaker.State.Open({ until: 1 }) }])
    }),
    Settings.layerWith({})
  )

describe("tools about health", () => {
  it.scoped("a server that answers is running, with or without lms", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(HealthTools.tools)
      const result = yield* callTool(client, "lms_server_status")
      assert.deepInclude(result.structuredContent, {
        success: true,
        serverRunning: true,
        status: "running",
        dialect: "native-v1"
      })
      assert.deepNestedInclude(result.structuredContent, { "lms.available": false })
      const wrong = yield* callTool(client, "lms_server_status", { verbose: true })
      assert.deepInclude(wrong.structuredContent, { success: false })
      assert.match(textOf(result), /\n`lms` says nothing: .*LM Studio/)
    }).pipe(Effect.provide(health({ api: { ping: [Effect.succeed(LmStudioApiTest.serverInfo)] } })))
  )

  it.scoped("a token that the server does not take was refused, whatever words the server has for it", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(HealthTools.tools)
      const result = yield* callTool(client, "lms_server_status")
      assert.include(textOf(result), "refused the API token")
      assert.notInclude(textOf(result), "requires an API token")
    }).pipe(
      Effect.provide(
        Layer.merge(
          health({ api: {} }),
          LmStudioApi.layer.pipe(
            Layer.provide(
              FakeHttp.layer({
                "GET /lmstudio-greeting": FakeHttp.json({ lmstudio: true }),
                "GET /api/v1/models": FakeHttp.json({ error: { message: "An LM Studio API token is required" } }, 401)
              })
            ),
            Layer.provide(Resilience.layer),
            Layer.provide(Settings.layerWith({ retries: 0, apiToken: Option.some(Redacted.make("t0ken")) }))
          )
        )
      )
    )
  )

  it.scoped("a server that does not answer is not running, whatever lms says; its port is a hint", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(HealthTools.tools)
      const result = yield* callTool(client, "lms_server_status")
      assert.isUndefined(result.isError)
      assert.deepInclude(result.structuredContent, { success: false, serverRunning: false, status: "unreachable" })
      assert.include(textOf(result), "`lms` says that the server runs on port 4321.")
    }).pipe(
      Effect.provide(
        health({ api: { ping: [Effect.fail(refused)] }, lms: Effect.succeed({ running: true, port: 4321 }) })
      )
    )
  )

  it.scoped("an unhealthy server is a finding with the next step, not a failed check", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(HealthTools.tools)
      const result = yield* callTool(client, "health_check")
      assert.isUndefined(result.isError)
      assert.deepInclude(result.structuredContent, {
        healthy: false,
        breakers: [{ name: "127.0.0.1:1234 http.read", state: "Open" }]
      })
      assert.include(textOf(result), "lms server start")
      assert.include(textOf(result), "MCP servers: 1 of 2 usable (files).")
      assert.deepNestedInclude(result.structuredContent, { mcpServers: { usable: 1, configured: 2 } })
    }).pipe(Effect.provide(health({ api: { ping: [Effect.fail(refused)], models: [Effect.fail(refused)] } })))
  )
})

describe("list_available_mcps", () => {
  it.scoped("lists usable servers and says why others are not", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(McpTools.tools)
      const result = yield* callTool(client, "list_available_mcps")
      assert.deepInclude(result.structuredContent, { count: 1 })
      assert.match(textOf(result), /1\. files: .*, from \/test\/mcp\.json/)
      assert.include(textOf(result), "2. off: not usable.")
    }).pipe(Effect.provide(McpRegistryTest.layerTest({ files: {}, off: { unusable: "Disabled" } })))
  )

  it.scoped("says what to do when there are none, and that the last good version of a broken file is used", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(McpTools.tools)
      const result = yield* callTool(client, "list_available_mcps")
      assert.match(
        textOf(result),
        /^mcp\.json, line 3: .* Its last good version stays in use\.\n.*`lms-bridge mcp add`/
      )
      assert.property(result.structuredContent, "problems")
    }).pipe(
      Effect.provide(
        Layer.mock(McpRegistry, {
          servers: Effect.succeed([]),
          problems: Effect.succeed(["mcp.json, line 3: A comma is missing. Its last good version stays in use."])
        })
      )
    )
  )

  it.scoped("a broken configuration is an error that names file and line", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(McpTools.tools)
      const result = yield* callTool(client, "list_available_mcps")
      assert.isTrue(result.isError)
      assert.include(textOf(result), "/home/mcp.json, line 3")
    }).pipe(
      Effect.provide(
        Layer.mock(McpRegistry, {
          servers: Effect.fail(
            new McpConfigInvalid({ path: "/home/mcp.json", reason: "NotJson", line: 3, detail: "A comma is missing." })
          )
        })
      )
    )
  )
})

describe("chat_completion", () => {
  /** A model that answers at once; what it was asked ends in `requests`. */
  const answering = (requests: Array<Omit<ChatRequest, "model"> & { readonly name: string | undefined }>) =>
    Layer.mock(ModelLifecycle, {
      withModel: (name) => (use) =>
        use({
          ensured: Effect.die("not needed"),
          chat: () => Effect.die("not needed"),
          chatWith: (request, onEvent) => {
            requests.push({ ...request, name })
            const finishReason = request.maxTokens === 3 ? "length" : "stop"
            const reply = LmStudioApiTest.reply("Hello.", { reasoning: "A greeting.", finishReason })
            return Effect.as(Effect.forEach(eventsOf(reply), onEvent, { discard: true }), reply)
          }
        })
    })

  it.scoped("separates the answer from the reasoning, with usage and speed, and says when it was cut off", () =>
    Effect.gen(function* () {
      const { client } = yield* connected(InferenceTools.tools)
      const result = yield* callTool(client, "chat_completion", { prompt: "Hi" })
      assert.strictEqual(textOf(result), "Hello.")
      assert.deepStrictEqual(result.structuredContent, {
        content: "Hello.",
        reasoning: "A greeting.",
        model: "test/model",
        finishReason: "stop",
        usage: { inputTokens: 50, outputTokens: 5 },
        tokensPerSecond: 12.5
      })
      const cut = yield* callTool(client, "chat_completion", { prompt: "Hi", max_tokens: 3 })
      assert.include(textOf(cut), "cut off at max_tokens")
    }).pipe(Effect.provide(answering([])))
  )

  it.scoped("sends the predecessor's defaults, and response_format in LM Studio's form", () => {
    const requests: Parameters<typeof answering>[0] = []
    return Effect.gen(function* () {
      const { client } = yield* connected(InferenceTools.tools)
      yield* callTool(client, "chat_completion", { prompt: "Hi", system_prompt: "" })
      yield* callTool(client, "chat_completion", {
        prompt: "Hi",
        model: "qwen3-8b",
        system_prompt: "Be brief.",
        temperature: 0,
        max_tokens: "auto",
        response_format: { type: "json_schema", json_schema: { name: "x", schema: { type: "object" } } }
      })
      const refusedFormat = yield* callTool(client, "chat_completion", {
        prompt: "Hi",
        response_format: { type: "xml" }
      })
      assert.isTrue(refusedFormat.isError)
      assert.include(textOf(refusedFormat), '"response_format": give {"type":"text"}, {"type":"json_object"}, or')
      yield* callTool(client, "chat_completion", { prompt: "Hi", response_format: { type: "json_object" } })
      assert.deepStrictEqual(requests, [
        {
          name: undefined,
          messages: [{ role: "user", content: "Hi" }],
          temperature: 0.7,
          maxTokens: 1024,
          responseSchema: undefined
        },
        {
          name: "qwen3-8b",
          messages: [
            { role: "system", content: "Be brief." },
            { role: "user", content: "Hi" }
          ],
          temperature: 0,
          maxTokens: undefined,
          responseSchema: { name: "x", schema: { type: "object" } }
        },
        {
          name: undefined,
          messages: [{ role: "user", content: "Hi" }],
          temperature: 0.7,
          maxTokens: 1024,
          responseSchema: { name: "answer", schema: { type: "object" } }
        }
      ])
      for (const [wrong, told] of [
        [{ temperature: 9 }, '"temperature" must be a number between 0 and 2, not 9'],
        [{ max_tokens: 0 }, "greater than or equal to 1"],
        [{ model: 7 }, '"model" must be a string, not 7']
      ] as const) {
        assert.include(textOf(yield* callTool(client, "chat_completion", { prompt: "Hi", ...wrong })), told)
      }
    }).pipe(Effect.provide(answering(requests)))
  })
})
