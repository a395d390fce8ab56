import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { type Json, type RpcError, start } from "../../conformance/stdioDriver.ts"

const meta = (more: Json = {}): Json => ({
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientInfo": { name: "driver", version: "1" },
  "io.modelcontextprotocol/clientCapabilities": { elicitation: { form: {} } },
  ...more
})

const call = (name: string, more: Json = {}, metaMore: Json = {}): Json => ({
  name,
  arguments: {},
  _meta: meta(metaMore),
  ...more
})

const refusal = (self: Effect.Effect<Json, RpcError>) => Effect.map(Effect.flip(self), ({ code }) => code)

const answered = (content: Json) => ({ confirm: { action: "accept", content } })

const question = "test_input_required_result_request_state"

describe("revision 2026-07-28 over stdio", { timeout: 60_000 }, () => {
  it.scopedLive("needs no initialize, and the client may go back to it after it has looked", () =>
    Effect.gen(function* () {
      const modern = yield* start()
      const found = yield* modern.request("server/discover", { _meta: meta() })
      assert.deepNestedInclude(found, { "supportedVersions[0]": "2026-07-28", resultType: "complete" })
      const { tools } = yield* modern.request("tools/list", { _meta: meta() })
      assert.isAbove((tools as ReadonlyArray<unknown>).length, 5)
      assert.strictEqual(yield* refusal(modern.request("initialize", {})), -32_022)
      assert.strictEqual(yield* refusal(modern.request("tools/list", {})), -32_602)

      const older = yield* start()
      yield* older.request("server/discover", { _meta: meta() })
      const greeting = yield* older.initialize({})
      assert.strictEqual(greeting["protocolVersion"], "2025-11-25")
      const { content } = yield* older.call("test_simple_text")
      assert.isArray(content)
      assert.deepStrictEqual([...modern.garbage, ...older.garbage], [])
    })
  )

  it.scopedLive("asks in the middle of a call, and takes each answer once", () =>
    Effect.gen(function* () {
      const { request, seen } = yield* start()
      const first = yield* request("tools/call", call(question))
      assert.deepNestedInclude(first, {
        resultType: "input_required",
        "inputRequests.confirm.method": "elicitation/create"
      })
      const requestState = String(first["requestState"])
      // a forged one, and one of another tool
      const forged = call(question, { inputResponses: answered({ ok: true }), requestState: `${requestState}x` })
      assert.strictEqual(yield* refusal(request("tools/call", forged)), -32_602)
      const foreign = call("test_streaming_elicitation", { inputResponses: answered({ ok: true }), requestState })
      assert.strictEqual(yield* refusal(request("tools/call", foreign)), -32_602)
      // without the answer it asks again
      const again = yield* request("tools/call", call(question, { requestState }))
      assert.strictEqual(again["resultType"], "input_required")
      const answer = call(question, { inputResponses: answered({ ok: true }), requestState })
      const done = yield* request("tools/call", answer)
      assert.deepNestedInclude(done, { resultType: "complete" })
      assert.include(JSON.stringify(done["content"]), 'action=accept, content={\\"ok\\":true}')
      assert.strictEqual(yield* refusal(request("tools/call", answer)), -32_602)
      // nothing was asked in a request of the server's own
      assert.isFalse(seen.some(({ id, method }) => method !== undefined && id !== undefined))
    })
  )

  it.scopedLive("refuses states that are replayed, expired, forged or foreign, and says what to do", () =>
    Effect.gen(function* () {
      const [server, other] = yield* Effect.all([start(), start()])
      const stateOf = ({ requestState }: Json) => ({ requestState, inputResponses: answered({ ok: true }) })
      const asked = ({ request }: typeof server) => Effect.map(request("tools/call", call(question)), stateOf)
      const refused = Effect.fnUntraced(function* (words: string, name: string, more: Json, method = "tools/call") {
        const { code, message } = yield* Effect.flip(server.request(method, call(name, more)))
        assert.strictEqual(code, -32_602, words)
        assert.include(message as string, words)
        assert.include(message as string, "without requestState and inputResponses begins anew", words)
        // a sentence is not a page
        assert.isBelow((message as string).length, 300)
      })
      const [mine, late, theirs] = [yield* asked(server), yield* asked(server), yield* asked(other)]

      const forged = { ...mine, requestState: `${String(mine.requestState)}x` }
      yield* refused("was changed on the way", question, forged)
      yield* refused("was changed on the way", question, { ...mine, requestState: "x" })
      // the same server in another process: it may have been started anew
      yield* refused("since it was started", question, theirs)
      yield* refused("of another call", "test_streaming_elicitation", mine)
      yield* refused("of another call", "test_simple_prompt", mine, "prompts/get")
      // where nothing asks, no state is taken either
      const read = { uri: "test://static-text", ...forged, _meta: meta() }
      assert.strictEqual(yield* refusal(server.request("resources/read", read)), -32_602)

      const done = yield* server.request("tools/call", call(question, mine))
      assert.deepNestedInclude(done, { resultType: "complete" })
      yield* refused("has been answered", question, mine)
      // its question still waits, by the timer of the process
      yield* server.jump
      yield* refused("longer than 10m", question, late)
      const again = yield* asked(server)
      assert.deepNestedInclude(yield* server.request("tools/call", call(question, again)), { resultType: "complete" })
    })
  )

  it.scopedLive("tells a client that listens first what it will tell of, and answers others meanwhile", () =>
    Effect.gen(function* () {
      const { begin, request, seen } = yield* start()
      const wanted = { resourcesListChanged: true, promptsListChanged: true }
      yield* begin("subscriptions/listen", { notifications: wanted, _meta: meta() })
      yield* request("tools/call", call("test_simple_text"))
      const [first] = seen
      assert.strictEqual(first?.method, "notifications/subscriptions/acknowledged")
      assert.deepNestedInclude(first?.params, { "notifications.resourcesListChanged": true })
    })
  )

  it.scopedLive("asks nobody where the client cannot, and logs from the level of the request", () =>
    Effect.gen(function* () {
      const { request, seen } = yield* start()
      const without = { "io.modelcontextprotocol/clientCapabilities": {} }
      const refused = yield* request("tools/call", call(question, {}, without))
      assert.strictEqual(refused["isError"], true)
      const logs = () => seen.filter(({ method }) => method === "notifications/message").length
      yield* request("tools/call", call("test_logging_tool"))
      assert.strictEqual(logs(), 0)
      yield* request("tools/call", call("test_logging_tool", {}, { "io.modelcontextprotocol/logLevel": "info" }))
      assert.isAtLeast(logs(), 3)
    })
  )
})
