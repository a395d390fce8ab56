import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { createServer } from "node:http"
import { closedAddress, patience, platform, world } from "./Harness.ts"

const Value = Schema.Struct({ stringValue: Schema.optional(Schema.String) })
const Spans = Schema.parseJson(
  Schema.Struct({
    resourceSpans: Schema.Array(
      Schema.Struct({
        scopeSpans: Schema.Array(
          Schema.Struct({
            spans: Schema.Array(
              Schema.Struct({
                traceId: Schema.String,
                spanId: Schema.String,
                parentSpanId: Schema.optional(Schema.String),
                name: Schema.String,
                attributes: Schema.Array(Schema.Struct({ key: Schema.String, value: Value }))
              })
            )
          })
        )
      })
    )
  })
)

/** A collector on loopback, and what it was sent by path. */
const collector = Effect.acquireRelease(
  Effect.promise(
    () =>
      new Promise<{ readonly url: string; readonly sent: Map<string, string>; readonly close: () => void }>(
        (resolve) => {
          const sent = new Map<string, string>()
          const server = createServer((request, response) => {
            let body = ""
            request.setEncoding("utf8").on("data", (piece: string) => (body += piece))
            request.on("end", () => {
              const path = request.url ?? ""
              sent.set(path, `${sent.get(path) ?? ""}${body}\n`)
              response.writeHead(200, { "content-type": "application/json" }).end("{}")
            })
          }).listen(0, "127.0.0.1", () => {
            const address = server.address()
            const port = typeof address === "object" && address !== null ? address.port : 0
            resolve({ url: `http://127.0.0.1:${port}`, sent, close: () => server.closeAllConnections() })
            server.unref()
          })
        }
      )
  ),
  ({ close }) => Effect.sync(close)
)

const spansOf = (text = "") =>
  text
    .trim()
    .split("\n")
    .filter((line) => line !== "")
    .flatMap((line) => Schema.decodeUnknownSync(Spans)(line).resourceSpans)
    .flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans))

const task = "What do bees like?"

describe("traces over OTLP", () => {
  it.scopedLive(
    "show one run as one trace, without what was said unless that is wanted",
    () =>
      Effect.gen(function* () {
        const { notes, run, simulator } = yield* world
        const { sent, url } = yield* collector
        const script = [
          { toolCalls: [{ name: "read_text_file", arguments: { path: `${notes}/bees.md` } }] },
          { text: "Clover." }
        ]
        const traced = Effect.fnUntraced(function* (env: Record<string, string> = {}) {
          sent.clear()
          yield* simulator.control.scriptModel(script)
          const ended = yield* run(["run", task, "--mcp", "filesystem"], {
            OTEL_EXPORTER_OTLP_ENDPOINT: url,
            ...env
          })
          assert.deepStrictEqual([ended.code, ended.stdout], [0, "Clover.\n"], ended.stderr)
          return spansOf(sent.get("/v1/traces"))
        })
        const spans = yield* traced()
        const agent = spans.find(({ name }) => name === "invoke_agent lms-bridge") ?? assert.fail("no run")
        const inTrace = spans.filter(({ traceId }) => traceId === agent.traceId).map(({ name }) => name)
        assert.includeMembers(inTrace, [
          "AgentLoop.prepare",
          "McpRegistry.connect",
          "ModelLifecycle.ensure",
          "chat qwen/qwen3-8b",
          "execute_tool read_text_file",
          "tools/call read_text_file"
        ])
        assert.strictEqual(inTrace.filter((name) => name === "chat qwen/qwen3-8b").length, 2)
        const chat = spans.find(({ name }) => name.startsWith("chat ")) ?? assert.fail("no request")
        const keys = chat.attributes.map(({ key }) => key)
        assert.includeMembers(keys, [
          "gen_ai.operation.name",
          "gen_ai.request.model",
          "gen_ai.usage.input_tokens",
          "gen_ai.response.finish_reasons",
          "server.address"
        ])
        const tool = spans.find(({ name }) => name.startsWith("execute_tool ")) ?? assert.fail("no call")
        assert.include(
          tool.attributes.map(({ key }) => key),
          "network.transport"
        )
        const everything = [...sent.values()].join("\n")
        for (const words of [task, "Clover.", "Bees like"]) assert.notInclude(everything, words)
        for (const name of ["lms_model_load_attempts_total", "lms_runs_total", "lms_tool_calls_total"])
          assert.include(sent.get("/v1/metrics") ?? "", name)
        assert.include(sent.get("/v1/logs") ?? "", "run ended")

        yield* traced({ OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: "SPAN_ONLY" })
        assert.include(sent.get("/v1/traces") ?? "", task)
        assert.deepStrictEqual(yield* traced({ OTEL_SDK_DISABLED: "true" }), [])
        assert.deepStrictEqual([...sent], [])
      }).pipe(Effect.provide(platform)),
    patience
  )

  it.scopedLive(
    "lose no run where the collector does not answer",
    () =>
      Effect.gen(function* () {
        const { run, simulator } = yield* world
        yield* simulator.control.scriptModel([{ text: "Clover." }])
        const ended = yield* run(["run", task], { OTEL_EXPORTER_OTLP_ENDPOINT: yield* closedAddress })
        assert.deepStrictEqual([ended.code, ended.stdout], [0, "Clover.\n"], ended.stderr)
      }).pipe(Effect.provide(platform)),
    patience
  )
})
