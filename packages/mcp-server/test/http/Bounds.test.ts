import { assert, describe, it } from "@effect/vitest"
import * as LmStudioApiTest from "@lms-bridge/testing/LmStudioApiTest"
import { always } from "@lms-bridge/testing/Scripted"
import { Effect, Layer, Option, Redacted } from "effect"
import { callTool } from "../connected.ts"
import { aRun, connect, initialize, served, services } from "./overHttp.ts"

describe("the server over HTTP, watched and in bounds", () => {
  it.scopedLive("answers a session that asks too often with 429 and when to come back, and no other session", () =>
    Effect.gen(function* () {
      const { url } = yield* served()
      const { client } = yield* connect(url)
      const statuses: Array<number> = []
      const session = Effect.promise(() =>
        fetch(url, initialize).then((response) => response.headers.get("mcp-session-id"))
      )
      const id = (yield* session) ?? assert.fail("no session")
      let late: Response | undefined
      for (let time = 1; time <= 12; time++) {
        const response = yield* Effect.promise(() =>
          fetch(url, {
            method: "POST",
            headers: { ...initialize.headers, "mcp-session-id": id, "mcp-protocol-version": "2025-11-25" },
            body: JSON.stringify({ jsonrpc: "2.0", id: time, method: "ping" })
          })
        )
        statuses.push(response.status)
        if (response.status === 429) late ??= response
        else yield* Effect.promise(() => response.text())
      }
      assert.include(statuses, 429)
      assert.strictEqual(statuses[0], 200)
      assert.match(late?.headers.get("retry-after") ?? "", /^[1-9]\d*$/)
      assert.match(yield* Effect.promise(() => late?.text() ?? Promise.resolve("")), /LMS_BRIDGE_REQUESTS_PER_MINUTE/)
      assert.isAtLeast((yield* Effect.promise(() => client.listTools())).tools.length, 1)
    }).pipe(Effect.provide(services(aRun, { requestsPerMinute: 8 })))
  )

  it.scopedLive("answers 500 when it makes a mistake, and goes on", () =>
    Effect.gen(function* () {
      const { url } = yield* served()
      const ready = yield* Effect.promise(() => fetch(url.replace("/mcp", "/readyz")))
      assert.strictEqual(ready.status, 500)
      assert.match(yield* Effect.promise(() => ready.text()), /a mistake/)
      assert.strictEqual((yield* Effect.promise(() => fetch(url.replace("/mcp", "/healthz")))).status, 200)
    }).pipe(
      Effect.provide(
        Layer.merge(
          services(),
          LmStudioApiTest.layerTest({ ping: [always(Effect.die("a mistake"))], models: [always(Effect.succeed([]))] })
        )
      )
    )
  )

  it.scopedLive("tells its metrics to those who have the token, or on loopback to everybody if that is wanted", () =>
    Effect.gen(function* () {
      const token = Option.some(Redacted.make("abc"))
      const { url } = yield* served({ token })
      const read = (at: string, headers: Record<string, string> = {}) =>
        Effect.promise(async () => {
          const response = await fetch(at.replace("/mcp", "/metrics"), { headers })
          return { status: response.status, type: response.headers.get("content-type"), text: await response.text() }
        })
      assert.strictEqual((yield* read(url)).status, 401)
      const { client } = yield* connect(url, "abc")
      yield* callTool(client, "autonomous_with_mcp", { mcp_name: "files", task: "What is there?" })
      const { status, text, type } = yield* read(url, { authorization: "Bearer abc" })
      assert.deepStrictEqual([status, type], [200, "text/plain; version=0.0.4; charset=utf-8"])
      assert.match(text, /^lms_active_models\{host="[^"]+"\} \d+$/m)
      assert.match(text, /^lms_circuit_breaker_state\{operation="[^"]+ http\.inference"\} 0$/m)

      const open = yield* served({ token, openMetrics: true })
      assert.strictEqual((yield* read(open.url)).status, 200)
      assert.strictEqual((yield* Effect.promise(() => fetch(open.url, { method: "POST" }))).status, 401)
    }).pipe(Effect.provide(services()))
  )
})
