import * as NodeContext from "@effect/platform-node/NodeContext"
import { Command, FileSystem } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { ConfigText } from "@lms-bridge/core/McpConfig"
import { Effect } from "effect"
import { inHome } from "./inHome.ts"

const scoped = Effect.provide(NodeContext.layer)

const start = { command: "/usr/bin/node", args: ["/opt/cli/lms-bridge.js", "serve"] }

const inOneList = { type: "local", command: [start.command, ...start.args], enabled: true }

const desktop = ".config/Claude/claude_desktop_config.json"
const withOthers = `{
  // my servers
  "mcpServers": {
    "files": { "command": "npx", "env": { "TOKEN": "s3cret" } } // keeps its comment
  },
  "globalShortcut": "Ctrl+Space"
}
`

describe("install", () => {
  it.scoped("lists the clients as JSON, and nothing else", () =>
    Effect.gen(function* () {
      const { at, run } = yield* inHome()
      yield* run("install", "cursor")
      const { code, out } = yield* run("install", "--list", "--json")
      assert.strictEqual(code, 0)
      const cursor = { client: "cursor", title: "Cursor", path: at(".cursor/mcp.json"), isHere: true }
      assert.deepInclude(JSON.parse(out), { ...cursor, entries: ["lms-bridge"] })
      const named = yield* run("install", "cursor", "--json")
      assert.strictEqual(named.code, 2)
    }).pipe(scoped)
  )

  for (const [client, file, section, entry] of [
    ["claude-code", ".claude.json", "mcpServers", { type: "stdio", ...start }],
    ["claude-desktop", desktop, "mcpServers", start],
    ["cursor", ".cursor/mcp.json", "mcpServers", start],
    ["vscode", ".config/Code/User/mcp.json", "servers", { type: "stdio", ...start }],
    ["lmstudio", ".lmstudio/mcp.json", "mcpServers", start],
    ["opencode", ".config/opencode/opencode.json", "mcp", inOneList],
    ["gemini", ".gemini/settings.json", "mcpServers", start],
    ["copilot", ".copilot/mcp-config.json", "mcpServers", { type: "local", ...start, tools: ["*"] }],
    ["zed", ".config/zed/settings.json", "context_servers", start],
    ["windsurf", ".codeium/windsurf/mcp_config.json", "mcpServers", start],
    ["cline", ".cline/data/settings/cline_mcp_settings.json", "mcpServers", start],
    ["junie", ".junie/mcp/mcp.json", "mcpServers", start]
  ] as const) {
    it.scoped(`${client}: creates the file, with one entry as this client reads it`, () =>
      Effect.gen(function* () {
        const { read, run } = yield* inHome()
        const { code, out } = yield* run("install", client)
        assert.strictEqual(code, 0)
        assert.deepStrictEqual(JSON.parse(yield* read(file)), { [section]: { "lms-bridge": entry } })
        assert.include(out, 'Added "lms-bridge".')
        assert.include(out, `Undo: lms-bridge uninstall ${client}`)
        const gone = yield* run("uninstall", client)
        assert.strictEqual(gone.code, 0)
        assert.deepStrictEqual(JSON.parse(yield* read(file)), { [section]: {} })
      }).pipe(scoped)
    )
  }

  it.scoped("leaves the rest as it is, keeps a copy, and is undone byte for byte", () =>
    Effect.gen(function* () {
      const { files, read, run } = yield* inHome({ [desktop]: withOthers })
      const { out } = yield* run("install", "claude-desktop", "--env", "LMS_BRIDGE_TOOLSETS=lean")
      assert.strictEqual(
        yield* read(desktop),
        withOthers.replace(
          "} // keeps its comment\n",
          `}, // keeps its comment
    "lms-bridge": {
      "command": "/usr/bin/node",
      "args": [
        "/opt/cli/lms-bridge.js",
        "serve"
      ],
      "env": {
        "LMS_BRIDGE_TOOLSETS": "lean"
      }
    }
`
        )
      )
      assert.notInclude(out, "s3cret")
      assert.match(out, /Copy of the old file: .*claude_desktop_config\.json\.\d{17}\.bak/)
      const [backup] = (yield* files(".config/Claude")).filter((name) => name.endsWith(".bak"))
      assert.strictEqual(yield* read(`.config/Claude/${backup}`), withOthers)
      yield* run("uninstall", "claude-desktop")
      assert.strictEqual(yield* read(desktop), withOthers)
    }).pipe(scoped)
  )

  it.scoped("writes the value of a variable without showing it, and does not show the secrets of a removed entry", () =>
    Effect.gen(function* () {
      const args = ["--token", "abc", "postgres://me:hunter2@h/db"]
      const headers = { Authorization: "Bearer xyz" }
      const old = { command: "node", args, env: { X: "old one" }, headers, url: "https://me:pw@host/mcp?k=v" }
      const file = ".cursor/mcp.json"
      const { read, run } = yield* inHome({ [file]: JSON.stringify({ mcpServers: { "lms-bridge": old } }, null, 2) })
      const asked = ["--env", "LM_API_TOKEN=s3cret", "--env", "lower=even this"]
      const { out } = yield* run("install", "cursor", "--force", ...asked)
      assert.include(yield* read(file), "s3cret")
      for (const secret of ["s3cret", "even this", "hunter2", "old one", "xyz", "pw@", "k=v", '"abc"']) {
        assert.notInclude(out, secret)
      }
      assert.include(out, '"LM_API_TOKEN": "***"')
      assert.include(out, '"command": "/usr/bin/node"')
      const { err } = yield* run("install", "cursor", "--env", "s3cret")
      assert.notInclude(err, "s3cret")
    }).pipe(scoped)
  )

  it.scoped("done twice changes nothing, and says so", () =>
    Effect.gen(function* () {
      const { files, read, run } = yield* inHome({ [desktop]: withOthers })
      yield* run("install", "claude-desktop")
      const before = [yield* read(desktop), yield* files(".config/Claude")]
      const { code, out } = yield* run("install", "claude-desktop")
      assert.strictEqual(code, 0)
      assert.include(out, "is already there; nothing was changed")
      assert.deepStrictEqual([yield* read(desktop), yield* files(".config/Claude")], before)
    }).pipe(scoped)
  )

  it.scoped("shows the change and writes nothing with --dry-run", () =>
    Effect.gen(function* () {
      const { files, read, run } = yield* inHome({ [desktop]: withOthers })
      const { code, out } = yield* run("install", "claude-desktop", "--dry-run")
      assert.strictEqual(code, 0)
      assert.include(out, '@@ line 5 @@\n+    "lms-bridge": {\n+      "command": "/usr/bin/node",')
      assert.include(out, "Nothing was written.")
      assert.strictEqual(yield* read(desktop), withOthers)
      assert.lengthOf(yield* files(".config/Claude"), 1)
    }).pipe(scoped)
  )

  it.scoped("updates an old entry of its own, and keeps what was added to it", () =>
    Effect.gen(function* () {
      const old = { command: "node", args: ["/old/lms-bridge-mcp.js"], env: { LMSTUDIO_PORT: "4321" } }
      const file = ".cursor/mcp.json"
      const { read, run } = yield* inHome({ [file]: JSON.stringify({ mcpServers: { "lms-bridge": old } }, null, 2) })
      const { out } = yield* run("install", "cursor")
      assert.deepStrictEqual(JSON.parse(yield* read(file)), {
        mcpServers: { "lms-bridge": { ...start, env: old.env } }
      })
      assert.match(out, /Changed "lms-bridge"\.[^]*Undo: cp \S+\.bak \S+mcp\.json/)
    }).pipe(scoped)
  )

  it.scoped("prints an undo command that a shell understands, whatever the folder is called", () =>
    Effect.gen(function* () {
      const before = JSON.stringify({
        mcpServers: { "lms-bridge": { command: "node", args: ["/old/lms-bridge-mcp.js"] } }
      })
      const { read, run } = yield* inHome({ ".cursor/mcp.json": before }, "it's $HOME ")
      const { out } = yield* run("install", "cursor")
      const undo = /Undo: (cp .*)/.exec(out)?.[1] ?? ""
      assert.strictEqual(yield* Command.exitCode(Command.make("sh", "-c", undo)), 0)
      assert.strictEqual(yield* read(".cursor/mcp.json"), before)
    }).pipe(scoped)
  )

  it.scoped("leaves another program's entry of that name alone, unless forced", () =>
    Effect.gen(function* () {
      const file = ".cursor/mcp.json"
      const text = '{"mcpServers":{"lms-bridge":{"url":"https://example.org"}}}'
      const { read, run } = yield* inHome({ [file]: text })
      for (const command of ["install", "uninstall"]) {
        const { code, err } = yield* run(command, "cursor")
        assert.strictEqual(code, 1)
        assert.include(err, 'has a server "lms-bridge" that is not lms-bridge. Choose another --name, or use --force.')
      }
      assert.strictEqual(yield* read(file), text)
      yield* run("install", "cursor", "--force")
      assert.deepStrictEqual(JSON.parse(yield* read(file)), { mcpServers: { "lms-bridge": start } })
    }).pipe(scoped)
  )

  it.scoped("mentions another entry that starts it, too", () =>
    Effect.gen(function* () {
      const { run } = yield* inHome({ ".cursor/mcp.json": '{"mcpServers":{"local":{"command":"lms-bridge-mcp"}}}' })
      assert.include((yield* run("install", "cursor")).out, 'The entry "local" starts lms-bridge, too')
    }).pipe(scoped)
  )

  it.scoped("refuses a broken file with its line, and does not touch it", () =>
    Effect.gen(function* () {
      const broken = '{\n  "mcpServers": {\n    "a": {}\n    "b": {}\n  }\n}\n'
      const { at, files, read, run } = yield* inHome({ [desktop]: broken })
      const { code, err } = yield* run("install", "claude-desktop")
      assert.strictEqual(code, 1)
      assert.strictEqual(
        err,
        `lms-bridge: ${at(desktop)}, line 4: A comma is missing. Nothing was changed. Correct the file first.`
      )
      assert.strictEqual(yield* read(desktop), broken)
      assert.lengthOf(yield* files(".config/Claude"), 1)
    }).pipe(scoped)
  )

  it.scoped("writes a UTF-16 file as UTF-16, even if other names occur in it twice", () =>
    Effect.gen(function* () {
      const { at, run } = yield* inHome({ ".cursor/mcp.json": "" })
      const fs = yield* FileSystem.FileSystem
      const text = '{ "mcpServers": { "wiki": { "command": "grün" }, "wiki": { "command": "b" } } }'
      const format = { encoding: "utf-16le", marked: true } as const
      yield* fs.writeFile(at(".cursor/mcp.json"), ConfigText.encode(text, format))
      assert.strictEqual((yield* run("install", "cursor")).code, 0)
      const written = ConfigText.decode(yield* fs.readFile(at(".cursor/mcp.json")))
      assert.deepInclude(written, format)
      assert.include(written.text, '"command": "grün"')
      assert.hasAllKeys(JSON.parse(written.text), ["mcpServers"])
      assert.deepStrictEqual(Object.keys((JSON.parse(written.text) as { mcpServers: object }).mcpServers), [
        "wiki",
        "lms-bridge"
      ])
      assert.strictEqual((yield* run("uninstall", "cursor")).code, 0)
      assert.strictEqual(ConfigText.decode(yield* fs.readFile(at(".cursor/mcp.json"))).text, text)
    }).pipe(scoped)
  )

  it.scoped("does not write a file with unreadable characters, or with its own name twice", () =>
    Effect.gen(function* () {
      const { at, read, run } = yield* inHome({ ".cursor/mcp.json": "" })
      const fs = yield* FileSystem.FileSystem
      const latin = Uint8Array.from([...'{ "x": "gr\u00fcn" }'].map((sign) => sign.charCodeAt(0)))
      yield* fs.writeFile(at(".cursor/mcp.json"), latin)
      const odd = yield* run("install", "cursor")
      assert.notStrictEqual(odd.code, 0)
      assert.include(odd.err, "Save it as UTF-8")
      assert.deepStrictEqual(yield* fs.readFile(at(".cursor/mcp.json")), latin)
      const twice = '{ "mcpServers": { "lms-bridge": { "command": "lms-bridge-mcp" },\n"lms-bridge": {} } }'
      yield* fs.writeFileString(at(".cursor/mcp.json"), twice)
      const refused = yield* run("install", "cursor", "--force")
      assert.include(refused.err, 'line 2: "lms-bridge" occurs twice; keep one of them.')
      assert.strictEqual(yield* read(".cursor/mcp.json"), twice)
    }).pipe(scoped)
  )

  it.scoped("writes through a link, and leaves it a link", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const { at, read, run } = yield* inHome({ "dotfiles/mcp.json": "{}", ".cursor/x": "" })
      yield* fs.chmod(at("dotfiles/mcp.json"), 0o640)
      yield* fs.symlink("../dotfiles/mcp.json", at(".cursor/mcp.json"))
      yield* run("install", "cursor")
      assert.strictEqual(yield* fs.readLink(at(".cursor/mcp.json")), "../dotfiles/mcp.json")
      assert.deepStrictEqual(JSON.parse(yield* read("dotfiles/mcp.json")), { mcpServers: { "lms-bridge": start } })
      assert.strictEqual((yield* fs.stat(at("dotfiles/mcp.json"))).mode & 0o777, 0o640)
    }).pipe(scoped)
  )

  it.scoped("says which values are invalid", () =>
    Effect.gen(function* () {
      const { run } = yield* inHome()
      for (const [args, code, says] of [
        [["lmstudio", "--scope", "project"], 1, "LM Studio has no project files. Use --scope user."],
        [["emacs"], 2, "claude-code"],
        [["cursor", "--name", "a b"], 2, '--name is "a b"'],
        [["cursor", "--env", "X"], 2, "must be NAME=VALUE"]
      ] as const) {
        const ended = yield* run("install", ...args)
        assert.strictEqual(ended.code, code, args.join(" "))
        assert.include(ended.err, says)
      }
      assert.include((yield* run("uninstall", "cursor")).out, "is not there; nothing was changed")
    }).pipe(scoped)
  )
})
