import { assert, describe, it } from "@effect/vitest"
import { AgentTask } from "#src/agent/AgentTask.ts"
import { presets } from "#src/agent/presets/Preset.ts"
import { Presets } from "#src/agent/presets/Presets.ts"
import { FolderRefused } from "#src/machine/WorkingFolder.ts"
import { WorkingFolders } from "#src/machine/WorkingFolders.ts"
import { Settings, type Values } from "#src/configuration/Settings.ts"
import { McpRegistry, type ServerSummary } from "#src/mcp/McpRegistry.ts"
import * as MemoryFileSystem from "@lms-bridge/testing/MemoryFileSystem"
import { Effect, Layer, Option, Redacted, Schema } from "effect"

const entry = (name: string, target: string, state: ServerSummary["state"] = "usable"): ServerSummary => ({
  name,
  transport: "stdio",
  target,
  envNames: [],
  source: "/mcp.json",
  state,
  connected: false
})

const layer = (servers: ReadonlyArray<ServerSummary> = [], settings: Partial<Values> = {}) =>
  Presets.layer.pipe(
    Layer.provide(Layer.mock(McpRegistry, { servers: Effect.succeed(servers) })),
    Layer.provide(
      Layer.mock(WorkingFolders, {
        resolve: (folders) =>
          folders.includes("/etc")
            ? new FolderRefused({ folder: "/etc", reason: "System" })
            : Effect.succeed(folders.length === 0 ? ["/home/me"] : folders)
      })
    ),
    Layer.provide(MemoryFileSystem.layer()),
    Layer.provide(Settings.layerWith({ dataDir: Option.some("/data"), ...settings }))
  )

const use = (...args: Parameters<(typeof Presets.Service)["use"]>) =>
  Effect.flatMap(Presets, (presets) => presets.use(...args))

const encode = Schema.encodeSync(Schema.parseJson(AgentTask.pick("servers", "definedServers")))

const before = ["-y", "--before", "2026-11-21T00:00:00Z"]

describe("Presets", () => {
  it("installs the same packages for ever: an exact version, and a date for all that lies beneath it", () => {
    const date = /^\d{4}-\d\d-\d\dT00:00:00Z$/
    for (const { args, command, name } of Object.values(presets)) {
      const option = command === "npx" ? "--before" : "--exclude-newer"
      assert.match(args[args.indexOf(option) + 1] ?? "", date, name)
      assert.match(args.at(-1) ?? "", /^(?:@[a-z-]+\/)?[a-z-]+@\d+\.\d+\.\d+$/, name)
      if (command === "npx") continue
      assert.strictEqual(command, "uvx", name)
      assert.match(args[args.indexOf("--python") + 1] ?? "", /^>=3\.\d+,<3\.\d+$/, name)
    }
  })

  it.effect("starts a file server for the folders of the task, whatever the user has configured", () =>
    Effect.gen(function* () {
      const { task } = yield* use("filesystem", { folders: ["/a", "/b"] })
      assert.deepStrictEqual(task.workingFolders, ["/a", "/b"])
      assert.deepStrictEqual(task.servers, { _tag: "None" })
      assert.deepStrictEqual(task.definedServers, [
        {
          name: "filesystem",
          command: "npx",
          args: [...before, "@modelcontextprotocol/server-filesystem@2026.8.31", "/a", "/b"],
          startMillis: 180_000
        }
      ])
      assert.strictEqual((yield* Effect.flip(use("filesystem", { folders: ["/etc"] })))._tag, "FolderRefused")
    }).pipe(Effect.provide(layer([entry("files", "npx -y @modelcontextprotocol/server-filesystem /home")])))
  )

  it.effect("uses the user's own server of the same kind, however it is started", () =>
    Effect.forEach(
      [
        ["memory", "npx -y @modelcontextprotocol/server-memory@0.6.3"],
        ["memory", "node /opt/node_modules/@modelcontextprotocol/server-memory/dist/index.js"],
        ["fetch", "uvx mcp-server-fetch --ignore-robots-txt"],
        ["fetch", "python -m mcp_server_fetch"],
        ["fetch", "docker run -i --rm mcp/fetch"],
        ["github", "docker run -i ghcr.io/github/github-mcp-server"],
        ["github", "https://api.githubcopilot.com/mcp/"]
      ] as const,
      ([name, target]) =>
        Effect.gen(function* () {
          const { task } = yield* use(name)
          assert.deepStrictEqual(task, { servers: { _tag: "Named", names: ["mine"] } }, target)
        }).pipe(Effect.provide(layer([entry("other", "npx my-memory-of-github"), entry("mine", target)])))
    )
  )

  it.effect("starts a server of its own, with a persistent file, when the user's cannot be used", () =>
    Effect.gen(function* () {
      const { task } = yield* use("memory")
      assert.deepStrictEqual(task.definedServers?.[0], {
        name: "memory",
        command: "npx",
        args: [...before, "@modelcontextprotocol/server-memory@2026.8.31"],
        startMillis: 180_000,
        env: { MEMORY_FILE_PATH: "${MEMORY_FILE_PATH:-/data/servers/memory.jsonl}" }
      })
    }).pipe(Effect.provide(layer([entry("memory", "npx @modelcontextprotocol/server-memory", "disabled")])))
  )

  it.effect("passes the token beside the task, preferring the caller's", () =>
    Effect.gen(function* () {
      const configured = yield* use("github")
      assert.deepStrictEqual(configured.secrets["GITHUB_PERSONAL_ACCESS_TOKEN"], Redacted.make("ghp_configured"))
      const given = yield* use("github", { token: Redacted.make("ghp_given") })
      assert.deepStrictEqual(given.secrets["GITHUB_PERSONAL_ACCESS_TOKEN"], Redacted.make("ghp_given"))
      assert.notInclude(encode(given.task) + encode(configured.task), "ghp_")
    }).pipe(Effect.provide(layer([], { githubToken: Option.some(Redacted.make("ghp_configured")) })))
  )

  it.effect("says how to provide a token when there is none", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* Effect.flip(use("github", { token: Redacted.make("   ") })))._tag, "TokenMissing")
      assert.strictEqual(
        (yield* Effect.flip(use("github"))).message,
        "The github server needs a token. Set GITHUB_PERSONAL_ACCESS_TOKEN where lms-bridge is started, or configure a github server in mcp.json."
      )
    }).pipe(Effect.provide(layer()))
  )
})
