import { assert, describe, it } from "@effect/vitest"
import type { JSONRPCMessage, JSONRPCRequest, Transport } from "@modelcontextprotocol/client"
import * as McpClient from "#src/mcp/connection/McpClient.ts"
import { McpRegistry } from "#src/mcp/McpRegistry.ts"
import { Effect, TestClock } from "effect"
import { createServer, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { channelOver, turns, usual } from "../linked.ts"
import { eventually, registryWith } from "../realServers.ts"

const acknowledged = "notifications/subscriptions/acknowledged"
const changed = "notifications/tools/list_changed"
const capabilities = { tools: { listChanged: true }, prompts: { listChanged: true }, resources: {} }

/** A server whose list has one tool, with the number of the list in its name. */
const numbered = () => {
  const state = { list: 1, filters: new Array<unknown>() }
  const results = ({ method, params }: Pick<JSONRPCRequest, "method" | "params">): object | undefined => {
    if (method === "server/discover") return { supportedVersions: ["2026-07-28"], capabilities }
    if (method === "tools/list") return { tools: [{ name: `tool-${state.list}`, inputSchema: { type: "object" } }] }
    if (method === "subscriptions/listen") state.filters.push(params?.["notifications"])
    return undefined
  }
  return { state, results }
}

describe("a server of 2026-07-28 that tells its changes", () => {
  it.scopedLive("over HTTP is listened to, again after the stream was cut, with what was missed", () =>
    Effect.gen(function* () {
      const { results, state } = numbered()
      const streams: Array<ServerResponse> = []
      const tell = (stream: ServerResponse | undefined, method: string) =>
        stream?.write(`data: ${JSON.stringify({ jsonrpc: "2.0", method, params: { _meta: {} } })}\n\n`)
      const http = yield* Effect.acquireRelease(
        Effect.async<ReturnType<typeof createServer>>((resume) => {
          const made = createServer((request, response) => {
            let body = ""
            request.on("data", (chunk: Buffer) => (body += chunk.toString()))
            request.on("end", () => {
              const asked = JSON.parse(body) as JSONRPCRequest
              const result = results(asked)
              if (result !== undefined) {
                response.writeHead(200, { "content-type": "application/json" })
                return response.end(JSON.stringify({ jsonrpc: "2.0", id: asked.id, result }))
              }
              streams.push(response.writeHead(200, { "content-type": "text/event-stream" }))
              return tell(response, acknowledged)
            })
          })
          made.listen(0, "127.0.0.1", () => resume(Effect.succeed(made)))
        }),
        (made) => Effect.sync(() => (made.closeAllConnections(), made.close()))
      )
      const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
      const lists = (name: string) =>
        Effect.flatMap(McpRegistry, (registry) => registry.tools("it")).pipe(
          Effect.repeat({ until: ([tool]) => tool?.name === name }),
          Effect.timeout("5 seconds")
        )
      yield* Effect.gen(function* () {
        yield* lists("tool-1")
        yield* eventually(() => streams.length === 1)
        state.list = 2
        tell(streams[0], changed)
        yield* lists("tool-2")
        // the change is in nobody's ear
        streams[0]?.destroy()
        state.list = 3
        yield* lists("tool-3")
        assert.strictEqual(streams.length, 2)
        assert.deepStrictEqual(state.filters[1], { toolsListChanged: true, promptsListChanged: true })
      }).pipe(Effect.provide(registryWith({ it: { url } })))
      yield* eventually(() => streams[1]?.destroyed === true || streams[1]?.closed === true)
    })
  )

  it.scoped("over a process is listened to beside calls, whose answers it does not take", () =>
    Effect.gen(function* () {
      const { results, state } = numbered()
      const listening: Array<JSONRPCRequest> = []
      const say = (message: object) => transport.onmessage?.({ jsonrpc: "2.0", ...message } as JSONRPCMessage)
      const transport: Transport = {
        start: () => Promise.resolve(),
        close: () => Promise.resolve(transport.onclose?.()),
        send: (message) => {
          if (!("method" in message) || !("id" in message)) return Promise.resolve()
          const request = message as JSONRPCRequest
          const result = results(request)
          if (request.method === "subscriptions/listen") listening.push(request)
          // a server that forgets to say which request it answers
          else if (request.method === "tools/call") queueMicrotask(() => say({ result: { content: [] } }))
          else queueMicrotask(() => say({ id: request.id, result }))
          return Promise.resolve()
        }
      }
      const channel = { ...channelOver(transport), begins: "modern" as const }
      const session = yield* McpClient.connect({ server: "it", channel, ...usual })
      yield* turns
      assert.strictEqual(listening.length, 1)
      yield* session.call("tool-1", {})
      assert.strictEqual((yield* session.tools)[0]?.name, "tool-1")
      state.list = 2
      say({ method: changed, params: {} })
      yield* turns
      assert.strictEqual((yield* session.tools)[0]?.name, "tool-2")
      // the server ends the stream; it is asked again, and later each time
      say({ id: listening[0]?.id, result: { resultType: "complete" } })
      yield* turns
      yield* TestClock.adjust("2 seconds")
      yield* turns
      assert.strictEqual(listening.length, 2)
      // a refusal is for good
      say({ id: listening[1]?.id, error: { code: -32_601, message: "Method not found" } })
      yield* turns
      yield* TestClock.adjust("1 hour")
      yield* turns
      assert.strictEqual(listening.length, 2)
    })
  )
})
