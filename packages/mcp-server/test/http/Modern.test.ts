import { assert, describe, it } from "@effect/vitest"
import * as AgentLoopTest from "@lms-bridge/testing/AgentLoopTest"
import { Effect, Schedule } from "effect"
import { connect, served, services } from "./overHttp.ts"

type Json = Readonly<Record<string, unknown>>

const meta = (client = "curl", more: Json = {}) => ({
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientInfo": { name: client, version: "1" },
  "io.modelcontextprotocol/clientCapabilities": { elicitation: { form: {} } },
  ...more
})

const headersOf = (method: string, params: Json): Record<string, string> => ({
  "content-type": "application/json",
  accept: "application/json, text/event-stream",
  "mcp-protocol-version": "2026-07-28",
  "mcp-method": method,
  ...(typeof params["name"] === "string" ? { "mcp-name": params["name"] } : {})
})

/** A request as the revision wants it; `headers` replace its own. */
const ask = (url: string, method: string, params: Json = { _meta: meta() }, headers: Record<string, string> = {}) =>
  Effect.promise((signal) =>
    fetch(url, {
      method: "POST",
      headers: { ...headersOf(method, params), ...headers },
      body: JSON.stringify({ jsonrpc: "2.0", id: 7, method, params }),
      signal
    })
  )

interface Answer {
  readonly id?: number
  readonly result?: Json
  readonly error?: { readonly code: number }
}

const answerIn = (text: string): Answer => {
  const events = text.startsWith("{") ? [text] : [...text.matchAll(/^data: (.+)$/gm)].map(([, data]) => data ?? "")
  return events.map((event) => JSON.parse(event) as Answer).find(({ id }) => id !== undefined) ?? {}
}

const answered = (...args: Parameters<typeof ask>) =>
  Effect.flatMap(ask(...args), (response) =>
    Effect.map(
      Effect.promise(() => response.text()),
      (text) => ({ status: response.status, session: response.headers.get("mcp-session-id"), ...answerIn(text) })
    )
  )

const task = { name: "autonomous_with_mcp", arguments: { mcp_name: "files", task: "t" }, _meta: meta() }

describe("revision 2026-07-28 over HTTP", () => {
  it.scopedLive("needs no session, beside clients that have one on the same port", () =>
    Effect.gen(function* () {
      const { url } = yield* served()
      const { client } = yield* connect(url)
      const found = yield* answered(url, "server/discover")
      assert.deepNestedInclude(found, { status: 200, session: null, "result.supportedVersions[0]": "2026-07-28" })
      const { result } = yield* answered(url, "tools/list")
      const old = yield* Effect.promise(() => client.listTools())
      assert.deepStrictEqual(
        (result?.["tools"] as ReadonlyArray<{ readonly name: string }> | undefined)?.map(({ name }) => name),
        old.tools.map(({ name }) => name)
      )
      assert.include(JSON.stringify((yield* answered(url, "tools/call", task)).result), "There is a.md.")
      // the run is one for both
      const runs = yield* Effect.promise(() => client.callTool({ name: "run_status" }))
      assert.include(JSON.stringify(runs), AgentLoopTest.testRunId)
    }).pipe(Effect.provide(services()))
  )

  const refusals: ReadonlyArray<readonly [string, string, Json, Record<string, string>, number, number]> = [
    ["a header of another method", "tools/list", { _meta: meta() }, { "mcp-method": "tools/call" }, 400, -32_020],
    ["a header of another tool", "tools/call", task, { "mcp-name": "run_status" }, 400, -32_020],
    [
      "a header of another revision",
      "tools/list",
      { _meta: meta() },
      { "mcp-protocol-version": "2025-11-25" },
      400,
      -32_020
    ],
    [
      "a revision that is not there",
      "tools/list",
      { _meta: meta("curl", { "io.modelcontextprotocol/protocolVersion": "2099-01-01" }) },
      { "mcp-protocol-version": "2099-01-01" },
      400,
      -32_022
    ],
    ["a method that is not there any more", "ping", { _meta: meta() }, {}, 404, -32_601],
    ["a method that never was", "no/such", { _meta: meta() }, {}, 404, -32_601],
    ["a state that nobody gave out", "tools/call", { ...task, requestState: "x" }, {}, 400, -32_602]
  ]
  it.scopedLive("refuses what the revision refuses, with the id of the request", () =>
    Effect.gen(function* () {
      const { url } = yield* served()
      for (const [what, method, params, headers, status, code] of refusals) {
        const found = yield* answered(url, method, params, headers)
        assert.strictEqual(found.error?.code, code, what)
        assert.strictEqual(found.id, 7, what)
        if (code !== -32_602) assert.strictEqual(found.status, status, what)
      }
    }).pipe(Effect.provide(services()))
  )

  it.scopedLive("tells of changed runs to a client that listens, and to no other", () =>
    Effect.gen(function* () {
      const { url } = yield* served()
      const heard = { runs: "", tools: "" }
      const listen = Effect.fnUntraced(function* (key: keyof typeof heard, notifications: Json) {
        const response = yield* ask(url, "subscriptions/listen", { notifications, _meta: meta() })
        const reader = response.body?.getReader()
        yield* Effect.promise(() => reader?.read() ?? Promise.resolve({ value: undefined, done: true })).pipe(
          Effect.tap(({ value }) => Effect.sync(() => (heard[key] += new TextDecoder().decode(value)))),
          Effect.repeat({ until: ({ done }) => done }),
          Effect.forkScoped
        )
        yield* Effect.addFinalizer(() => Effect.promise(() => reader?.cancel() ?? Promise.resolve()))
      })
      yield* listen("runs", { resourceSubscriptions: ["lms-bridge://runs"] })
      yield* listen("tools", { toolsListChanged: true })
      yield* answered(url, "tools/call", task)
      yield* Effect.sync(() => heard.runs.includes("notifications/resources/updated")).pipe(
        Effect.repeat({ until: (found) => found, schedule: Schedule.spaced("20 millis") }),
        Effect.timeout("5 seconds")
      )
      for (const text of Object.values(heard)) assert.include(text, "notifications/subscriptions/acknowledged")
      assert.notInclude(heard.tools, "resources/updated")
    }).pipe(Effect.provide(services()))
  )
})
