import { assert, describe, it } from "@effect/vitest"
import { McpRegistry } from "#src/mcp/McpRegistry.ts"
import { Deferred, Duration, Effect, Exit, Fiber, Layer, Scope } from "effect"
import { realpathSync } from "node:fs"
import { tmpdir } from "node:os"
import {
  eventually,
  isAlive,
  marker,
  misbehaving,
  printed,
  processesWith,
  registryWith,
  textOf
} from "./realServers.ts"

const pidsOf = Effect.fnUntraced(function* (server: string) {
  const registry = yield* McpRegistry
  return JSON.parse(textOf(yield* registry.call(server, "pids", {}))) as { server: number; grandchild?: number }
})

describe("McpRegistry with servers that misbehave", () => {
  const mark = marker()

  it.live("reports a command that does not exist, and a working directory that does not exist", () =>
    Effect.gen(function* () {
      const registry = yield* McpRegistry
      const missing = yield* Effect.flip(registry.tools("missing"))
      assert.deepInclude(missing, { _tag: "McpServerUnavailable", reason: "CommandNotFound" })
      assert.include(missing.message, '"no-such-program-here"')
      const nowhere = yield* Effect.flip(registry.tools("nowhere"))
      assert.deepInclude(nowhere, { _tag: "McpServerUnavailable", reason: "Spawn" })
      assert.include(nowhere.message, "/no/such/folder does not exist")
    }).pipe(
      Effect.provide(
        registryWith({
          missing: { command: "no-such-program-here" },
          nowhere: { ...misbehaving(), cwd: "/no/such/folder" }
        })
      )
    )
  )

  it.live(
    "gives up on a server that never answers initialize, reports its other output, and leaves nothing behind",
    () => {
      const own = marker()
      return Effect.gen(function* () {
        const registry = yield* McpRegistry
        const error = yield* Effect.flip(registry.tools("silent"))
        assert.deepInclude(error, { _tag: "McpServerUnavailable", reason: "StartTimeout" })
        assert.include(error.message, "Server listening...")
        yield* eventually(() => processesWith(own).length === 0)
      }).pipe(
        Effect.provide(
          registryWith(
            { silent: misbehaving("--never-initialize", "--garbage", own) },
            { mcpStartTimeout: Duration.seconds(3) }
          )
        )
      )
    }
  )

  it.live("reports the exit code and the last output of a server that dies on start, and retries at the next use", () =>
    Effect.gen(function* () {
      const registry = yield* McpRegistry
      for (const _ of [1, 2]) {
        const error = yield* Effect.flip(registry.tools("dead"))
        assert.deepInclude(error, { _tag: "McpServerUnavailable", reason: "Exited", exitCode: 3 })
        assert.include(error.message, "cannot find my database")
      }
    }).pipe(Effect.provide(registryWith({ dead: misbehaving("--die-on-start") })))
  )

  it.live("reports why a server refuses to initialize", () =>
    Effect.gen(function* () {
      const registry = yield* McpRegistry
      const refused = yield* Effect.flip(registry.tools("refusing"))
      assert.deepInclude(refused, { _tag: "McpServerUnavailable", reason: "Protocol" })
      assert.include(refused.message, "no licence")
      // an unusual version is not a refusal
      assert.isNotEmpty(yield* registry.tools("old"))
    }).pipe(Effect.provide(registryWith({ refusing: misbehaving("--refuse"), old: misbehaving("--old-protocol") })))
  )

  it.live("fails a call whose server dies in the middle, and reconnects for the next one", () =>
    Effect.gen(function* () {
      const registry = yield* McpRegistry
      const connection = yield* registry.connect("server")
      const first = yield* pidsOf("server")
      const error = yield* Effect.flip(connection.call("die", {}))
      assert.deepInclude(error, { _tag: "McpCallFailed", reason: "Closed", tool: "die" })
      assert.include((error as { detail: string }).detail, "exit code 7")
      assert.include((error as { detail: string }).detail, "I am dying")
      // the same handle keeps working
      assert.strictEqual(textOf(yield* connection.call("ok", {})), "fine")
      assert.notStrictEqual((yield* pidsOf("server")).server, first.server)
    }).pipe(Effect.scoped, Effect.provide(registryWith({ server: misbehaving() })))
  )

  it.live("fails all pending calls when the server is killed, and only those of that server", () =>
    Effect.gen(function* () {
      const registry = yield* McpRegistry
      const { server } = yield* pidsOf("server")
      const connection = yield* registry.connect("server")
      const pending = yield* Effect.fork(
        Effect.all(
          [1, 2, 3].map(() => Effect.flip(registry.call("server", "hang", {}))),
          { concurrency: 3 }
        )
      )
      const other = yield* Effect.fork(registry.call("other", "progress", { rounds: 3, every: 50 }))
      yield* printed(connection, "HANGING", 3)
      process.kill(server, "SIGKILL")
      for (const error of yield* Fiber.join(pending)) {
        assert.deepInclude(error, { _tag: "McpCallFailed", reason: "Closed" })
        assert.include((error as { detail: string }).detail, "SIGKILL")
      }
      assert.strictEqual(textOf(yield* Fiber.join(other)), "done")
    }).pipe(Effect.scoped, Effect.provide(registryWith({ server: misbehaving(), other: misbehaving() })))
  )

  it.live("leaves nothing of the process group when a server ignores the end of stdin and SIGTERM", () =>
    Effect.gen(function* () {
      const own = marker()
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(
        registryWith({
          polite: misbehaving(own),
          rude: misbehaving("--ignore-eof", "--ignore-sigterm", "--grandchild", own),
          wrapped: {
            command: "sh",
            args: [
              "-c",
              `"$0" "$@"; true`,
              ...["command", "args"].flatMap(
                (key) => misbehaving("--ignore-sigterm", "--ignore-eof", own)[key as "args"]
              )
            ]
          }
        }),
        scope
      )
      const pids = yield* Effect.forEach(["polite", "rude", "wrapped"], (server) =>
        Effect.provide(pidsOf(server), context)
      )
      const all = pids.flatMap(({ grandchild, server }) => (grandchild === undefined ? [server] : [server, grandchild]))
      assert.strictEqual(all.filter(isAlive).length, 4)
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(all.filter(isAlive), [])
      assert.deepStrictEqual(processesWith(own), [])
    })
  )

  it.live("reads a flood on stderr, and keeps its end", () =>
    Effect.gen(function* () {
      const registry = yield* McpRegistry
      const connection = yield* registry.connect("flooding")
      assert.strictEqual(textOf(yield* connection.call("ok", {})), "fine")
      yield* printed(connection, "END OF FLOOD\n")
      assert.strictEqual((yield* connection.stderrTail).length, 16_384)
    }).pipe(Effect.scoped, Effect.provide(registryWith({ flooding: misbehaving("--flood-stderr") })))
  )

  it.live("does not repeat a secret that a server prints", () =>
    Effect.gen(function* () {
      const registry = yield* McpRegistry
      const error = yield* Effect.flip(registry.tools("telling"))
      assert.include(error.message, "my token is <redacted>")
      assert.notInclude(JSON.stringify(error), "hunter2-hunter2")
      assert.notInclude(JSON.stringify(yield* registry.servers), "hunter2-hunter2")
    }).pipe(
      Effect.provide(
        registryWith({
          telling: { ...misbehaving("--tell-secret", "--die-on-start"), env: { SECRET_TOKEN: "hunter2-hunter2" } }
        })
      )
    )
  )

  it.live("ignores garbage on stdout", () =>
    Effect.gen(function* () {
      const registry = yield* McpRegistry
      assert.strictEqual(textOf(yield* registry.call("garbage", "ok", {})), "fine")
    }).pipe(Effect.provide(registryWith({ garbage: misbehaving("--garbage") })))
  )

  it.live("accepts a result of 10 MB", () =>
    Effect.gen(function* () {
      const registry = yield* McpRegistry
      const result = yield* registry.call("server", "big", { bytes: 10_000_000 })
      assert.strictEqual(textOf(result).length, 10_000_000)
    }).pipe(Effect.provide(registryWith({ server: misbehaving() })))
  )

  it.live("sends arguments of 5 MB", () =>
    Effect.gen(function* () {
      const registry = yield* McpRegistry
      const message = "y".repeat(5_000_000)
      assert.strictEqual(textOf(yield* registry.call("server", "echo", { message })).length, message.length)
    }).pipe(Effect.provide(registryWith({ server: misbehaving() })))
  )

  it.live("fetches all pages of 300 tools, and an endless list until it repeats", () =>
    Effect.gen(function* () {
      const registry = yield* McpRegistry
      const tools = yield* registry.tools("many")
      assert.strictEqual(tools.length, 300)
      assert.strictEqual(tools[299]?.name, "tool-299")
      assert.strictEqual(tools[0]?.description, "")
      assert.deepStrictEqual(
        (yield* registry.tools("endless")).map(({ name }) => name),
        ["again"]
      )
    }).pipe(
      Effect.provide(
        registryWith({ many: misbehaving("--tools=300", "--page=50"), endless: misbehaving("--cursor-loop") })
      )
    )
  )

  it.live("keeps unusual schemas, and calls tools whose results do not match their own schema", () =>
    Effect.gen(function* () {
      const registry = yield* McpRegistry
      const tools = yield* registry.tools("odd")
      assert.deepStrictEqual(
        tools.map(({ inputSchema, name }) => [name, inputSchema]),
        [
          ["no-schema", { type: "object" }],
          ["boolean-schema", { type: "object" }],
          ["dialect", { $schema: "urn:nobody", type: ["object", "null"], properties: null }],
          ["bad-output-schema", { type: "object" }],
          ["wrong-output", { type: "object" }]
        ]
      )
      assert.deepInclude(tools[4], { title: "Wrong", annotations: { readOnly: true } })
      const survived = yield* registry.call("odd", "bad-output-schema", {})
      assert.deepStrictEqual(survived.structured, { a: 1 })
      const wrong = yield* registry.call("odd", "wrong-output", {})
      assert.deepStrictEqual(wrong.structured, { sum: "three" })
    }).pipe(Effect.provide(registryWith({ odd: misbehaving("--odd-tools") })))
  )

  it.live("gives a server its entry's environment and the safe list, and nothing else of ours", () => {
    process.env["LMS_BRIDGE_TEST_SECRET"] = "not for others"
    return Effect.gen(function* () {
      const registry = yield* McpRegistry
      const environment = JSON.parse(textOf(yield* registry.call("server", "environment", {}))) as Record<
        string,
        string
      >
      assert.isUndefined(environment["LMS_BRIDGE_TEST_SECRET"])
      assert.strictEqual(environment["FROM_ENTRY"], "not for others, but this one")
      assert.strictEqual(environment["LMS_BRIDGE_DEPTH"], "1")
      assert.isTrue(environment["PATH"]?.startsWith(process.env["PATH"] ?? ""))
      assert.strictEqual(environment["HOME"], process.env["HOME"])
      assert.isUndefined(environment["VITEST"])
      assert.strictEqual(textOf(yield* registry.call("server", "folder", {})), realpathSync(tmpdir()))
    }).pipe(
      Effect.provide(
        registryWith({
          server: {
            ...misbehaving(),
            cwd: realpathSync(tmpdir()),
            env: { FROM_ENTRY: "${LMS_BRIDGE_TEST_SECRET}, but this one" }
          }
        })
      ),
      Effect.ensuring(Effect.sync(() => delete process.env["LMS_BRIDGE_TEST_SECRET"]))
    )
  })

  it.live("tells the server when a call is cancelled, and drops an answer that comes too late", () =>
    Effect.gen(function* () {
      const registry = yield* McpRegistry
      const connection = yield* registry.connect("server")
      const error = yield* Effect.flip(connection.call("late", { after: 300 }, { timeout: "100 millis" }))
      assert.deepInclude(error, { _tag: "McpCallFailed", reason: "Timeout" })
      const hanging = yield* Effect.fork(connection.call("hang", {}))
      yield* printed(connection, "HANGING")
      yield* Fiber.interrupt(hanging)
      yield* printed(connection, "CANCELLED", 2)
      assert.strictEqual(textOf(yield* connection.call("progress", { rounds: 4, every: 100 })), "done")
    }).pipe(
      Effect.scoped,
      Effect.provide(registryWith({ server: { ...misbehaving(), env: { RECORD_CANCELLED: "yes" } } }))
    )
  )

  it.live("does not lose progress that arrives in one chunk with the result", () =>
    Effect.gen(function* () {
      const registry = yield* McpRegistry
      const heard: Array<number> = []
      yield* registry.call(
        "server",
        "burst",
        { reports: 50 },
        { onProgress: ({ progress }) => Effect.sync(() => heard.push(progress)) }
      )
      assert.deepStrictEqual(
        heard,
        Array.from({ length: 50 }, (_, index) => index + 1)
      )
    }).pipe(Effect.provide(registryWith({ server: misbehaving() })))
  )

  it.live("matches answers that come out of order", () =>
    Effect.gen(function* () {
      const registry = yield* McpRegistry
      const results = yield* Effect.all(
        ["first", "second"].map((message) => registry.call("server", "out-of-order", { message })),
        { concurrency: 2 }
      )
      assert.deepStrictEqual(results.map(textOf), ["first", "second"])
    }).pipe(Effect.provide(registryWith({ server: misbehaving() })))
  )

  it.live("connects once for all waiting callers, and keeps connecting when one of them is interrupted", () => {
    const own = marker()
    return Effect.gen(function* () {
      const registry = yield* McpRegistry
      const started = yield* Deferred.make<void>()
      const leaving = yield* Effect.fork(
        Effect.zipRight(Deferred.succeed(started, undefined), registry.tools("server"))
      )
      yield* Deferred.await(started)
      const staying = yield* Effect.fork(registry.tools("server"))
      yield* eventually(() => processesWith(own).length === 1)
      yield* Fiber.interrupt(leaving)
      assert.isNotEmpty(yield* Fiber.join(staying))
      assert.strictEqual(processesWith(own).length, 1)
    }).pipe(Effect.provide(registryWith({ server: misbehaving(own) })))
  })

  it.live("shows the new list after the server says that its tools changed", () =>
    Effect.gen(function* () {
      const registry = yield* McpRegistry
      const connection = yield* registry.connect("server")
      const names = Effect.map(connection.tools, (tools) => tools.map(({ name }) => name))
      assert.notInclude(yield* names, "added")
      yield* connection.call("add-tool", {})
      assert.include(yield* names, "added")
    }).pipe(Effect.scoped, Effect.provide(registryWith({ server: misbehaving() })))
  )

  it.live("closes a server that was not used for a while, and restarts it when it is needed", () =>
    Effect.gen(function* () {
      const { server } = yield* pidsOf("server")
      yield* eventually(() => !isAlive(server))
      assert.notStrictEqual((yield* pidsOf("server")).server, server)
    }).pipe(Effect.provide(registryWith({ server: misbehaving(mark) }, { mcpIdle: Duration.millis(100) })))
  )
})
