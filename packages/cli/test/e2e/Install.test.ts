import { FileSystem, Path } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Client } from "@modelcontextprotocol/sdk/client/index.js"
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js"
import { Effect, Schema } from "effect"
import { patience, platform, world } from "./Harness.ts"

const decode = Schema.decode(
  Schema.parseJson(
    Schema.Record({
      key: Schema.String,
      value: Schema.Record({
        key: Schema.String,
        value: Schema.Struct({ command: Schema.String, args: Schema.mutable(Schema.Array(Schema.String)) })
      })
    })
  )
)

describe("the built program, entered in a client", () => {
  it.scopedLive(
    "starts from its entry without a shell, a search path or a home, and answers",
    () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const path = yield* Path.Path
        const { home, run } = yield* world
        for (const [args, file, section] of [
          [["claude-code"], ".claude.json", "mcpServers"],
          [["vscode", "--scope", "project"], ".vscode/mcp.json", "servers"]
        ] as const) {
          const { code, stderr, stdout } = yield* run(["install", ...args], { XDG_CONFIG_HOME: path.join(home, "x") })
          assert.deepStrictEqual([code, stderr], [0, ""], stdout)
          const entry = (yield* decode(yield* fs.readFileString(path.join(home, file))))[section]?.["lms-bridge"]
          if (entry === undefined) return assert.fail(`no entry in ${file}`)
          const client = new Client({ name: "test", version: "1" })
          yield* Effect.acquireRelease(
            Effect.promise(() => client.connect(new StdioClientTransport({ ...entry, env: { PATH: "", HOME: home } }))),
            () => Effect.promise(() => client.close())
          )
          const { tools } = yield* Effect.promise(() => client.listTools())
          assert.include(
            tools.map(({ name }) => name),
            "autonomous_with_mcp"
          )
          assert.strictEqual((yield* run(["uninstall", ...args])).code, 0)
        }
      }).pipe(Effect.provide(platform)),
    patience
  )

  it.scopedLive(
    "sees servers that stand only in the files of clients, says whose they are, and takes them over",
    () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const path = yield* Path.Path
        const { home, run } = yield* world
        const write = (file: string, value: unknown) => fs.writeFileString(path.join(home, file), JSON.stringify(value))
        yield* write(".claude.json", {
          mcpServers: { memory: { command: "memory" } },
          projects: { [home]: { mcpServers: { here: { command: "here" } } } }
        })
        const own = { MCP_JSON_PATH: "" }
        const alone = yield* run(["mcp", "ls"], own)
        assert.match(alone.stdout, /^SERVER +STATE +TRANSPORT/)
        assert.match(alone.stdout, /^memory /m)
        assert.match(alone.stdout, /^here /m)

        yield* fs.makeDirectory(path.join(home, ".codex"))
        yield* fs.writeFileString(path.join(home, ".codex/config.toml"), '[mcp_servers.docs]\ncommand = "docs"\n')
        const all = yield* run(["mcp", "ls"], { ...own, LMS_BRIDGE_MCP_SOURCES: "all" })
        assert.match(all.stdout, /^memory +missing +Claude Code /m)
        assert.match(all.stdout, /^docs +missing +Codex /m)

        const taken = yield* run(["mcp", "import", "memory", "docs"], own)
        assert.strictEqual(taken.code, 0, taken.stderr)
        assert.include(
          taken.stdout,
          `${path.join(home, ".mcp.json")} comes before ${path.join(home, ".claude.json")}, whose servers are not used now: here.`
        )
        const listed = yield* run(["mcp", "ls", "--json"], own)
        assert.deepStrictEqual(
          JSON.parse(listed.stdout).map(({ name }: { readonly name: string }) => name),
          ["memory", "docs"]
        )
      }).pipe(Effect.provide(platform)),
    patience
  )
})
