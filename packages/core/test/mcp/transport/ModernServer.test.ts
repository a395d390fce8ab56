import { assert, describe, it } from "@effect/vitest"
import type { JSONRPCMessage, JSONRPCRequest, Transport } from "@modelcontextprotocol/client"
import * as McpClient from "#src/mcp/connection/McpClient.ts"
import { CurrentElicitation } from "#src/mcp/Elicitation.ts"
import { Effect, Option } from "effect"
import { channelOver, nobody, usual } from "../linked.ts"

type Fields = Record<string, unknown>

/** A server that knows no `initialize`, and asks for a name in the middle of a call. */
const modern = () => {
  const seen: Array<JSONRPCRequest> = []
  const results = ({ method, params = {} }: JSONRPCRequest): Fields => {
    if (method === "server/discover") {
      return { resultType: "complete", supportedVersions: ["2026-07-28"], capabilities: { tools: {} } }
    }
    if (method === "tools/list") {
      return { resultType: "complete", tools: [{ name: "greet", inputSchema: { type: "object" } }], ttlMs: 0 }
    }
    const { inputResponses, requestState } = params as Fields & { inputResponses?: { name?: { content?: Fields } } }
    if (requestState !== "s1") {
      const requestedSchema = { type: "object", properties: { name: { type: "string" } } }
      const question = { method: "elicitation/create", params: { mode: "form", message: "Who?", requestedSchema } }
      return { resultType: "input_required", inputRequests: { name: question }, requestState: "s1" }
    }
    const text = `Hello, ${String(inputResponses?.name?.content?.["name"])}!`
    return { resultType: "complete", content: [{ type: "text", text }] }
  }
  const transport: Transport = {
    start: () => Promise.resolve(),
    close: () => Promise.resolve(transport.onclose?.()),
    send: (message) => {
      if (!("method" in message) || !("id" in message)) {
        assert.isFalse("method" in message && message.method === "notifications/initialized")
        return Promise.resolve()
      }
      const request = message as JSONRPCRequest
      seen.push(request)
      const { id, method } = request
      const answer: JSONRPCMessage =
        method === "initialize"
          ? { jsonrpc: "2.0", id, error: { code: -32_601, message: "Method not found" } }
          : { jsonrpc: "2.0", id, result: results(request) }
      queueMicrotask(() => transport.onmessage?.(answer))
      return Promise.resolve()
    }
  }
  return { seen, transport }
}

describe("a server that speaks only 2026-07-28", () => {
  it.scoped("is used as any other, and its questions go to the person", () =>
    Effect.gen(function* () {
      const { seen, transport } = modern()
      const session = yield* McpClient.connect({ server: "it", channel: channelOver(transport), ...usual })
      assert.deepStrictEqual(
        (yield* session.tools).map(({ name }) => name),
        ["greet"]
      )
      const { content } = yield* nobody.inFlight.during(session.call("greet", {}))
      assert.include(JSON.stringify(content), "Hello, Ada!")
      const later = seen.filter(({ method }) => method !== "initialize")
      for (const { params } of later) {
        assert.strictEqual(params?._meta?.["io.modelcontextprotocol/protocolVersion"], "2026-07-28")
      }
      assert.strictEqual(new Set(later.map(({ id }) => id)).size, later.length)
    }).pipe(
      Effect.provideService(
        CurrentElicitation,
        Option.some({
          who: "the person",
          opensPages: false,
          ask: () => Effect.succeed({ action: "accept" as const, content: { name: "Ada" } })
        })
      )
    )
  )
})
