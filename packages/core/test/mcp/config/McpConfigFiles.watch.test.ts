import { assert, describe, it } from "@effect/vitest"
import type * as McpConfigFiles from "#src/mcp/config/McpConfigFiles.ts"
import { type Duration, Effect, Fiber, Option, Stream, TestClock } from "effect"
import { config, type Files, names, withFiles } from "../withFiles.ts"

/** Waits until the watch has reported its events. */
const turns = Effect.promise(() => new Promise((resolve) => setImmediate(resolve))).pipe(Effect.repeatN(5))

const passes = (time: Duration.DurationInput) => Effect.zipRight(turns, Effect.zipRight(TestClock.adjust(time), turns))

describe("McpConfigFiles, while the files are watched", () => {
  const watched = { watchable: true, prepare: (files: Files) => files.write("/home/me/.mcp.json", config("a")) }
  /** A single use needs no watch, and a watch that has only just begun is not relied on. */
  const settle = (configuration: McpConfigFiles.McpConfigFiles) =>
    Effect.replicateEffect(configuration.current, 2).pipe(
      Effect.zipRight(passes("100 millis")),
      Effect.zipRight(configuration.current)
    )

  it.effect("checks nothing that has not changed, except once a second", () =>
    withFiles(
      (files, configuration) =>
        Effect.gen(function* () {
          yield* settle(configuration)
          const { stat } = files.asked
          yield* Effect.replicateEffect(configuration.current, 100)
          yield* TestClock.adjust("999 millis")
          yield* configuration.current
          assert.deepStrictEqual(files.asked, { stat, read: 1 })
          yield* TestClock.adjust("1 millis")
          yield* configuration.current
          assert.isAbove(files.asked.stat, stat)
          assert.strictEqual(files.asked.read, 1)
        }),
      watched
    )
  )

  it.effect("detects a write, a rename over the file, and two writes within one clock tick", () =>
    withFiles(
      (files, configuration) =>
        Effect.gen(function* () {
          yield* settle(configuration)
          files.write("/home/me/.mcp.json", config("b"))
          yield* turns
          assert.deepStrictEqual((yield* names(configuration)).servers, ["b"])
          files.replace("/home/me/.mcp.json", config("c"))
          yield* turns
          assert.deepStrictEqual((yield* names(configuration)).servers, ["c"])
          files.overwrite("/home/me/.mcp.json", config("d"))
          yield* turns
          assert.deepStrictEqual((yield* names(configuration)).servers, ["d"])
        }),
      watched
    )
  )

  it.effect("detects a new file of higher precedence within a second, although its folder did not exist", () =>
    withFiles(
      (files, configuration) =>
        Effect.gen(function* () {
          yield* settle(configuration)
          files.write("/home/me/.lmstudio/mcp.json", config("first"))
          yield* TestClock.adjust("1 second")
          assert.deepStrictEqual((yield* names(configuration)).servers, ["first"])
        }),
      watched
    )
  )

  it.effect("reports the effect of a change, once for several steps, and not at all for a comment", () =>
    withFiles(
      (files, configuration, logged) =>
        Effect.gen(function* () {
          const told = yield* Effect.fork(Stream.runCollect(Stream.take(configuration.changes, 3)))
          yield* TestClock.adjust("100 millis")
          files.write("/home/me/.mcp.json", "")
          files.write("/home/me/.mcp.json", { mcpServers: { a: { command: "other" }, b: { command: "b" } } })
          yield* passes("100 millis")
          files.write(
            "/home/me/.mcp.json",
            `// a comment\n${JSON.stringify({ mcpServers: { a: { command: "other" }, b: { command: "b" } } })}`
          )
          yield* passes("100 millis")
          files.write("/home/me/.mcp.json", '{ "mcpServers": {')
          yield* passes("100 millis")
          files.write("/home/me/.mcp.json", config("b"))
          yield* passes("100 millis")
          const [first, second, third] = yield* Fiber.join(told)
          assert.deepStrictEqual(first, { added: ["b"], changed: ["a"], removed: [], problems: [] })
          assert.deepInclude(second, { added: [], changed: [], removed: [] })
          assert.include(second?.problems[0], "line 1")
          assert.deepStrictEqual(third, { added: [], changed: [], removed: ["a"], problems: [] })
          assert.strictEqual(logged.filter((line) => line.endsWith("Its last good version stays in use.")).length, 1)
        }),
      watched
    )
  )

  it.effect("reports changes within seconds on a disk without change events", () =>
    withFiles(
      (files, configuration) =>
        Effect.gen(function* () {
          const told = yield* Effect.fork(Stream.runHead(configuration.changes))
          yield* TestClock.adjust("100 millis")
          files.write("/home/me/.mcp.json", config("b"))
          yield* passes("5 seconds")
          assert.deepInclude(Option.getOrThrow(yield* Fiber.join(told)), { added: ["b"], removed: ["a"] })
        }),
      { ...watched, watchable: false }
    )
  )

  it.effect("stops watching with its scope", () =>
    Effect.suspend(() => {
      const seen: Array<Files> = []
      return withFiles(
        (files, configuration) =>
          Effect.zipRight(
            settle(configuration),
            Effect.sync(() => {
              seen.push(files)
              assert.isAbove(files.watchers.size, 0)
            })
          ),
        watched
      ).pipe(Effect.zipRight(Effect.sync(() => assert.strictEqual(seen[0]?.watchers.size, 0))))
    })
  )
})
