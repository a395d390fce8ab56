import { assert, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Fiber, Option, TestClock } from "effect"
import { path, turns, who, withWorld } from "./registryWorld.ts"

describe("McpRegistry", () => {
  it.effect("lists all entries, usable or not, and starts none of them", () =>
    withWorld(
      (registry, { opened }) =>
        Effect.gen(function* () {
          const servers = yield* registry.servers
          assert.deepStrictEqual(
            servers.map(({ name, problem, state, target, transport }) => [name, transport, target, state, problem]),
            [
              ["good", "stdio", "run --key ***", "usable", undefined],
              [
                "off",
                "stdio",
                "run",
                "disabled",
                `MCP server "off" is disabled. Remove "disabled" from its entry in ${path}, line 1 to use it.`
              ],
              [
                "self",
                "stdio",
                "lms-bridge-mcp",
                "itself",
                'MCP server "self" is lms-bridge itself, so it cannot use it as a server.'
              ],
              [
                "bad",
                "unknown",
                "",
                "invalid",
                `MCP server "bad" (${path}, line 1) cannot be used: "args" must be a list of strings.`
              ],
              [
                "unset",
                "stdio",
                "run ${NOPE}",
                "invalid",
                `MCP server "unset" (${path}, line 1) cannot be used: The environment variable NOPE is not set. Set it, or write \${NOPE}:-default}.`.replace(
                  "${NOPE}:",
                  "${NOPE:"
                )
              ],
              ["remote", "http", "https://host/mcp", "usable", undefined]
            ]
          )
          assert.deepStrictEqual(opened, [])
        }),
      {
        good: { command: "run", args: ["--key", "abc"], env: { SECRET: "s" } },
        off: { command: "run", disabled: true },
        self: { command: "lms-bridge-mcp" },
        bad: { command: "run", args: "x" },
        unset: { command: "run", args: ["${NOPE}"] },
        remote: { url: "https://host/mcp?token=1" }
      }
    )
  )

  it.effect("refuses an unusable entry with the reason, and suggests similar names", () =>
    withWorld(
      (registry, { opened }) =>
        Effect.gen(function* () {
          const unknown = yield* Effect.flip(registry.tools("filesytem"))
          assert.deepInclude(unknown, { _tag: "McpServerNotFound", nearest: ["filesystem"], path })
          assert.include(unknown.message, "Did you mean filesystem?")
          assert.deepInclude(yield* Effect.flip(registry.tools("off")), {
            _tag: "McpEntryUnusable",
            reason: "Disabled"
          })
          assert.deepInclude(yield* Effect.flip(registry.tools("self")), { _tag: "McpEntryUnusable", reason: "Itself" })
          assert.strictEqual((yield* Effect.flip(registry.usable("filesytem")))._tag, "McpServerNotFound")
          assert.strictEqual((yield* Effect.flip(registry.usable("off")))._tag, "McpEntryUnusable")
          yield* registry.usable("filesystem")
          assert.deepStrictEqual(opened, [])
        }),
      { filesystem: { command: "run" }, off: { command: "run", disabled: true }, self: { command: "lms-bridge-mcp" } }
    )
  )

  it.effect("starts nothing inside another bridge", () =>
    withWorld(
      (registry, { opened }) =>
        Effect.gen(function* () {
          const error = yield* Effect.flip(registry.tools("good"))
          assert.deepInclude(error, { _tag: "McpEntryUnusable", reason: "TooDeep" })
          assert.deepStrictEqual(opened, [])
        }),
      { good: { command: "run" } },
      { environment: { LMS_BRIDGE_DEPTH: "1" } }
    )
  )

  it.effect("gives a process the entry's environment and the safe list", () =>
    withWorld(
      (registry, { opened }) =>
        Effect.gen(function* () {
          yield* who(registry, "good")
          assert.deepStrictEqual(opened[0]?.environment, {
            HOME: "/home/me",
            PATH: "/usr/bin:/bin:/usr/local/bin:/opt/homebrew/bin:/home/me/.local/bin",
            TOKEN: "t0ken",
            LMS_BRIDGE_DEPTH: "1"
          })
        }),
      { good: { command: "run", env: { TOKEN: "${MY_TOKEN}" } } },
      { environment: { MY_TOKEN: "t0ken", OTHER: "x" } }
    )
  )

  it.effect("shares one connection, and closes it after the idle time", () =>
    withWorld(
      (registry, { closed, opened }) =>
        Effect.gen(function* () {
          yield* Effect.all([who(registry, "good"), who(registry, "good")], { concurrency: 2 })
          yield* TestClock.adjust("9 seconds")
          yield* who(registry, "good")
          yield* TestClock.adjust("9 seconds")
          assert.deepStrictEqual([opened.length, closed], [1, []])
          assert.isTrue((yield* registry.servers)[0]?.connected)
          yield* TestClock.adjust("1 second")
          yield* turns
          assert.deepStrictEqual(closed, ["run"])
          assert.isFalse((yield* registry.servers)[0]?.connected)
          yield* who(registry, "good")
          assert.strictEqual(opened.length, 2)
        }),
      { good: { command: "run" } },
      { settings: { mcpIdle: Duration.seconds(10) } }
    )
  )

  it.effect("ends a connection on request; the next use opens another", () =>
    withWorld(
      (registry, { closed, opened }) =>
        Effect.gen(function* () {
          yield* registry.disconnect("good")
          assert.deepStrictEqual([opened.length, closed], [0, []])
          yield* who(registry, "good")
          yield* registry.disconnect("good")
          assert.deepStrictEqual([opened.length, closed], [1, ["run"]])
          assert.isFalse((yield* registry.servers)[0]?.connected)
          yield* who(registry, "good")
          assert.strictEqual(opened.length, 2)
          assert.strictEqual((yield* registry.servers)[0]?.restarts, 1)
          assert.deepInclude(yield* Effect.flip(registry.disconnect("goood")), {
            _tag: "McpServerNotFound",
            nearest: ["good"]
          })
        }),
      { good: { command: "run" } }
    )
  )

  it.effect("does not close a server that is held, however long it is silent", () =>
    withWorld(
      (registry, { closed }) =>
        Effect.gen(function* () {
          yield* registry.connect("good")
          yield* TestClock.adjust("1 hour")
          assert.deepStrictEqual(closed, [])
        }).pipe(Effect.scoped),
      { good: { command: "run" } },
      { settings: { mcpIdle: Duration.seconds(10) } }
    )
  )

  it.effect("uses a changed entry at once, finishes calls on the old connection, and leaves other servers alone", () =>
    withWorld(
      (registry, { answers, closed, files, opened }) =>
        Effect.gen(function* () {
          yield* who(registry, "same")
          const running = yield* Effect.fork(registry.call("changing", "hang", {}))
          yield* Effect.repeat(turns, { until: () => answers.length > 0 })
          files.write(path, { mcpServers: { same: { command: "same" }, changing: { command: "new" } } })
          assert.strictEqual(yield* who(registry, "changing"), "new")
          assert.strictEqual(yield* who(registry, "same"), "same")
          assert.deepStrictEqual(closed, [])
          answers[0]?.("from the old one")
          const { content } = yield* Fiber.join(running)
          assert.deepStrictEqual(content, [{ type: "text", text: "from the old one" }])
          yield* turns
          assert.deepStrictEqual(closed, ["old"])
          assert.deepStrictEqual(
            opened.map(({ line }) => line),
            ["same", "old", "new"]
          )
        }),
      { same: { command: "same" }, changing: { command: "old" } }
    )
  )

  it.effect("uses a changed entry for calls within a second", () =>
    withWorld(
      (registry, { files }) =>
        Effect.gen(function* () {
          const call = Effect.map(registry.call("a", "who", {}), ({ content: [part] }) => part)
          assert.deepStrictEqual(yield* call, { type: "text", text: "old" })
          const { stat } = files.asked
          files.write(path, { mcpServers: { a: { command: "new" } } })
          yield* TestClock.adjust("999 millis")
          assert.deepStrictEqual(yield* call, { type: "text", text: "old" })
          assert.strictEqual(files.asked.stat, stat)
          yield* TestClock.adjust("1 millis")
          assert.deepStrictEqual(yield* call, { type: "text", text: "new" })
        }),
      { a: { command: "old" } }
    )
  )

  it.effect("tells the holder of a connection when its entry has changed, and when it is gone", () =>
    withWorld(
      (registry, { files }) =>
        Effect.gen(function* () {
          const { isCurrent } = yield* registry.connect("a")
          assert.isTrue(yield* isCurrent)
          files.write(path, { mcpServers: { a: { command: "new" } } })
          yield* TestClock.adjust("1 second")
          assert.isFalse(yield* isCurrent)
          const renewed = yield* registry.connect("a")
          assert.isTrue(yield* renewed.isCurrent)
          files.write(path, { mcpServers: {} })
          yield* TestClock.adjust("1 second")
          assert.isFalse(yield* renewed.isCurrent)
        }).pipe(Effect.scoped),
      { a: { command: "old" } }
    )
  )

  it.effect("releases a server whose entry was removed or disabled, and uses a new one without a restart", () =>
    withWorld(
      (registry, { closed, files }) =>
        Effect.gen(function* () {
          yield* who(registry, "a")
          yield* who(registry, "b")
          files.write(path, { mcpServers: { b: { command: "b", disabled: true }, c: { command: "c" } } })
          assert.strictEqual(yield* who(registry, "c"), "c")
          yield* turns
          assert.deepStrictEqual(closed.toSorted(), ["a", "b"])
          assert.deepInclude(yield* Effect.flip(registry.tools("a")), { _tag: "McpServerNotFound" })
          assert.deepInclude(yield* Effect.flip(registry.tools("b")), { reason: "Disabled" })
        }),
      { a: { command: "a" }, b: { command: "b" } }
    )
  )

  it.effect("does not restart a server when only the formatting of its entry has changed", () =>
    withWorld(
      (registry, { files, opened }) =>
        Effect.gen(function* () {
          yield* who(registry, "a")
          files.write(path, `// a comment\n{ "mcpServers": { "a": { "command": "a", "autoApprove": [] } } }`)
          yield* who(registry, "a")
          assert.strictEqual(opened.length, 1)
        }),
      { a: { command: "a" } }
    )
  )

  it.effect("fails for one server only", () =>
    withWorld(
      (registry) =>
        Effect.gen(function* () {
          const [bad, good] = yield* Effect.all([Effect.flip(registry.tools("bad")), who(registry, "good")], {
            concurrency: 2
          })
          assert.deepInclude(bad, { _tag: "McpServerUnavailable", server: "bad", reason: "Exited" })
          assert.strictEqual(good, "good")
        }),
      { bad: { command: "broken" }, good: { command: "good" } }
    )
  )

  it.effect("ends a call at its entry's time limit instead of the general one", () =>
    withWorld(
      (registry, { answers }) =>
        Effect.gen(function* () {
          const done = yield* Deferred.make<void>()
          const fiber = yield* registry
            .call("a", "hang", {})
            .pipe(Effect.flip, Effect.ensuring(Deferred.succeed(done, undefined)), Effect.fork)
          yield* Effect.repeat(turns, { until: () => answers.length > 0 })
          yield* TestClock.adjust("5 seconds")
          assert.deepInclude(yield* Fiber.join(fiber), { _tag: "McpCallFailed", reason: "Timeout" })
        }),
      { a: { command: "a", timeout: 5000 } }
    )
  )

  it.effect("has no servers, and no error, where there is no configuration", () =>
    withWorld(
      (registry, { files }) =>
        Effect.gen(function* () {
          files.remove(path)
          assert.deepInclude(yield* Effect.flip(registry.servers), { _tag: "McpConfigInvalid", reason: "NotFound" })
        }),
      {}
    ).pipe(
      Effect.zipRight(
        withWorld(
          (registry) =>
            Effect.gen(function* () {
              assert.deepStrictEqual(yield* registry.servers, [])
              const error = yield* Effect.flip(registry.tools("a"))
              assert.include(error.message, "no mcp.json was found")
            }),
          {},
          { settings: { mcpJsonPath: Option.none() } }
        )
      )
    )
  )
})
