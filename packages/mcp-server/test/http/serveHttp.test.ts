import { assert, describe, it } from "@effect/vitest"
import { serveSessions } from "#src/http/serveHttp.ts"
import * as AgentLoopTest from "@lms-bridge/testing/AgentLoopTest"
import { Deferred, Effect, Fiber, Option, Redacted, Schedule } from "effect"
import { Agent, request, type ClientRequest } from "node:http"
import { callTool, textOf } from "../connected.ts"

import { aRun, connect, initialize, served, services, status } from "./overHttp.ts"

describe("the server over HTTP", () => {
  it.scopedLive("serves several clients at once, each in its own session, over the same runs", () =>
    Effect.gen(function* () {
      const { url } = yield* served()
      const one = yield* connect(url)
      const two = yield* connect(url)
      assert.notStrictEqual(one.transport.sessionId, two.transport.sessionId)
      const seen: Array<string | undefined> = []
      yield* Effect.promise(() =>
        one.client.callTool({ name: "autonomous_with_mcp", arguments: { mcp_name: "files", task: "t" } }, undefined, {
          onprogress: ({ message }) => seen.push(message)
        })
      )
      assert.include(seen, "round 1: list_directory; 13 tok/s")
      assert.include(textOf(yield* callTool(two.client, "run_status")), AgentLoopTest.testRunId)
    }).pipe(Effect.provide(services()))
  )

  it.scopedLive("ends a session that its client ends, and knows it no more", () =>
    Effect.gen(function* () {
      const { url } = yield* served()
      const { transport } = yield* connect(url)
      const id = String(transport.sessionId)
      yield* Effect.promise(() => transport.terminateSession())
      const list = {
        method: "POST",
        headers: { ...initialize.headers, "mcp-session-id": id },
        body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" })
      }
      yield* Effect.repeat(status(url, list), { until: (code) => code === 404, schedule: Schedule.spaced("20 millis") })
    }).pipe(Effect.provide(services()))
  )

  it.scopedLive(
    "without a session refuses everything but initialize, and other paths; says that it is alive and ready",
    () =>
      Effect.gen(function* () {
        const { url } = yield* served()
        const list = { ...initialize, body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" }) }
        assert.strictEqual(yield* status(url, list), 400)
        assert.strictEqual(yield* status(url.replace("/mcp", "/other")), 404)
        assert.strictEqual(yield* status(url.replace("/mcp", "/healthz")), 200)
        assert.strictEqual(yield* status(url.replace("/mcp", "/readyz")), 200)
      }).pipe(Effect.provide(services()))
  )

  it.scopedLive("refuses a page of another site, and a body beyond its limit", () =>
    Effect.gen(function* () {
      const { url } = yield* served()
      const from = (origin: string) => ({ ...initialize, headers: { ...initialize.headers, origin } })
      assert.strictEqual(yield* status(url, from("http://evil.example")), 403)
      assert.strictEqual(yield* status(url, from("http://localhost:5173")), 200)
      assert.strictEqual(yield* status(url, { ...initialize, body: " ".repeat(5 * 1024 * 1024) }), 413)
    }).pipe(Effect.provide(services()))
  )

  it.scopedLive("answers every request in one sentence, under its id, as over stdio", () =>
    Effect.gen(function* () {
      const { url } = yield* served()
      const { transport } = yield* connect(url)
      const post = (body: unknown, headers: Record<string, string> = {}) =>
        Effect.promise(() =>
          fetch(url, {
            ...initialize,
            headers: { ...initialize.headers, ...headers },
            body: typeof body === "string" ? body : JSON.stringify(body)
          }).then(async (response) => ({ status: response.status, text: await response.text() }))
        )
      const session = { "mcp-session-id": String(transport.sessionId) }
      const list = { jsonrpc: "2.0", id: 5, method: "tools/list" }
      for (const [body, code] of [
        [{ ...list, params: "x" }, -32_602],
        [{ ...list, method: 5 }, -32_600],
        [{ ...list, method: "tools/call", params: { name: 5 } }, -32_602],
        [{ ...list, method: "logging/setLevel", params: { level: "DEBUG" } }, -32_602],
        [{ ...list, method: "server/discover" }, -32_601]
      ] as const) {
        const { status, text } = yield* post(body, session)
        assert.strictEqual(status, 200)
        assert.deepNestedInclude(JSON.parse(text), { id: 5, "error.code": code })
      }
      assert.include((yield* post({ ...list, params: null }, session)).text, '"tools"')
      assert.strictEqual((yield* post("{", session)).status, 400)
      const early = yield* post(list, { "mcp-protocol-version": "2026-07-28" })
      assert.strictEqual(early.status, 400)
      assert.deepNestedInclude(JSON.parse(early.text), { id: 5, "error.code": -32_602 })
      assert.match(early.text, /_meta/)
      const other = yield* post(list, { "mcp-protocol-version": "2030-01-01" })
      assert.strictEqual(other.status, 400)
    }).pipe(Effect.provide(services()))
  )

  it.scopedLive("wants its token, when it has one", () =>
    Effect.gen(function* () {
      const { url } = yield* served({ token: Option.some(Redacted.make("s3cret")) })
      assert.strictEqual(yield* status(url, initialize), 401)
      const withScheme = (scheme: string) =>
        status(url, { ...initialize, headers: { ...initialize.headers, authorization: `${scheme} s3cret` } })
      assert.deepStrictEqual(
        yield* Effect.forEach(["bearer", "BEARER", "Bearer ", "Basic"], withScheme),
        [200, 200, 200, 401]
      )
      // a client that looks for a login service there must not take the refusal for one
      for (const path of [
        "/register",
        "/.well-known/oauth-authorization-server",
        "/mcp/.well-known/openid-configuration"
      ]) {
        assert.strictEqual(yield* status(url.replace("/mcp", path)), 404)
      }
      const { client } = yield* connect(url, "s3cret")
      assert.isAtLeast((yield* Effect.promise(() => client.listTools())).tools.length, 1)
    }).pipe(Effect.provide(services()))
  )

  it.scopedLive("listens for other machines with a token only, and says so when a port is taken", () =>
    Effect.gen(function* () {
      const open = yield* Effect.flip(served({ host: "0.0.0.0" }))
      assert.deepInclude(open, { _tag: "HttpNotServed", reason: "TokenRequired" })
      const { url } = yield* served()
      const taken = yield* Effect.flip(served({ port: Number(new URL(url).port) }))
      assert.deepInclude(taken, { _tag: "HttpNotServed", reason: "Listen" })
      assert.include(taken.message, "Choose another port")
    }).pipe(Effect.provide(services()))
  )

  it.scopedLive("has room for so many sessions", () =>
    Effect.gen(function* () {
      const { url } = yield* served({ mostSessions: 2 })
      const open = Effect.promise(() => fetch(url, initialize))
      assert.deepStrictEqual([(yield* open).status, (yield* open).status], [200, 200])
      const full = yield* open
      assert.deepStrictEqual([full.status, full.headers.get("retry-after")], [503, "5"])
    }).pipe(Effect.provide(services()))
  )

  it.scopedLive("closes a session that nobody uses, and has its room again", () =>
    Effect.gen(function* () {
      const { url } = yield* served({ mostSessions: 1, idle: "100 millis" })
      const first = yield* Effect.promise(() => fetch(url, initialize))
      yield* Effect.promise(() => first.text())
      const headers = { ...initialize.headers, "mcp-session-id": String(first.headers.get("mcp-session-id")) }
      const ping = { ...initialize, headers, body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" }) }
      // a request counts as use
      yield* Effect.repeat(Effect.delay(status(url, ping), "500 millis"), { until: (code) => code === 404 })
      assert.strictEqual(yield* status(url, initialize), 200)
    }).pipe(Effect.provide(services()))
  )

  it.scopedLive("does not take a session whose call goes on for one that nobody uses", () =>
    Effect.gen(function* () {
      const { url } = yield* served({ idle: "1 second" })
      const opened = yield* Effect.promise(() => fetch(url, initialize))
      yield* Effect.promise(() => opened.text())
      const headers = { ...initialize.headers, "mcp-session-id": String(opened.headers.get("mcp-session-id")) }
      const params = { name: "autonomous_with_mcp", arguments: { mcp_name: "files", task: "t" } }
      const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params })
      const answer = Effect.promise(() => fetch(url, { method: "POST", headers, body }).then((all) => all.text()))
      assert.include(yield* answer, "There is a.md.")
    }).pipe(Effect.provide(services([...aRun.slice(0, 1), { _tag: "Wait", duration: "3 seconds" }, ...aRun.slice(1)])))
  )

  it.scopedLive("keeps nothing of a session that was never opened", () =>
    Effect.gen(function* () {
      let begun = 0
      let served = 0
      const listening = yield* Deferred.make<string>()
      yield* Effect.forkScoped(
        serveSessions(
          { host: "127.0.0.1", port: 0, token: Option.none(), listening: (url) => Deferred.succeed(listening, url) },
          (transport, connected) =>
            Effect.acquireUseRelease(
              Effect.sync(() => void ((begun += 1), (served += 1))),
              () =>
                Effect.promise(() => transport.start()).pipe(Effect.zipRight(connected), Effect.zipRight(Effect.never)),
              () => Effect.sync(() => (served -= 1))
            )
        )
      )
      const url = yield* Deferred.await(listening)
      assert.strictEqual(yield* status(url, { headers: { accept: "text/event-stream" } }), 400)
      yield* Effect.repeat(
        Effect.sync(() => served),
        { until: (now) => now === 0, schedule: Schedule.spaced("10 millis") }
      )
      assert.strictEqual(begun, 1)
    })
  )

  it.scopedLive("carries a run to its end when the client's connection is lost in mid-call", () =>
    Effect.gen(function* () {
      const { url } = yield* served()
      const opened = yield* Effect.promise(() => fetch(url, initialize))
      const headers = { ...initialize.headers, "mcp-session-id": String(opened.headers.get("mcp-session-id")) }
      const abort = new AbortController()
      const params = { name: "autonomous_with_mcp", arguments: { mcp_name: "files", task: "t" } }
      const lost = yield* Effect.fork(
        status(url, {
          method: "POST",
          headers,
          body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params }),
          signal: abort.signal
        }).pipe(Effect.exit)
      )
      const { client } = yield* connect(url)
      yield* Effect.repeat(callTool(client, "run_status"), {
        until: (result) => textOf(result).includes("running"),
        schedule: Schedule.spaced("10 millis")
      })
      abort.abort()
      yield* Fiber.join(lost)
      const result = yield* callTool(client, "run_result", { run_id: AgentLoopTest.testRunId })
      assert.deepInclude(result.structuredContent, { status: "done", answer: "There is a.md." })
      assert.strictEqual(yield* (yield* AgentLoopTest.AgentLoopCalls).interrupted, 0)
    }).pipe(Effect.provide(services([...aRun.slice(0, 1), { _tag: "Wait", duration: "2 seconds" }, ...aRun.slice(1)])))
  )

  it.scopedLive("stopped in mid-call, lets the call end, takes no new one, and is gone", () =>
    Effect.gen(function* () {
      const { fiber, url } = yield* served()
      const { client } = yield* connect(url)
      const started = yield* Deferred.make<void>()
      const call = yield* Effect.fork(
        Effect.promise(() =>
          client.callTool({ name: "autonomous_with_mcp", arguments: { mcp_name: "files", task: "t" } }, undefined, {
            onprogress: ({ message }) => {
              if (message === "1 server, 1 tool") Deferred.unsafeDone(started, Effect.void)
            }
          })
        )
      )
      yield* Deferred.await(started)
      const stopped = yield* Effect.fork(Fiber.interrupt(fiber))
      const ready = url.replace("/mcp", "/readyz")
      assert.oneOf(
        yield* Effect.promise(() =>
          fetch(ready).then(
            (response) => response.status,
            () => "gone"
          )
        ),
        [503, "gone"]
      )
      const result = yield* Fiber.join(call)
      assert.deepInclude(result.structuredContent, { status: "done", answer: "There is a.md." })
      yield* Fiber.join(stopped)
      const after = yield* Effect.promise(() =>
        fetch(url).then(
          () => "answered",
          () => "gone"
        )
      )
      assert.strictEqual(after, "gone")
    }).pipe(Effect.provide(services([...aRun.slice(0, 1), { _tag: "Wait", duration: "500 millis" }, ...aRun.slice(1)])))
  )
})

describe("the server over HTTP, while it is stopped", () => {
  it.scopedLive("says so to clients on connections that are still open", () =>
    Effect.gen(function* () {
      const { fiber, url } = yield* served()
      const length = Buffer.byteLength(initialize.body)
      /** A request that has arrived but is not complete. */
      const begun = (agent: Agent) =>
        Effect.async<ClientRequest>((resume) => {
          const headers = { ...initialize.headers, "content-length": length, expect: "100-continue" }
          const sent = request(url, { method: "POST", headers, agent }).on("error", () => {})
          sent.on("continue", () => resume(Effect.succeed(sent)))
        })
      const reply = (sent: ClientRequest) =>
        Effect.async<number | undefined>((resume) => {
          sent.on("response", (response) =>
            response.resume().on("end", () => resume(Effect.succeed(response.statusCode)))
          )
          sent.on("error", () => resume(Effect.succeed(undefined)))
        })
      const kept = new Agent({ keepAlive: true, maxSockets: 1 })
      const first = yield* begun(kept)
      const other = yield* begun(new Agent())
      const stopped = yield* Effect.fork(Fiber.interrupt(fiber))
      const health = Effect.promise(() =>
        fetch(url.replace("/mcp", "/healthz")).then(
          () => "answered",
          () => "gone"
        )
      )
      yield* Effect.repeat(health, { until: (found) => found === "gone", schedule: Schedule.spaced("10 millis") })
      assert.strictEqual(yield* reply(first.end(initialize.body)), 200)
      assert.strictEqual(yield* reply(request(url.replace("/mcp", "/readyz"), { agent: kept }).end()), 503)
      assert.strictEqual(yield* reply(request(url, { method: "POST", agent: kept }).end()), 503)
      other.destroy()
      yield* Fiber.join(stopped)
    }).pipe(Effect.provide(services()))
  )
})
