import { assert, describe, it } from "@effect/vitest"
import { allTools } from "#src/tools/Tools.ts"
import type { SeenRequest } from "@lms-bridge/simulator/Recorder"
import type { RunningSimulator } from "@lms-bridge/simulator/Simulator"
import { Effect, Exit, Fiber, Schedule } from "effect"
import { alive, descendants, eventually, platform, raw, sdkClient, world } from "./built.ts"
import { callTool, textOf } from "../connected.ts"

/** Real processes on a machine that may be busy. */
const patience = { timeout: 120_000 }

const aModel = "qwen/qwen3-4b-2507"

/** A model that calls a tool, and then takes for ever. */
const stallsAfterOneCall = [
  { toolCalls: [{ name: "list_directory", arguments: { path: "." } }] },
  { text: "Thinking about it for a long time", stallAfterPieces: 1 }
]

/** Waits until the model has been asked so. */
const untilAsked = (simulator: RunningSimulator, holds: (requests: ReadonlyArray<SeenRequest>) => boolean) =>
  Effect.repeat(simulator.control.seen, {
    until: ({ requests }) => holds(requests.filter(({ path }) => path === "/v1/chat/completions")),
    schedule: Schedule.spaced("20 millis")
  })

const aPng = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

describe("the built server", () => {
  it.scopedLive(
    "answers every tool, with structured content that matches its schema",
    () =>
      Effect.gen(function* () {
        const { env, notes, simulator } = yield* world
        // all tools of four servers do not fit the context of 4096 tokens that LM Studio loads with
        const { key } = yield* simulator.control.loadAsUser(aModel, { contextLength: 32_768 })
        const { client } = yield* sdkClient({ ...env, LMS_BRIDGE_TOOLSETS: "all,vision" })
        const task = `List the directory "${notes}"`
        const image = `data:image/png;base64,${aPng}`
        const inputs: Record<string, Record<string, unknown>> = {
          autonomous_filesystem_full: { task, working_directory: notes },
          autonomous_persistent_session: { tasks: [task], initial_directory: notes },
          // the user's own server
          autonomous_memory_full: { task: 'Create an entity "bees.md"' },
          text_completion: { prompt: "Once" },
          create_response: { input_text: "Hello" },
          generate_embeddings: { text: ["a", "b"] },
          validate_json_schema: { schema: { type: "object" } },
          lms_search_models: { query: "qwen" },
          lms_download_model: { model_key: "qwen/qwen3-1.7b", wait: true },
          lms_resolve_model: { model_key: key },
          vision_analyze: { task: "What is it?", images: image },
          analyze_image: { image },
          describe_image: { image },
          compare_images: { images: [image, image] },
          extract_text_from_image: { image },
          identify_objects: { image },
          answer_about_image: { image, question: "What is it?" },
          autonomous_with_mcp: { mcp_name: "files", task },
          autonomous_with_multiple_mcps: { mcp_names: ["files", "memory"], task },
          autonomous_discover_and_execute: { task },
          chat_completion: { prompt: "Say hello", model: key },
          get_model_info: { model_name: key },
          lms_ensure_model_loaded: { model_name: key },
          lms_load_model: { model_name: key, keep_loaded: false },
          lms_unload_model: { model_name: key, force: true },
          run_start: { task, mcp_names: ["files"] }
        }
        let runId: unknown
        // these two cannot do without the network
        const offline = allTools.filter(({ name }) => !/_(fetch|github)_full$/.test(name))
        for (const { name } of offline) {
          const result = yield* callTool(
            client,
            name,
            inputs[name] ?? (name.startsWith("run_") ? { run_id: runId } : {})
          )
          if (name === "run_start") runId = result.structuredContent?.["runId"]
          assert.isUndefined(result.isError, `${name}: ${textOf(result)}`)
          assert.isObject(result.structuredContent, name)
          if (name.startsWith("autonomous_") || name === "run_result") assert.include(textOf(result), "bees.md", name)
        }
      }).pipe(Effect.provide(platform)),
    patience
  )

  it.scopedLive(
    "started by hand with arguments, says what it is, or that it accepts none, and does not serve",
    () =>
      Effect.gen(function* () {
        const { env } = yield* world
        const help = yield* raw(env, ["--help"])
        assert.strictEqual((yield* help.ended).code, 0)
        assert.strictEqual(help.lines().length, 2)
        assert.include(help.lines().join(), "README")
        const wrong = yield* raw(env, ["--port", "80"])
        assert.strictEqual((yield* wrong.ended).code, 2)
        assert.deepStrictEqual(wrong.lines(), [])
        assert.match(wrong.stderr(), /^lms-bridge-mcp: unknown argument "--port".*\n$/)
      }).pipe(Effect.provide(platform)),
    patience
  )

  it.scopedLive(
    "reports errors and continues: no such server, a server that does not start, no such model",
    () =>
      Effect.gen(function* () {
        const { env } = yield* world
        const { client } = yield* sdkClient(env)
        const call = (args: Record<string, unknown>) => callTool(client, "autonomous_with_mcp", { task: "t", ...args })
        const noServer = yield* call({ mcp_name: "fils" })
        assert.deepNestedInclude(noServer.structuredContent, { "error._tag": "McpServerNotFound" })
        assert.include(textOf(noServer), "files")
        const broken = yield* call({ mcp_name: "broken" })
        assert.deepNestedInclude(broken.structuredContent, { "error._tag": "McpServerUnavailable" })
        const off = yield* call({ mcp_name: "off" })
        assert.deepNestedInclude(off.structuredContent, { "error._tag": "McpEntryUnusable" })
        const noModel = yield* call({ mcp_name: "files", model: "no-such-model" })
        assert.deepNestedInclude(noModel.structuredContent, { "error._tag": "ModelNotFound" })
        assert.isUndefined((yield* call({ mcp_name: "files" })).isError)
      }).pipe(Effect.provide(platform)),
    patience
  )

  it.scopedLive(
    "with nothing at the address, says so and what to do",
    () =>
      Effect.gen(function* () {
        const { env } = yield* world
        const { client } = yield* sdkClient({
          ...env,
          LMSTUDIO_BASE_URL: "http://127.0.0.1:1",
          LMS_BRIDGE_LMS_BINARY: "none"
        })
        const result = yield* callTool(client, "autonomous_with_mcp", { mcp_name: "files", task: "t" })
        assert.isTrue(result.isError)
        assert.deepNestedInclude(result.structuredContent, { "error._tag": "LmStudioUnreachable" })
        assert.include(textOf(result), "LMSTUDIO_HOST")
        const status = yield* callTool(client, "lms_server_status")
        assert.deepInclude(status.structuredContent, { serverRunning: false })
      }).pipe(Effect.provide(platform)),
    patience
  )

  it.scopedLive(
    "writes nothing to stdout but protocol, and logs JSON lines with the request's id to stderr",
    () =>
      Effect.gen(function* () {
        const { env } = yield* world
        const server = yield* raw({ ...env, LMS_BRIDGE_LOG_LEVEL: "trace" })
        yield* server.initialize
        yield* server.send({ id: 1, method: "tools/list" })
        yield* server.send({
          id: 2,
          method: "tools/call",
          params: { name: "health_check", arguments: {}, _meta: { progressToken: "p" } }
        })
        yield* server.send({ id: 3, method: "tools/call", params: { name: "nothing" } })
        yield* Effect.sync(() => server.child.stdin.write("this is not JSON\n"))
        yield* server.send({
          id: 4,
          method: "tools/call",
          params: { name: "autonomous_with_mcp", arguments: { mcp_name: "files", task: "List the files" } }
        })
        yield* eventually(() => server.lines().some((line) => line.includes('"id":4')))
        yield* Effect.sync(() => server.child.stdin.end())
        assert.deepStrictEqual(yield* server.ended, { code: 0, signal: null })
        for (const line of server.lines()) {
          assert.propertyVal(JSON.parse(line), "jsonrpc", "2.0", line)
        }
        const logged = server
          .stderr()
          .split("\n")
          .filter((line) => line !== "")
          .map((line) => JSON.parse(line) as { message: unknown; annotations?: Record<string, unknown> })
        assert.isTrue(
          logged.some(
            ({ annotations = {} }) =>
              /^[a-z0-9]{8}\/4$/.test(String(annotations["requestId"])) && "runId" in annotations
          )
        )
      }).pipe(Effect.provide(platform)),
    patience
  )

  for (const [how, end] of [
    ["the end of its input", (server: { child: { stdin: { end: () => void } } }) => server.child.stdin.end()],
    ["SIGTERM", (server: { child: { kill: (signal: "SIGTERM") => void } }) => server.child.kill("SIGTERM")]
  ] as const) {
    it.scopedLive(
      `ends with ${how} in mid-run, exit code 0, and leaves no child`,
      () =>
        Effect.gen(function* () {
          const { env, simulator } = yield* world
          yield* simulator.control.scriptModel(stallsAfterOneCall)
          const server = yield* raw(env)
          yield* server.initialize
          yield* server.send({
            id: 1,
            method: "tools/call",
            params: { name: "autonomous_with_mcp", arguments: { mcp_name: "files", task: "List the files" } }
          })
          yield* untilAsked(simulator, (requests) => requests.length === 2)
          const children = descendants(server.pid)
          assert.isAtLeast(children.length, 1)
          end(server)
          assert.deepStrictEqual(yield* server.ended, { code: 0, signal: null })
          assert.deepStrictEqual(
            children.filter((pid) => alive(pid)),
            []
          )
        }).pipe(Effect.provide(platform)),
      patience
    )
  }

  it.scopedLive(
    "closes the request to LM Studio when the client cancels",
    () =>
      Effect.gen(function* () {
        const { env, simulator } = yield* world
        yield* simulator.control.scriptModel(stallsAfterOneCall)
        const { client } = yield* sdkClient(env)
        const controller = new AbortController()
        const call = yield* Effect.fork(
          Effect.exit(
            Effect.tryPromise(() =>
              client.callTool(
                { name: "autonomous_with_mcp", arguments: { mcp_name: "files", task: "List the files" } },
                undefined,
                { signal: controller.signal }
              )
            )
          )
        )
        yield* untilAsked(simulator, (requests) => requests.length === 2)
        controller.abort()
        yield* untilAsked(simulator, (requests) => requests[1]?.disconnected === true)
        assert.isTrue(Exit.isSuccess(yield* Fiber.await(call)))
        // and nothing else was harmed
        yield* simulator.control.scriptModel([{ text: "Hello." }])
        assert.include(textOf(yield* callTool(client, "chat_completion", { prompt: "Hi", model: aModel })), "Hello.")
      }).pipe(Effect.provide(platform)),
    patience
  )

  it.scopedLive(
    "does not start with an invalid setting, and names it",
    () =>
      Effect.gen(function* () {
        const { env } = yield* world
        const server = yield* raw({ ...env, LMSTUDIO_PORT: "70000", LMS_BRIDGE_TTL: "soon" })
        assert.deepStrictEqual(yield* server.ended, { code: 2, signal: null })
        assert.include(server.stderr(), 'LMSTUDIO_PORT is "70000"')
        assert.include(server.stderr(), 'LMS_BRIDGE_TTL is "soon"')
        assert.deepStrictEqual(server.lines(), [])
      }).pipe(Effect.provide(platform)),
    patience
  )
})
