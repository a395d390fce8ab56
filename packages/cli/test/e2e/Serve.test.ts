import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Schedule } from "effect"
import { patience, platform, world } from "./Harness.ts"
import { connect, serving, status } from "./serving.ts"

const headers = { "content-type": "application/json", accept: "application/json, text/event-stream" }
const message = (method: string, params: Record<string, unknown> = {}) => ({
  method: "POST",
  headers,
  body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params })
})
const initialize = message("initialize", {
  protocolVersion: "2025-11-25",
  capabilities: {},
  clientInfo: { name: "raw", version: "1" }
})
/** A task that takes the model a second. */
const slowly = [{ text: "There are two notes.", delayMs: 1500 }]
const task = { name: "autonomous_with_mcp", arguments: { mcp_name: "filesystem", task: "List the files" } }

describe("the built server over HTTP", () => {
  it.scopedLive(
    "accepts clients with the token, refuses pages of other sites, and knows its sessions",
    () =>
      Effect.gen(function* () {
        const { url } = yield* serving(yield* world, { LMS_BRIDGE_HTTP_TOKEN: "s3cret" })
        const with_ = (more: Record<string, string>) => ({ ...initialize, headers: { ...headers, ...more } })
        const authorization = "Bearer s3cret"
        assert.strictEqual(yield* status(url, initialize), 401)
        assert.strictEqual(yield* status(url, with_({ authorization: "Bearer s3creT" })), 401)
        assert.strictEqual(yield* status(url, with_({ authorization, origin: "http://evil.example" })), 403)
        assert.strictEqual(yield* status(url, with_({ authorization, "mcp-session-id": "nobody" })), 404)
        for (const path of ["/healthz", "/readyz"]) {
          assert.strictEqual(yield* status(url.replace("/mcp", path)), 200)
        }
        const { client, transport } = yield* connect(url, "s3cret")
        assert.isAbove((yield* Effect.promise(() => client.listTools())).tools.length, 10)
        const session = with_({ authorization, "mcp-session-id": String(transport.sessionId) })
        assert.strictEqual(yield* status(url, { ...session, method: "DELETE", body: null }), 200)
        yield* Effect.repeat(status(url, { ...message("tools/list"), headers: session.headers }), {
          until: (code) => code === 404,
          schedule: Schedule.spaced("20 millis")
        })
      }).pipe(Effect.provide(platform)),
    patience
  )

  it.scopedLive(
    "does not serve other machines without a token",
    () =>
      Effect.gen(function* () {
        const { run } = yield* world
        const { code, stderr } = yield* run(["serve", "--http", "--host", "0.0.0.0"])
        assert.strictEqual(code, 1)
        assert.include(stderr, "a bearer token is required")
      }).pipe(Effect.provide(platform)),
    patience
  )

  it.scopedLive(
    "stopped by SIGTERM during a run, answers the call, accepts no other, and ends with 0",
    () =>
      Effect.gen(function* () {
        const here = yield* world
        yield* here.simulator.control.scriptModel(slowly)
        const { child, ended, url } = yield* serving(here)
        const { client } = yield* connect(url)
        const begun = yield* Deferred.make<void>()
        const call = yield* Effect.fork(
          Effect.promise(() =>
            client.callTool(task, undefined, {
              onprogress: ({ message = "" }) => {
                if (/tools?$|ready|loaded/.test(message)) Deferred.unsafeDone(begun, Effect.void)
              }
            })
          )
        )
        yield* Deferred.await(begun)
        child.kill("SIGTERM")
        yield* Effect.repeat(status(url.replace("/mcp", "/readyz")), {
          until: (code) => code !== 200,
          schedule: Schedule.spaced("10 millis")
        })
        assert.oneOf(yield* status(url, initialize), [503, "gone"])
        const result = yield* Fiber.join(call)
        assert.deepInclude(result.structuredContent, { status: "done", answer: "There are two notes." })
        const { code } = yield* ended
        assert.strictEqual(code, 0)
      }).pipe(Effect.provide(platform)),
    patience
  )

  it.scopedLive(
    "knows earlier runs after a restart",
    () =>
      Effect.gen(function* () {
        const here = yield* world
        const before = yield* serving(here)
        const first = yield* connect(before.url)
        const { structuredContent } = yield* Effect.promise(() => first.client.callTool(task))
        yield* Effect.promise(() => first.client.close())
        before.child.kill("SIGTERM")
        assert.strictEqual((yield* before.ended).code, 0)
        const { runId } = structuredContent as { readonly runId: string }
        const after = yield* serving(here)
        const { client } = yield* connect(after.url)
        const kept = yield* Effect.promise(() => client.callTool({ name: "run_result", arguments: { run_id: runId } }))
        assert.deepInclude(kept.structuredContent, { runId, status: "done" })
        const uri = `lms-bridge://runs/${runId}/transcript.md`
        const { contents } = yield* Effect.promise(() => client.readResource({ uri }))
        assert.include(JSON.stringify(contents), "List the files")
      }).pipe(Effect.provide(platform)),
    patience
  )
})
