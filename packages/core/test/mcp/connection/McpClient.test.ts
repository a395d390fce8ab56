import { assert, describe, it } from "@effect/vitest"
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js"
import { UrlElicitationRequiredError } from "@modelcontextprotocol/sdk/types.js"
import * as McpClient from "#src/mcp/connection/McpClient.ts"
import { Deferred, Duration, Effect, Fiber, TestClock } from "effect"
import { linked, channelOver, turns, usual } from "../linked.ts"

describe("McpClient", () => {
  it.scoped("knows which server answered", () =>
    Effect.gen(function* () {
      const { session } = yield* linked({})
      assert.deepStrictEqual(session.implementation, { name: "linked", version: "9.9.9" })
      assert.strictEqual(session.instructions, "Be gentle.")
    })
  )

  it.scoped("caches the list of tools until the server says that it changed", () =>
    Effect.gen(function* () {
      let asked = 0
      const { server, session } = yield* linked({
        tools: () => ({ tools: [{ name: `tool-${++asked}`, inputSchema: { type: "object" } }] })
      })
      const names = Effect.map(session.tools, (tools) => tools.map(({ name }) => name))
      assert.deepStrictEqual(yield* names, ["tool-1"])
      assert.deepStrictEqual(yield* Effect.all([names, names], { concurrency: 2 }), [["tool-1"], ["tool-1"]])
      yield* Effect.promise(() => server.sendToolListChanged())
      yield* turns
      assert.deepStrictEqual(yield* names, ["tool-2"])
    })
  )

  it.scoped("requests the list once for concurrent callers, and again after a failure", () =>
    Effect.gen(function* () {
      let asked = 0
      const { session } = yield* linked({
        tools: () => {
          asked += 1
          if (asked === 1) throw new TypeError("not yet")
          return { tools: [] }
        }
      })
      const error = yield* Effect.flip(session.tools)
      assert.deepInclude(error, { _tag: "McpServerUnavailable", reason: "Protocol" })
      assert.include(error.message, "tools/list: not yet")
      yield* Effect.all([session.tools, session.tools, session.tools], { concurrency: 3 })
      assert.strictEqual(asked, 2)
    })
  )

  it.scoped("offers and calls only what the entry allows", () =>
    Effect.gen(function* () {
      const { session } = yield* linked(
        { tools: () => ({ tools: ["a", "b"].map((name) => ({ name, inputSchema: { type: "object" } })) }) },
        { allows: (tool) => tool === "a" }
      )
      assert.deepStrictEqual(
        (yield* session.tools).map(({ name }) => name),
        ["a"]
      )
      assert.deepInclude(yield* Effect.flip(session.call("b", {})), { reason: "UnknownTool" })
    })
  )

  it.scoped("gives up on a list that takes too long", () =>
    Effect.gen(function* () {
      const { session } = yield* linked({ tools: () => new Promise(() => {}) })
      const fiber = yield* Effect.fork(Effect.flip(session.tools))
      yield* TestClock.adjust("30 seconds")
      const error = yield* Fiber.join(fiber)
      assert.deepInclude(error, { _tag: "McpServerUnavailable", reason: "StartTimeout" })
      assert.include(error.message, "Its list of tools took longer than 30s (LMS_BRIDGE_MCP_START_TIMEOUT).")
    })
  )

  it.scoped("gives up on a server that never answers initialize", () =>
    Effect.gen(function* () {
      const [mine] = InMemoryTransport.createLinkedPair()
      const fiber = yield* McpClient.connect({
        server: "mute",
        channel: {
          ...channelOver(mine),
          ended: Effect.never,
          stderrTail: Effect.succeed("waiting for a licence"),
          hint: Effect.succeed("It wrote poems.")
        },
        ...usual
      }).pipe(Effect.flip, Effect.fork)
      yield* TestClock.adjust("30 seconds")
      const error = yield* Fiber.join(fiber)
      assert.deepInclude(error, { reason: "StartTimeout", stderrTail: "waiting for a licence" })
      assert.include(error.detail, "It wrote poems.")
    })
  )

  it.scoped("ends a call after a silence, and notifies the server", () =>
    Effect.gen(function* () {
      const aborted = yield* Deferred.make<void>()
      const { session } = yield* linked({
        call: ({ signal }) => {
          signal.addEventListener("abort", () => Deferred.unsafeDone(aborted, Effect.void))
          return new Promise(() => {})
        }
      })
      const fiber = yield* Effect.fork(Effect.flip(session.call("slow", {})))
      yield* turns
      yield* TestClock.adjust("119 seconds")
      assert.isNull(fiber.unsafePoll())
      yield* TestClock.adjust("1 second")
      const error = yield* Fiber.join(fiber)
      assert.deepInclude(error, { _tag: "McpCallFailed", reason: "Timeout" })
      assert.include(error.message, "did not answer within 2m")
      yield* Deferred.await(aborted)
    })
  )

  it.scoped("restarts the time limit with each progress report, up to a total limit", () =>
    Effect.gen(function* () {
      const running = yield* Deferred.make<(progress: number) => Promise<void>>()
      const { session } = yield* linked(
        {
          call: ({ notify, token }) => {
            const report = (progress: number) =>
              notify({ method: "notifications/progress", params: { progressToken: token ?? "none", progress } })
            Deferred.unsafeDone(running, Effect.succeed(report))
            return new Promise(() => {})
          }
        },
        { callTotal: Duration.minutes(10) }
      )
      const heard: Array<number> = []
      const fiber = yield* Effect.fork(
        Effect.flip(
          session.call(
            "long",
            {},
            { timeout: "1 minute", onProgress: ({ progress }) => Effect.sync(() => heard.push(progress)) }
          )
        )
      )
      const report = yield* Deferred.await(running)
      for (let minute = 1; minute < 12; minute++) {
        yield* TestClock.adjust("50 seconds")
        assert.isNull(fiber.unsafePoll(), `after ${minute} reports`)
        yield* Effect.promise(() => report(minute))
        yield* turns
      }
      assert.strictEqual(heard.length, 11)
      yield* TestClock.adjust("50 seconds")
      const error = yield* Fiber.join(fiber)
      assert.include(error.message, "did not answer within 10m")
    })
  )

  it.scoped("delivers all progress before the result", () =>
    Effect.gen(function* () {
      const { session } = yield* linked({
        call: async ({ notify, token }) => {
          for (const progress of [1, 2, 3]) {
            await notify({
              method: "notifications/progress",
              params: { progressToken: token ?? "none", progress, total: 3, message: `step ${progress}` }
            })
          }
          await new Promise((resolve) => setImmediate(resolve))
          return { content: [{ type: "text", text: "done" }] }
        }
      })
      const heard: Array<unknown> = []
      yield* session.call("steps", {}, { onProgress: (progress) => Effect.sync(() => heard.push(progress)) })
      assert.deepStrictEqual(
        heard,
        [1, 2, 3].map((progress) => ({ progress, total: 3, message: `step ${progress}` }))
      )
    })
  )

  it.scoped("cancels the call at the server when the caller is interrupted", () =>
    Effect.gen(function* () {
      const started = yield* Deferred.make<void>()
      const aborted = yield* Deferred.make<void>()
      const { session } = yield* linked({
        call: ({ signal }) => {
          Deferred.unsafeDone(started, Effect.void)
          signal.addEventListener("abort", () => Deferred.unsafeDone(aborted, Effect.void))
          return new Promise(() => {})
        }
      })
      const fiber = yield* Effect.fork(session.call("hang", {}))
      yield* Deferred.await(started)
      yield* Fiber.interrupt(fiber)
      yield* Deferred.await(aborted)
      assert.isTrue(yield* session.isOpen)
    })
  )

  it.scoped("fails all pending requests when the server hangs up, and all later ones", () =>
    Effect.gen(function* () {
      const started = yield* Deferred.make<void>()
      const { server, session } = yield* linked({
        call: () => {
          Deferred.unsafeDone(started, Effect.void)
          return new Promise(() => {})
        }
      })
      const pending = yield* Effect.fork(Effect.flip(session.call("hang", {})))
      yield* Deferred.await(started)
      yield* Effect.promise(() => server.close())
      const error = yield* Fiber.join(pending)
      assert.deepInclude(error, { _tag: "McpCallFailed", reason: "Closed" })
      assert.include(error.detail, "It hung up.")
      yield* session.closed
      assert.isFalse(yield* session.isOpen)
      assert.deepInclude(yield* Effect.flip(session.call("again", {})), { reason: "Closed" })
      assert.deepInclude(yield* Effect.flip(session.tools), { _tag: "McpServerUnavailable", reason: "Closed" })
    })
  )

  it.scoped("says which page has to be opened before a tool works", () =>
    Effect.gen(function* () {
      const { session } = yield* linked({
        call: () => {
          throw new UrlElicitationRequiredError([
            { mode: "url", message: "Sign in.", url: "https://a.example/login", elicitationId: "1" }
          ])
        }
      })
      const error = yield* Effect.flip(session.call("mail", {}))
      assert.include(error.message, "open https://a.example/login first")
    })
  )

  it.scoped.each([
    [-32602, "Tool nope not found", "UnknownTool"],
    [-32602, "Unknown tool: nope", "UnknownTool"],
    [-32601, "Method not found", "UnknownTool"],
    [-32602, "path must be a string", "InvalidArguments"],
    [-32603, "boom", "Protocol"],
    [-32000, "database is locked", "Protocol"],
    [-32000, "Connection closed for the night", "Protocol"]
  ] as const)("reads error %i %s as %s", ([code, message, reason]) =>
    Effect.gen(function* () {
      const { session } = yield* linked({
        call: () => {
          throw Object.assign(new TypeError(message), { code })
        }
      })
      const error = yield* Effect.flip(session.call("nope", {}))
      assert.deepInclude(error, { _tag: "McpCallFailed", tool: "nope", server: "it", reason, code, detail: message })
    })
  )
})
