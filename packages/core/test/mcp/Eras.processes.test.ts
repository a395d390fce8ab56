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
    /** What the server was asked in one use, with its starts: before the call, and beside it. */
    use: Effect.fnUntraced(function* (now: string, entry: object = {}) {
      yield* fs.writeFileString(era, now)
      yield* fs.writeFileString(log, "")
      const result = yield* call(entry)
      assert.strictEqual(textOf(result), now)
      const lines = (yield* fs.readFileString(log)).trim().split("\n")
      const greeting = lines.slice(0, lines.indexOf("tools/call"))
      const { over, revision } = result.structured as { readonly over: string; readonly revision: string }
      played.push({ side: "client", feature: "an era that changes", over, revision })
      // what is asked beside a greeting in the older words is asked at once, and not waited for
      const isBeside = revision === "2025-11-25" && greeting.at(-1) === "server/discover"
      return (isBeside ? [...greeting.slice(0, -1), "beside"] : greeting).join(", ")
    })
  }
}).pipe(Effect.provide(NodeContext.layer))

describe("a server's process", { timeout: 60_000 }, () => {
  it.scopedLive("is asked in words that both eras answer, and the next time in those that it knows", () =>
    Effect.gen(function* () {
      const { fs, memory, use } = yield* makeServer
      assert.strictEqual(yield* use("legacy"), "start, initialize in both, beside")
      assert.isFalse(yield* fs.exists(memory))
      assert.strictEqual(yield* use("modern"), "start, initialize in both, server/discover")
      assert.notInclude(yield* fs.readFileString(memory), "echo")
      assert.strictEqual(yield* use("modern"), "start, server/discover")
    })
  )

  it.scopedLive(
    "that knows both eras is used in the new one: at once where it says so, else from the next time on",
    () =>
      Effect.gen(function* () {
        const { use } = yield* makeServer
        assert.strictEqual(yield* use("both"), "start, initialize in both, server/discover")
        assert.strictEqual(yield* use("both"), "start, server/discover")
        yield* use("legacy")
        assert.strictEqual(yield* use("both"), "start, initialize in both, server/discover")

        const other = yield* makeServer
        assert.strictEqual(yield* other.use("handshake"), "start, initialize in both, beside")
        assert.strictEqual(yield* other.use("handshake"), "start, server/discover")
      })
  )

  it.scopedLive("may change its era between two starts, and none is started to find out", ({ task }) =>
    Effect.gen(function* () {
      const { played, use } = yield* makeServer
      yield* use("modern")
      assert.strictEqual(yield* use("legacy"), "start, server/discover, initialize")
      assert.strictEqual(yield* use("legacy"), "start, initialize in both")
      assert.strictEqual(yield* use("modern"), "start, initialize in both, server/discover")
      // for the table in docs/mcp.md
      Object.assign(task.meta, { played })
    })
  )

  it.scopedLive("may have become one that does not answer what it does not know, or ends at it", () =>
    Effect.gen(function* () {
      const { use } = yield* makeServer
      yield* use("modern")
      assert.strictEqual(yield* use("silent"), "start, server/discover, initialize")
      assert.strictEqual(yield* use("silent"), "start, initialize in both")
      yield* use("modern")
      // it has ended by itself, so it is started anew, as any server is that ended
      assert.strictEqual(yield* use("touchy"), "start, server/discover, start, initialize in both")
      assert.strictEqual(yield* use("touchy"), "start, initialize in both")
    })
  )

  it.scopedLive("that does not answer words of both eras, or refuses them, is asked in the old ones alone", () =>
    Effect.gen(function* () {
      const { use } = yield* makeServer
      assert.strictEqual(yield* use("deaf"), "start, initialize in both, initialize, beside")
      // which costs time once
      assert.strictEqual(yield* use("deaf"), "start, initialize, beside")
      assert.strictEqual(yield* use("strict"), "start, initialize, beside")
      const other = yield* makeServer
      assert.strictEqual(yield* other.use("strict"), "start, initialize in both, initialize, beside")
    })
  )

  it.scopedLive("that only echoes what it is asked is taken at its word once", () =>
    Effect.gen(function* () {
      const { use } = yield* makeServer
      assert.strictEqual(yield* use("echoing"), "start, initialize in both, beside")
      assert.strictEqual(yield* use("echoing"), "start, server/discover, initialize")
      assert.strictEqual(yield* use("echoing"), "start, initialize in both")
      assert.strictEqual(yield* use("echoing"), "start, initialize in both")
    })
  )

  it.scopedLive("is asked first as its entry says", () =>
    Effect.gen(function* () {
      const { fs, memory, use } = yield* makeServer
      assert.strictEqual(yield* use("modern", { protocolVersion: "2026-07-28" }), "start, server/discover")
      assert.strictEqual(yield* use("modern", { protocolVersion: "2025-11-25" }), "start, initialize, server/discover")
      assert.strictEqual(yield* use("both", { protocolVersion: "2025-11-25" }), "start, initialize")
      assert.isFalse(yield* fs.exists(memory))
    })
  )

  for (const broken of ["", "{", '{"version":1,"modern":["a"]}', '{"version":2,"servers":{"a":"b"}}', "[1]"]) {
    it.scopedLive(`is used with a memory that cannot be read: ${JSON.stringify(broken)}`, () =>
      Effect.gen(function* () {
        const { fs, memory, use } = yield* makeServer
        yield* use("modern")
        yield* fs.writeFileString(memory, broken)
        assert.strictEqual(yield* use("modern"), "start, initialize in both, server/discover")
        assert.strictEqual(yield* use("modern"), "start, server/discover")
      })
    )
  }
})
