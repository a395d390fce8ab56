import { assert, describe, it } from "@effect/vitest"
import { createMcpHandler, InMemoryTransport, type JSONRPCMessage, Server } from "@modelcontextprotocol/server"
import { NewServer } from "#src/protocol/eras/NewServer.ts"
import { OldServer } from "#src/protocol/eras/OldServer.ts"
import { Effect } from "effect"

type Json = Record<string, unknown>

const info = { name: "it", version: "1" }
const options = { capabilities: { tools: {} } }
const task = { taskId: "t1", status: "working", ttl: 1000, createdAt: "2026-07-28T00:00:00Z", lastUpdatedAt: "" }

/** A server whose one tool answers with this, which no tool may in the SDK's types. */
const answering = <S extends Server>(server: S, answer: Json) => {
  server.setRequestHandler("tools/call", () => answer as { content: [] })
  return server
}

const inNew = (server: () => Server) =>
  Effect.promise(async () => {
    const params = {
      name: "it",
      arguments: {},
      _meta: {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": info,
        "io.modelcontextprotocol/clientCapabilities": {}
      }
    }
    const headers = {
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": "tools/call",
      "mcp-name": "it"
    }
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params })
    const handler = createMcpHandler(server, { legacy: "reject" })
    const response = await handler.fetch(new Request("http://127.0.0.1/mcp", { method: "POST", headers, body }))
    const text = await response.text()
    await handler.close()
    return JSON.parse(/\{.*\}/.exec(text)?.[0] ?? "{}") as { readonly result?: Json; readonly error?: Json }
  })

const inOld = (server: Server) =>
  Effect.promise(async () => {
    const [near, far] = InMemoryTransport.createLinkedPair()
    const answers = new Map<unknown, { readonly result?: Json; readonly error?: Json }>()
    const heard = new Promise<void>((resolve) => {
      near.onmessage = (message: JSONRPCMessage) => {
        if (!("id" in message)) return
        answers.set(message.id, message as { readonly result?: Json; readonly error?: Json })
        if (message.id === 2) resolve()
      }
    })
    await server.connect(far)
    await near.start()
    const greeting = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: info }
    await near.send({ jsonrpc: "2.0", id: 1, method: "initialize", params: greeting })
    await near.send({ jsonrpc: "2.0", method: "notifications/initialized" })
    await near.send({ jsonrpc: "2.0", id: 2, method: "tools/call", params: { name: "it", arguments: {}, task: {} } })
    await heard
    await server.close()
    return answers.get(2) ?? {}
  })

// Where the first of each pair fails, the SDK lets a task be the answer to a call: then the class beside it is not needed.
describe("the SDK's check of what a call answers", () => {
  it.live("takes no task since 2026-07-28, which NewServer lets through", () =>
    Effect.gen(function* () {
      const answer = { resultType: "task", ...task }
      const bare = yield* inNew(() => answering(new Server(info, options), answer))
      // as if it were a result, which the revision does not allow beside a task
      assert.deepInclude(bare.result, { content: [] })
      const ours = yield* inNew(() => answering(new NewServer(info, options), answer))
      assert.deepInclude(ours.result, { resultType: "task", taskId: "t1" })
      assert.notProperty(ours.result, "content")
    })
  )

  it.live("takes no task until 2025-11-25, which OldServer lets through", () =>
    Effect.gen(function* () {
      const bare = yield* inOld(answering(new Server(info, options), { task }))
      assert.notProperty(bare.result ?? {}, "task")
      const ours = yield* inOld(answering(new OldServer(info, options), { task }))
      assert.deepInclude(ours.result, { task })
    })
  )

  it("has a hook for subclasses, by which both do it", () => {
    for (const one of [Server, NewServer, OldServer]) assert.isTrue(Object.hasOwn(one.prototype, "_wrapHandler"))
  })
})
