import { assert, describe, it } from "@effect/vitest"
import { McpRegistry } from "#src/mcp/McpRegistry.ts"
import { Effect, Predicate, Schedule } from "effect"
import { mkdtempSync, realpathSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { misbehaving, official, registryWith, textOf } from "./realServers.ts"

describe("McpRegistry with official servers", () => {
  it.live("calls the tools of server-everything and keeps every kind of content", () =>
    Effect.gen(function* () {
      const registry = yield* McpRegistry
      const tools = yield* registry.tools("everything")
      assert.include(
        tools.map(({ name }) => name),
        "get-structured-content"
      )
      assert.strictEqual(textOf(yield* registry.call("everything", "echo", { message: "hello" })), "Echo: hello")
      const weather = yield* registry.call("everything", "get-structured-content", { location: "New York" })
      assert.isTrue(Predicate.hasProperty(weather.structured, "temperature"))
      const image = yield* registry.call("everything", "get-tiny-image", {})
      assert.isTrue(image.content.some((part) => part.type === "image" && part.mimeType === "image/png"))
      const links = yield* registry.call("everything", "get-resource-links", { count: 2 })
      assert.strictEqual(links.content.filter((part) => part.type === "resource_link").length, 2)
    }).pipe(Effect.provide(registryWith({ everything: official("server-everything", "stdio") })))
  )

  it.live("reports the progress of a long call", () =>
    Effect.gen(function* () {
      const registry = yield* McpRegistry
      const heard: Array<number> = []
      yield* registry.call(
        "everything",
        "trigger-long-running-operation",
        { duration: 1, steps: 3 },
        { onProgress: ({ progress }) => Effect.sync(() => heard.push(progress)) }
      )
      assert.deepStrictEqual(heard, [1, 2, 3])
    }).pipe(Effect.provide(registryWith({ everything: official("server-everything", "stdio") })))
  )

  it.live("reads a file through server-filesystem, and reports its refusal as a result", () => {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), "lms-bridge-")))
    writeFileSync(join(folder, "note.txt"), "buy milk")
    return Effect.gen(function* () {
      const registry = yield* McpRegistry
      const read = yield* registry.call("files", "read_text_file", { path: join(folder, "note.txt") })
      assert.strictEqual(textOf(read), "buy milk")
      const refused = yield* registry.call("files", "read_text_file", { path: "/etc/passwd" })
      assert.isTrue(refused.isError)
    }).pipe(Effect.provide(registryWith({ files: official("server-filesystem", folder) })))
  })

  it.live("tells server-filesystem the folders of its holders, which are then its working folders", () => {
    const folder = (name: string) => realpathSync(mkdtempSync(join(tmpdir(), name)))
    const [mine, yours] = [folder("lms bridge-"), folder("lms#bridge-")]
    return Effect.gen(function* () {
      const registry = yield* McpRegistry
      const connection = yield* registry.connect("files", { folders: [mine] })
      const allowed = Effect.map(connection.call("list_allowed_directories", {}), textOf)
      yield* Effect.repeat(allowed, { until: (text) => text.includes(mine), schedule: Schedule.spaced("10 millis") })
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* registry.connect("files", { folders: [yours] })
          yield* Effect.repeat(allowed, {
            until: (text) => text.includes(mine) && text.includes(yours),
            schedule: Schedule.spaced("10 millis")
          })
        })
      )
      yield* Effect.repeat(allowed, { until: (text) => !text.includes(yours), schedule: Schedule.spaced("10 millis") })
    }).pipe(Effect.scoped, Effect.provide(registryWith({ files: official("server-filesystem") })))
  })

  it.live("holds separate connections to several servers at once", () =>
    Effect.gen(function* () {
      const registry = yield* McpRegistry
      const [memory, everything] = yield* Effect.all([registry.tools("memory"), registry.tools("everything")], {
        concurrency: 2
      })
      assert.isTrue(memory.every(({ server }) => server === "memory"))
      assert.include(
        memory.map(({ name }) => name),
        "create_entities"
      )
      assert.isTrue(everything.every(({ server }) => server === "everything"))
      const servers = yield* registry.servers
      assert.deepStrictEqual(
        servers.map(({ connected, name }) => [name, connected]),
        [
          ["memory", true],
          ["everything", true],
          ["idle", false]
        ]
      )
    }).pipe(
      Effect.provide(
        registryWith({
          memory: {
            ...official("server-memory"),
            env: { MEMORY_FILE_PATH: join(mkdtempSync(join(tmpdir(), "lms-bridge-")), "memory.json") }
          },
          everything: official("server-everything", "stdio"),
          idle: misbehaving()
        })
      )
    )
  )
})
