import { FileSystem } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { McpRegistry } from "#src/mcp/McpRegistry.ts"
import { Effect, Option } from "effect"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { registryWith, textOf } from "./realServers.ts"

const program = fileURLToPath(new URL("../fixtures/eras-server.mjs", import.meta.url))

/** A server whose era is as it was set last. Each use is by another registry, with the same data folder. */
const makeServer = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const folder = yield* fs.makeTempDirectoryScoped()
  const [era, log, memory] = [join(folder, "era"), join(folder, "log"), join(folder, "eras", "servers.json")]
  const call = (entry: object) =>
    Effect.flatMap(McpRegistry, (registry) => registry.call("it", "echo", {})).pipe(
      Effect.provide(
        registryWith(
          { it: { command: process.execPath, args: [program, era, log], ...entry } },
          { dataDir: Option.some(folder) }
        )
      )
    )
  const played: Array<object> = []
  return {
    fs,
    memory,
    played,
    /** What the server was asked in one use, with its starts, before the call. */
    use: Effect.fnUntraced(function* (now: string, entry: object = {}) {
      yield* fs.writeFileString(era, now)
      yield* fs.writeFileString(log, "")
      const result = yield* call(entry)
      assert.strictEqual(textOf(result), now)
      const lines = (yield* fs.readFileString(log)).trim().split("\n")
      assert.strictEqual(lines.at(-1), "tools/call")
      const revision = lines.at(-2) === "server/discover" ? "2026-07-28" : "2025-11-25"
      played.push({ side: "client", feature: "an era that changes", over: String(result.structured), revision })
      return lines.slice(0, -1).join(", ")
    })
  }
}).pipe(Effect.provide(NodeContext.layer))

describe("a server's process", { timeout: 60_000 }, () => {
  it.scopedLive("is asked to initialize at first, and the next time in the words that it knows", () =>
    Effect.gen(function* () {
      const { fs, memory, use } = yield* makeServer
      assert.strictEqual(yield* use("legacy"), "start, initialize")
      assert.isFalse(yield* fs.exists(memory))
      assert.strictEqual(yield* use("modern"), "start, initialize, server/discover")
      assert.notInclude(yield* fs.readFileString(memory), "echo")
      assert.strictEqual(yield* use("modern"), "start, server/discover")
    })
  )

  it.scopedLive("may change its era between two starts, and none is started to find out", ({ task }) =>
    Effect.gen(function* () {
      const { played, use } = yield* makeServer
      yield* use("modern")
      assert.strictEqual(yield* use("legacy"), "start, server/discover, initialize")
      assert.strictEqual(yield* use("legacy"), "start, initialize")
      assert.strictEqual(yield* use("modern"), "start, initialize, server/discover")
      // for the table in docs/mcp.md
      Object.assign(task.meta, { played })
    })
  )

  it.scopedLive("may have become one that does not answer what it does not know, or ends at it", () =>
    Effect.gen(function* () {
      const { use } = yield* makeServer
      yield* use("modern")
      assert.strictEqual(yield* use("silent"), "start, server/discover, initialize")
      assert.strictEqual(yield* use("silent"), "start, initialize")
      yield* use("modern")
      // it has ended by itself, so it is started anew, as any server is that ended
      assert.strictEqual(yield* use("touchy"), "start, server/discover, start, initialize")
      assert.strictEqual(yield* use("touchy"), "start, initialize")
    })
  )

  it.scopedLive("is asked first as its entry says", () =>
    Effect.gen(function* () {
      const { use } = yield* makeServer
      assert.strictEqual(yield* use("modern", { protocolVersion: "2026-07-28" }), "start, server/discover")
      assert.strictEqual(yield* use("modern", { protocolVersion: "2025-11-25" }), "start, initialize, server/discover")
    })
  )

  for (const broken of ["", "{", '{"version":2,"modern":{"a":"b"}}', "[1]"]) {
    it.scopedLive(`is used with a memory that cannot be read: ${JSON.stringify(broken)}`, () =>
      Effect.gen(function* () {
        const { fs, memory, use } = yield* makeServer
        yield* use("modern")
        yield* fs.writeFileString(memory, broken)
        assert.strictEqual(yield* use("modern"), "start, initialize, server/discover")
        assert.strictEqual(yield* use("modern"), "start, server/discover")
      })
    )
  }
})
