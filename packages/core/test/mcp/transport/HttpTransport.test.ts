import { assert, describe, it } from "@effect/vitest"
import { Server } from "@modelcontextprotocol/sdk/server/index.js"
import { SSEServerTransport } from "@modelcontextprotocol/sdk/server/sse.js"
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js"
import { CallToolRequestSchema, ListToolsRequestSchema } from "@modelcontextprotocol/sdk/types.js"
import { McpRegistry } from "#src/mcp/McpRegistry.ts"
import { Duration, Effect, Fiber, type Scope } from "effect"
import { randomUUID } from "node:crypto"
import { createServer, type IncomingMessage, type Server as HttpServer, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { spawn } from "node:child_process"
import { official, registryWith, textOf } from "../realServers.ts"

type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<void> | void

/** A loopback server for as long as the scope lasts; its sockets are cut when it closes. */
const listen = (
  handler: Handler
): Effect.Effect<{ readonly url: string; readonly http: HttpServer }, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async((resume) => {
      const http = createServer((request, response) => void handler(request, response))
      http.listen(0, "127.0.0.1", () => {
        const { port } = http.address() as AddressInfo
        resume(Effect.succeed({ url: `http://127.0.0.1:${port}`, http }))
      })
    }),
    ({ http }) =>
      Effect.sync(() => {
        http.closeAllConnections()
        http.close()
      })
  )

const tools = (seen: Array<string>) => {
  const server = new Server({ name: "remote", version: "1" }, { capabilities: { tools: {} } })
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: [{ name: "echo", inputSchema: { type: "object" } }]
  }))
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, extra) => {
    seen.push(params.name)
    if (params.name === "hang") {
      extra.signal.addEventListener("abort", () => seen.push("cancelled"))
      await new Promise(() => {})
    }
    if (params.name === "progress") {
      const progressToken = extra._meta?.progressToken ?? "none"
      await extra.sendNotification({ method: "notifications/progress", params: { progressToken, progress: 1 } })
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    return { content: [{ type: "text", text: String(params.arguments?.["message"] ?? "done") }] }
  })
  return server
}

/** Streamable HTTP with sessions, as in the SDK's own examples. */
const streamable = Effect.fnUntraced(function* (options: { readonly json?: boolean; readonly token?: string } = {}) {
  const sessions = new Map<string, StreamableHTTPServerTransport>()
  const seen: Array<string> = []
  const { http, url } = yield* listen(async (request, response) => {
    if (options.token !== undefined && request.headers.authorization !== `Bearer ${options.token}`) {
      response.writeHead(401).end("who are you?")
      return
    }
    if (request.method === "DELETE") seen.push("DELETE")
    const known = request.headers["mcp-session-id"]
    const found = typeof known === "string" ? sessions.get(known) : undefined
    if (typeof known === "string" && found === undefined) {
      response.writeHead(404).end("Session not found")
      return
    }
    if (found !== undefined) {
      await found.handleRequest(request, response)
      return
    }
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      enableJsonResponse: options.json ?? false,
      onsessioninitialized: (id) => void sessions.set(id, transport)
    })
    await tools(seen).connect(transport)
    await transport.handleRequest(request, response)
  })
  return { url: `${url}/mcp`, http, sessions, seen }
})

/** Only the transport of 2024-11-05. */
const legacy = Effect.fnUntraced(function* () {
  const sessions = new Map<string, SSEServerTransport>()
  const seen: Array<string> = []
  const { http, url } = yield* listen(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://localhost")
    if (request.method === "GET" && pathname === "/sse") {
      const transport = new SSEServerTransport("/message", response)
      sessions.set(transport.sessionId, transport)
      await tools(seen).connect(transport)
      return
    }
    const session = sessions.get(searchParams.get("sessionId") ?? "")
    if (request.method === "POST" && pathname === "/message" && session !== undefined) {
      await session.handlePostMessage(request, response)
      return
    }
    response.writeHead(404).end("no such route")
  })
  return { url: `${url}/sse`, http, seen }
})

const withServer = <A, E>(entry: object, use: Effect.Effect<A, E, McpRegistry>) =>
  use.pipe(Effect.provide(registryWith({ remote: entry }, { mcpCallTimeout: Duration.seconds(20) })))

const echo = (message: string) =>
  Effect.flatMap(McpRegistry, (registry) => Effect.map(registry.call("remote", "echo", { message }), textOf))

describe("remote MCP servers", () => {
  for (const json of [false, true]) {
    it.scopedLive(`speaks Streamable HTTP, answers as ${json ? "JSON" : "a stream"}, and ends its session`, () =>
      Effect.gen(function* () {
        const { seen, url } = yield* streamable({ json })
        yield* withServer(
          { url },
          Effect.gen(function* () {
            const registry = yield* McpRegistry
            assert.deepStrictEqual(
              (yield* registry.tools("remote")).map(({ name }) => name),
              ["echo"]
            )
            assert.strictEqual(yield* echo("hello"), "hello")
            assert.deepInclude((yield* registry.servers)[0], { transport: "http", target: url, connected: true })
          })
        )
        assert.include(seen, "DELETE")
      })
    )
  }

  it.scopedLive("falls back to the older transport if the server supports no other", () =>
    Effect.gen(function* () {
      const { url } = yield* legacy()
      assert.strictEqual(yield* withServer({ url }, echo("old")), "old")
      assert.strictEqual(yield* withServer({ url, type: "sse" }, echo("older")), "older")
      const error = yield* withServer({ url, type: "http" }, Effect.flip(echo("x")))
      assert.deepInclude(error, { _tag: "McpServerUnavailable", reason: "Http", status: 404 })
    })
  )

  it.scopedLive("reports progress over HTTP", () =>
    Effect.gen(function* () {
      const { url } = yield* streamable()
      const heard: Array<number> = []
      yield* withServer(
        { url },
        Effect.flatMap(McpRegistry, (registry) =>
          registry.call(
            "remote",
            "progress",
            {},
            { onProgress: ({ progress }) => Effect.sync(() => heard.push(progress)) }
          )
        )
      )
      assert.deepStrictEqual(heard, [1])
    })
  )

  it.scopedLive("sends the entry's headers, asks for a login without them, and repeats neither", () =>
    Effect.gen(function* () {
      const { url } = yield* streamable({ token: "t0ken-t0ken" })
      assert.strictEqual(yield* withServer({ url, headers: { Authorization: "Bearer t0ken-t0ken" } }, echo("in")), "in")
      const error = yield* withServer(
        { url, headers: { Authorization: "Bearer wr0ng-wr0ng" } },
        Effect.flip(echo("out"))
      )
      assert.deepInclude(error, { _tag: "McpServerUnavailable", reason: "Unauthorized", status: 401 })
      assert.match(
        error.message,
        /does not accept the credentials in its entry\. (It said: .* )?Correct "headers" in its entry\./
      )
      assert.notInclude(JSON.stringify(error), "wr0ng")
    })
  )

  it.scopedLive("says that nothing listens at the address", () =>
    Effect.gen(function* () {
      const url = yield* Effect.scoped(
        Effect.map(
          listen(() => {}),
          (server) => server.url
        )
      )
      const error = yield* withServer({ url }, Effect.flip(echo("x")))
      assert.deepInclude(error, { _tag: "McpServerUnavailable", reason: "Http" })
      assert.include(error.message, "ECONNREFUSED")
    })
  )

  it.scopedLive("starts a new session and retries the call when the server has forgotten the old one", () =>
    Effect.gen(function* () {
      const { seen, sessions, url } = yield* streamable()
      yield* withServer(
        { url },
        Effect.gen(function* () {
          const registry = yield* McpRegistry
          const connection = yield* registry.connect("remote")
          assert.strictEqual(textOf(yield* connection.call("echo", { message: "one" })), "one")
          sessions.clear()
          assert.strictEqual(textOf(yield* connection.call("echo", { message: "two" })), "two")
          sessions.clear()
          assert.deepStrictEqual(
            (yield* connection.tools).map(({ name }) => name),
            ["echo"]
          )
          assert.strictEqual(seen.filter((name) => name === "echo").length, 2)
        }).pipe(Effect.scoped)
      )
    })
  )

  for (const kind of ["http", "sse"] as const) {
    it.scopedLive(`fails a call at once when the connection is cut in the middle of it (${kind})`, () =>
      Effect.gen(function* () {
        const { http, seen, url } = yield* kind === "http" ? streamable() : legacy()
        yield* withServer(
          { url, type: kind },
          Effect.gen(function* () {
            const registry = yield* McpRegistry
            const pending = yield* Effect.fork(Effect.flip(registry.call("remote", "hang", {})))
            yield* Effect.repeat(Effect.sleep("5 millis"), { until: () => seen.includes("hang") })
            http.closeAllConnections()
            assert.deepInclude(yield* Fiber.join(pending), { _tag: "McpCallFailed", reason: "Closed" })
            assert.strictEqual(yield* echo("again"), "again")
          })
        )
      })
    )
  }

  it.scopedLive("tells the server when a call is interrupted", () =>
    Effect.gen(function* () {
      const { seen, url } = yield* streamable()
      yield* withServer(
        { url },
        Effect.gen(function* () {
          const registry = yield* McpRegistry
          const pending = yield* Effect.fork(registry.call("remote", "hang", {}))
          yield* Effect.repeat(Effect.sleep("5 millis"), { until: () => seen.includes("hang") })
          yield* Fiber.interrupt(pending)
          yield* Effect.repeat(Effect.sleep("5 millis"), { until: () => seen.includes("cancelled") })
        })
      )
    })
  )

  for (const [transport, path] of [
    ["streamableHttp", "/mcp"],
    ["sse", "/sse"]
  ] as const) {
    it.scopedLive(`calls server-everything over ${transport}`, () =>
      Effect.gen(function* () {
        const { url } = yield* Effect.scoped(listen(() => {}))
        const { args, command } = official("server-everything", transport)
        yield* Effect.acquireRelease(
          Effect.async<ReturnType<typeof spawn>>((resume) => {
            const child = spawn(command, args, {
              stdio: ["ignore", "ignore", "pipe"],
              env: { ...process.env, PORT: new URL(url).port }
            })
            child.stderr?.on("data", (text: Buffer) => {
              if (/running on|listening on/i.test(text.toString())) resume(Effect.succeed(child))
            })
          }),
          (child) => Effect.sync(() => child.kill("SIGKILL"))
        )
        assert.strictEqual(yield* withServer({ url: `${url}${path}` }, echo("hi")), "Echo: hi")
      })
    )
  }
})
