import { assert, describe, it } from "@effect/vitest"
import * as RemoteRetry from "#src/mcp/transport/RemoteRetry.ts"
import * as RetryPolicy from "#src/resilience/RetryPolicy.ts"
import { Effect, Runtime } from "effect"
import { inVirtualTime } from "@lms-bridge/testing/VirtualTime"

describe("RemoteRetry", () => {
  it.effect("does not repeat a request that nobody waits for any more", () =>
    Effect.gen(function* () {
      const runtime = yield* Effect.runtime<never>()
      const waiting = new Set([1])
      let asked = 0
      const fetch = RemoteRetry.make({
        fetch: () => {
          asked += 1
          return Promise.resolve(new Response("", { status: 503 }))
        },
        policy: RetryPolicy.standard,
        run: Runtime.runPromise(runtime),
        isOpen: (id) => waiting.has(Number(id))
      })
      const list = { method: "POST", body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" }) }
      yield* Effect.promise(() => fetch("http://far.example/mcp", list))
      assert.strictEqual(asked, 4)
      waiting.clear()
      assert.strictEqual((yield* Effect.promise(() => fetch("http://far.example/mcp", list))).status, 503)
      assert.strictEqual(asked, 5)
    }).pipe(inVirtualTime)
  )
})
