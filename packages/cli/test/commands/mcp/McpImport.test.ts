import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { withTarget } from "../withTarget.ts"

const importing = (files: Readonly<Record<string, string>>) => withTarget(["mcp", "import"], files)

const servers = (members: Readonly<Record<string, unknown>>, section = "mcpServers") =>
  JSON.stringify({ [section]: members })

const token = "ghp_0123456789abcdefghijABCDEFGHIJ012345"

const claude = servers({
  files: { type: "stdio", command: "npx", args: ["-y", "@modelcontextprotocol/server-filesystem", "."] },
  github: { command: "npx", args: ["gh-mcp"], env: { GITHUB_TOKEN: token, LOG_LEVEL: "info" } },
  bridge: { command: "npx", args: ["-y", "-p", "lms-bridge", "lms-bridge-mcp"] },
  off: { command: "off", disabled: true },
  broken: { comand: "x" }
})

describe("mcp import", () => {
  it.scoped("takes what every client has in its own words, and neither itself nor what is switched off or broken", () =>
    Effect.gen(function* () {
      const {
        run,
        servers: written,
        target
      } = yield* importing({
        ".claude.json": claude,
        ".cursor/mcp.json": servers({ web: { url: "https://example.org/mcp" } }),
        ".config/Code/User/mcp.json": servers({ notes: { type: "stdio", command: "notes" } }, "servers"),
        ".codex/config.toml": '[mcp_servers.docs]\ncommand = "docs"\nargs = ["-v"]\nstartup_timeout_sec = 20\n',
        ".config/goose/config.yaml":
          "extensions:\n  yaml:\n    type: stdio\n    cmd: goose-server\n    args: []\n    enabled: true\n",
        ".config/opencode/opencode.json": servers({ open: { type: "local", command: ["open", "-x"] } }, "mcp"),
        ".gemini/settings.json": servers({ gem: { httpUrl: "https://$GEM_HOST/mcp", cwd: "${userHome}" } })
      })
      const { code, out } = yield* run()
      assert.strictEqual(code, 0)
      assert.deepStrictEqual(yield* written, {
        files: { command: "npx", args: ["-y", "@modelcontextprotocol/server-filesystem", "."] },
        github: {
          command: "npx",
          args: ["gh-mcp"],
          env: { GITHUB_TOKEN: "${env:GITHUB_TOKEN}", LOG_LEVEL: "info" }
        },
        web: { url: "https://example.org/mcp" },
        notes: { command: "notes", args: [] },
        docs: { command: "docs", args: ["-v"], startTimeout: 20_000 },
        gem: { type: "http", url: "https://${GEM_HOST}/mcp" },
        yaml: { command: "goose-server", args: [] },
        open: { command: "open", args: ["-x"] }
      })
      assert.include(out, `Took 8 servers over into ${target}.`)
      assert.include(out, "Not set here: GITHUB_TOKEN, GEM_HOST.")
      assert.match(out, /bridge +left +Claude Code .*it is lms-bridge itself/)
      assert.match(out, /off +left .*it is switched off there/)
      assert.match(out, /broken +left .*neither a "command" to start nor a "url"/)
      assert.notInclude(out, token)
      const again = yield* run()
      assert.include(again.out, `Nothing was changed in ${target}.`)
      assert.match(again.out, /github +left .*it is already there/)
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scoped("carries secrets by variables, says which are not set, and copies them only when told to", () =>
    Effect.gen(function* () {
      const files = {
        ".claude.json": servers({
          a: { command: "a", args: ["--api-key", token], env: { API_TOKEN: "one-secret-of-8", ROOT: "/d" } },
          b: { command: "b", env: { API_TOKEN: "another-secret-9" } },
          web: { url: "https://example.org/mcp", headers: { Authorization: `Bearer ${token}`, Accept: "text/plain" } }
        })
      }
      const { servers: written, within } = yield* importing(files)
      const { out } = yield* within({ API_TOKEN: "one-secret-of-8", B_API_TOKEN: "else" })
      assert.deepStrictEqual(yield* written, {
        a: {
          command: "a",
          args: ["--api-key", "${env:A_API_KEY}"],
          env: { API_TOKEN: "${env:API_TOKEN}", ROOT: "/d" }
        },
        b: { command: "b", args: [], env: { API_TOKEN: "${env:B_API_TOKEN}" } },
        web: {
          url: "https://example.org/mcp",
          headers: { Authorization: "Bearer ${env:WEB_AUTHORIZATION}", Accept: "text/plain" }
        }
      })
      assert.include(out, "B_API_TOKEN: this shell has another value than the client's file.")
      assert.include(out, "Not set here: A_API_KEY, WEB_AUTHORIZATION. Set them")
      assert.notInclude(out, "secret-of-8")

      const told = yield* importing(files)
      const copied = yield* told.run("--with-secrets", "--json")
      assert.strictEqual((yield* told.servers).b.env.API_TOKEN, "another-secret-9")
      assert.notInclude(copied.out, "another-secret-9")
      assert.deepStrictEqual(JSON.parse(copied.out).notSet, [])
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scoped("keeps comments and other servers, and replaces a different one only when told to", () =>
    Effect.gen(function* () {
      const mine = '{\n  // mine\n  "mcpServers": {\n    "files": { "command": "mine" }\n  }\n}\n'
      const { run, servers: written, text } = yield* importing({ ".claude.json": claude, ".mcp.json": mine })
      const { code, out } = yield* run()
      assert.strictEqual(code, 0)
      assert.match(out, /files +left .*another server of that name; --force replaces it/)
      assert.match(out, /Undo: cp .*\.mcp\.json/)
      assert.include(yield* text, "// mine")
      assert.deepStrictEqual((yield* written).files, { command: "mine" })
      const named = yield* run("files")
      assert.strictEqual(named.code, 1)
      assert.include(named.err, "replace it with --force")
      assert.strictEqual((yield* run("files", "--force")).code, 0)
      assert.strictEqual((yield* written).files.command, "npx")
      assert.include(yield* text, "// mine")
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scoped("takes only what is named, or what one client has", () =>
    Effect.gen(function* () {
      const { run, servers: written } = yield* importing({
        ".claude.json": claude,
        ".cursor/mcp.json": servers({ files: { command: "cursor" }, web: { url: "https://example.org/mcp" } })
      })
      yield* run("files", "--from", "cursor")
      assert.deepStrictEqual(yield* written, { files: { command: "cursor", args: [] } })
      // who names what is switched off wants it
      yield* run("off")
      assert.deepStrictEqual((yield* written).off, { command: "off", args: [] })
      const typo = yield* run("fils")
      assert.strictEqual(typo.code, 2)
      assert.include(typo.err, 'has a server "fils" to take over. Did you mean files?')
      const elsewhere = yield* run("web", "--from", "claude-code")
      assert.strictEqual(elsewhere.code, 2)
      assert.include(elsewhere.err, 'That client has no server "web" to take over. Cursor has one; leave out --from')
      const itself = yield* run("bridge")
      assert.strictEqual(itself.code, 6)
      assert.include(itself.err, "is lms-bridge itself")
      const broken = yield* run("broken")
      assert.strictEqual(broken.code, 6)
      assert.include(broken.err, '"comand"')
      assert.strictEqual((yield* run("--from", "nobody")).code, 2)
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scoped("writes nothing with --dry-run, and where there is nothing to take", () =>
    Effect.gen(function* () {
      const { exists, run, target } = yield* importing({ ".claude.json": claude })
      const { out } = yield* run("--dry-run")
      assert.include(out, '"GITHUB_TOKEN": "${env:GITHUB_TOKEN}"')
      assert.include(out, "Nothing was written.")
      assert.isFalse(yield* exists)
      const json = JSON.parse((yield* run("--dry-run", "--json")).out)
      assert.strictEqual(json.file, target)
      assert.isFalse(json.written)
      assert.deepStrictEqual(
        json.taken.map(({ name }: { readonly name: string }) => name),
        ["files", "github"]
      )
      const nobody = yield* importing({})
      const nothing = yield* nobody.run()
      assert.strictEqual(nothing.code, 0)
      assert.include(nothing.out, "None of your MCP clients has a server to take over.")
      assert.isFalse(yield* nobody.exists)
    }).pipe(Effect.provide(NodeContext.layer))
  )

  it.scoped("a file that cannot be read is named, and does not stop the others; a broken target is left alone", () =>
    Effect.gen(function* () {
      const { run, servers: written } = yield* importing({
        ".claude.json": "{ nothing",
        ".cursor/mcp.json": servers({ web: { url: "https://example.org/mcp" } })
      })
      const { code, out } = yield* run()
      assert.strictEqual(code, 0)
      assert.include(out, ".claude.json, line 1")
      assert.deepStrictEqual(Object.keys(yield* written), ["web"])
      const broken = yield* importing({ ".mcp.json": "{ nothing", ".claude.json": claude })
      assert.strictEqual((yield* broken.run()).code, 6)
      assert.strictEqual(yield* broken.text, "{ nothing")
    }).pipe(Effect.provide(NodeContext.layer))
  )
})
