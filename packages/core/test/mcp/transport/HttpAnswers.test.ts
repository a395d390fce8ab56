import { assert, describe, it } from "@effect/vitest"
import { McpRegistry } from "#src/mcp/McpRegistry.ts"
import { Effect, type Scope } from "effect"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { registryWith, textOf } from "../realServers.ts"

/** A loopback server for as long as the scope lasts; its sockets are cut when it closes. */
const listen = (
  handler: (request: IncomingMessage, response: ServerResponse) => void
): Effect.Effect<string, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.async<ReturnType<typeof createServer>>((resume) => {
        const http = createServer(handler)
        http.listen(0, "127.0.0.1", () => resume(Effect.succeed(http)))
      }),
      (http) =>
        Effect.sync(() => {
          http.closeAllConnections()
          http.close()
        })
    ),
    (http) => `http://127.0.0.1:${(http.address() as AddressInfo).port}`
  )

/** A server with handwritten answers by method; a notification without one is accepted. */
const byHand = (answers: Readonly<Record<string, (id: unknown, session: unknown, response: ServerResponse) => void>>) =>
  listen((request, response) => {
    if (request.method !== "POST") return void response.writeHead(405).end()
    let body = ""
    request.on("data", (chunk: Buffer) => (body += chunk.toString()))
    request.on("end", () => {
      const { id, method } = JSON.parse(body) as { readonly id: unknown; readonly method: string }
      const answer = answers[method]
      if (answer !== undefined) return answer(id, request.headers["mcp-session-id"], response)
      if (id === undefined) return void response.writeHead(202).end()
      const results: Readonly<Record<string, unknown>> = {
        initialize: { protocolVersion: "2025-06-18", capabilities: { tools: {} }, serverInfo: { name: "x" } },
        "tools/list": { tools: [{ name: "echo", inputSchema: { type: "object" } }] }
      }
      return sent(response, 200, { jsonrpc: "2.0", id, result: results[method] ?? { content: [] } })
    })
  })

const sent = (response: ServerResponse, status: number, body: unknown) =>
  void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body))

const streamed = (response: ServerResponse, text: string) =>
  void response.writeHead(200, { "content-type": "text/event-stream" }).end(text)

const withServer = <A, E>(entry: object, use: Effect.Effect<A, E, McpRegistry>) =>
  use.pipe(Effect.provide(registryWith({ remote: entry })))

const call = Effect.flatMap(McpRegistry, (registry) => registry.call("remote", "echo", {}))

describe("invalid answers over HTTP", () => {
  const hi = (id: unknown) => ({ jsonrpc: "2.0", id, result: { content: [{ type: "text", text: "hi" }] } })

  const said: ReadonlyArray<readonly [string, (id: unknown, response: ServerResponse) => void, string]> = [
    [
      "a protocol error with an error status",
      (id, response) =>
        sent(response, 500, { jsonrpc: "2.0", id, error: { code: -32_603, message: "disk full", data: { free: 0 } } }),
      'failed: disk full ({"free":0}).'
    ],
    [
      "an error without an id",
      (_, response) => sent(response, 400, { jsonrpc: "2.0", id: null, error: { code: -32_602, message: "no x" } }),
      "failed: no x."
    ],
    [
      "JSON of its own",
      (_, response) => sent(response, 422, { detail: "field required" }),
      'failed: It answered 422. {"detail":"field required"}.'
    ],
    [
      "a page",
      (_, response) =>
        void response.writeHead(502, { "content-type": "text/html" }).end("<html><title>Bad Gateway</title></html>"),
      "failed: It answered 502. Bad Gateway."
    ],
    ["an event for errors", (_, response) => streamed(response, "event: error\ndata: disk full\n\n"), "disk full"]
  ]
  for (const [what, answer, words] of said) {
    it.scopedLive(`reports the answer to a refused call: ${what}`, () =>
      Effect.gen(function* () {
        const url = yield* byHand({ "tools/call": (id, _, response) => answer(id, response) })
        const failure = yield* Effect.flip(withServer({ url }, call))
        assert.include(failure.message, words)
        assert.notInclude(failure.message, "Error POSTing")
      })
    )
  }

  const results: ReadonlyArray<readonly [string, (id: unknown, response: ServerResponse) => void]> = [
    [
      "in events with another name",
      (id, response) => streamed(response, `event: response\ndata: ${JSON.stringify(hi(id))}\n\n`)
    ],
    ["in no event at all", (id, response) => streamed(response, JSON.stringify(hi(id), null, 2))],
    ["with an error status", (id, response) => sent(response, 400, hi(id))]
  ]
  for (const [what, answer] of results) {
    it.scopedLive(`accepts a result ${what}`, () =>
      Effect.gen(function* () {
        const url = yield* byHand({ "tools/call": (id, _, response) => answer(id, response) })
        const result = yield* withServer({ url }, call)
        assert.strictEqual(textOf(result), "hi")
      })
    )
  }

  it.scopedLive("uses a server that refuses the `initialized` notification", () =>
    Effect.gen(function* () {
      const url = yield* byHand({
        "notifications/initialized": (_, __, response) => void response.writeHead(500).end("no handler"),
        "tools/call": (id, _, response) => sent(response, 200, hi(id))
      })
      const result = yield* withServer({ url }, call)
      assert.strictEqual(textOf(result), "hi")
    })
  )

  const forgetting: ReadonlyArray<readonly [string, number, unknown]> = [
    [
      "a restarted server",
      400,
      { jsonrpc: "2.0", id: null, error: { code: -32_000, message: "Bad Request: Server not initialized" } }
    ],
    ["one that is gone", 410, "gone"],
    ["one that fails over it", 500, { error: "invalid session id" }]
  ]
  for (const [what, status, body] of forgetting) {
    it.scopedLive(`starts a new session with ${what} (${status})`, () =>
      Effect.gen(function* () {
        let sessions = 0
        const url = yield* byHand({
          initialize: (id, _, response) => {
            sessions++
            response.setHeader("mcp-session-id", `session-${sessions}`)
            sent(response, 200, {
              jsonrpc: "2.0",
              id,
              result: { protocolVersion: "2025-06-18", capabilities: { tools: {} } }
            })
          },
          "tools/call": (id, session, response) =>
            session === "session-1" ? sent(response, status, body) : sent(response, 200, hi(id))
        })
        const result = yield* withServer({ url }, call)
        assert.strictEqual(textOf(result), "hi")
        assert.strictEqual(sessions, 2)
      })
    )
  }

  const modern: ReadonlyArray<readonly [string, number, object]> = [
    ["that it knows no initialize", 404, { code: -32_601, message: "Method not found" }],
    ["which headers it misses", 400, { code: -32_020, message: "Header mismatch: Mcp-Method is missing" }],
    [
      "which part of the request it misses",
      400,
      { code: -32_602, message: '_meta["io.modelcontextprotocol/protocolVersion"] is required' }
    ]
  ]
  for (const [what, status, error] of modern) {
    it.scopedLive(`speaks the newer revision with a server that only answers ${what}`, () =>
      Effect.gen(function* () {
        const url = yield* byHand({
          initialize: (id, _, response) => sent(response, status, { jsonrpc: "2.0", id, error }),
          "server/discover": (id, _, response) =>
            sent(response, 200, { jsonrpc: "2.0", id, result: { supportedVersions: ["2026-07-28"] } }),
          "tools/call": (id, _, response) => sent(response, 200, hi(id))
        })
        assert.strictEqual(textOf(yield* withServer({ url }, call)), "hi")
      })
    )
  }
})
