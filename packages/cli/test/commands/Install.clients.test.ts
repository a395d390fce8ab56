import * as NodeContext from "@effect/platform-node/NodeContext"
import { FileSystem } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { inHome } from "./inHome.ts"

const scoped = Effect.provide(NodeContext.layer)

const InJson = Schema.parseJson(
  Schema.Struct({
    mcpServers: Schema.Record({
      key: Schema.String,
      value: Schema.Struct({ env: Schema.Record({ key: Schema.String, value: Schema.String }) })
    })
  })
)

describe("install, for every format and from this shell", () => {
  it.scoped("codex: keeps comments, tabs and line breaks of its TOML, and is undone byte for byte", () =>
    Effect.gen(function* () {
      const file = ".codex/config.toml"
      const before = "# mine\r\nmodel = \"o4\" # kept\r\n\r\n[mcp_servers.files]\r\n\tcommand = 'npx'\r\n"
      const { read, run } = yield* inHome({ [file]: before })
      const { code, out } = yield* run("install", "codex", "--env", "LM_API_TOKEN=s3cret")
      assert.strictEqual(code, 0)
      assert.strictEqual(
        yield* read(file),
        `${before}\r\n[mcp_servers.lms-bridge]\r\ncommand = "/usr/bin/node"\r\nargs = ["/opt/cli/lms-bridge.js", "serve"]\r\n\r\n[mcp_servers.lms-bridge.env]\r\nLM_API_TOKEN = "s3cret"\r\n`
      )
      assert.include(out, '+LM_API_TOKEN = "***"')
      assert.notInclude(out, "s3cret")
      const gone = yield* run("uninstall", "codex")
      assert.include(gone.out, "A session of Codex that is open keeps it; start a new one.")
      assert.strictEqual(yield* read(file), before)
    }).pipe(scoped)
  )

  it.scoped("goose: keeps the comments of its YAML, and is undone byte for byte", () =>
    Effect.gen(function* () {
      const file = ".config/goose/config.yaml"
      const before = "GOOSE_MODEL: qwen # kept\nextensions:\n  developer:\n    type: builtin\n# the end\n"
      const { read, run } = yield* inHome({ [file]: before })
      const { out } = yield* run("install", "goose", "--env", "LM_API_TOKEN=s3cret")
      assert.include(
        yield* read(file),
        `    cmd: /usr/bin/node
    args:
      - /opt/cli/lms-bridge.js
      - serve
    timeout: 300
    envs:
      LM_API_TOKEN: s3cret
# the end
`
      )
      assert.include(out, 'LM_API_TOKEN: "***"')
      assert.notInclude(out, "s3cret")
      yield* run("uninstall", "goose")
      assert.strictEqual(yield* read(file), before)
    }).pipe(scoped)
  )

  it.scoped("refuses a broken file of any language with its line, and one that cannot be written", () =>
    Effect.gen(function* () {
      for (const [client, file, text, says] of [
        ["codex", ".codex/config.toml", 'a = 1\nb = "x\n', "line 2: A string is not closed"],
        ["goose", ".config/goose/config.yaml", "a: 1\n\tb: 2\n", "line 2: The line begins with a tab"],
        ["zed", ".config/zed/settings.json", '{\n "a": 1\n "b": 2 }', "line 3: A comma is missing."]
      ] as const) {
        const { files, read, run } = yield* inHome({ [file]: text })
        const { code, err } = yield* run("install", client)
        assert.strictEqual(code, 1)
        assert.include(err, says)
        assert.strictEqual(yield* read(file), text)
        assert.lengthOf(yield* files(file.split("/").slice(0, -1).join("/")), 1)
      }
    }).pipe(scoped)
  )

  it.scoped("codex: removes the only thing in its file, which is empty then", () =>
    Effect.gen(function* () {
      const { read, run } = yield* inHome()
      yield* run("install", "codex")
      assert.strictEqual((yield* run("uninstall", "codex")).code, 0)
      assert.strictEqual((yield* read(".codex/config.toml")).trim(), "")
    }).pipe(scoped)
  )

  it.scoped("takes the variant of the file that is there", () =>
    Effect.gen(function* () {
      const file = ".config/opencode/opencode.jsonc"
      const { files, read, run } = yield* inHome({ [file]: "{ /* mine */ }\n" })
      yield* run("install", "opencode", "--env", "A=1")
      assert.include(yield* read(file), "/* mine */")
      assert.include(yield* read(file), '"environment"')
      assert.lengthOf(yield* files(".config/opencode"), 2)
    }).pipe(scoped)
  )

  for (const [client, file] of [
    ["cursor", ".cursor/mcp.json"],
    ["codex", ".codex/config.toml"],
    ["goose", ".config/goose/config.yaml"]
  ] as const) {
    it.scoped(`${client}: keeps the variables of an earlier time beside the new ones`, () =>
      Effect.gen(function* () {
        const { read, run } = yield* inHome()
        yield* run("install", client, "--env", "A=one", "--env", "B=two")
        yield* run("install", client, "--env", "C=three", "--env", "B=other")
        const text = yield* read(file)
        assert.match(text, /\bA\b"?\s*[:=]\s*"?one[^]*\bB\b"?\s*[:=]\s*"?other[^]*\bC\b"?\s*[:=]\s*"?three/)
        assert.lengthOf(text.match(/lms-bridge\.js/g) ?? [], 1)
        assert.include((yield* run("install", client, "--env", "A=one")).out, "is already there; nothing was changed")
      }).pipe(scoped)
    )
  }

  it.scoped("takes over where LM Studio and the servers are, and never a token", () =>
    Effect.gen(function* () {
      const { at, read, run, withShell } = yield* inHome()
      const shell = { LMSTUDIO_PORT: "4321", MCP_JSON_PATH: at("mcp.json"), LM_API_TOKEN: "s3cret", DEFAULT_MODEL: "x" }
      const { out } = yield* withShell(shell, ["install", "cursor", "--env", "A=1"])
      const text = yield* read(".cursor/mcp.json")
      assert.deepStrictEqual(Schema.decodeUnknownSync(InJson)(text).mcpServers["lms-bridge"]?.env, {
        LMSTUDIO_PORT: "4321",
        MCP_JSON_PATH: at("mcp.json"),
        A: "1"
      })
      assert.include(out, "From this shell: LMSTUDIO_PORT, MCP_JSON_PATH.")
      assert.include(out, "LM_API_TOKEN is set in this shell and was not copied.")
      assert.include(out, "--env 'LM_API_TOKEN=${env:LM_API_TOKEN}', which Cursor looks up.")
      const later = yield* withShell({ LMSTUDIO_PORT: "9999" }, ["install", "cursor"])
      assert.include(later.out, "LMSTUDIO_PORT stays as the entry has it")
      const chosen = yield* run("install", "cursor", "--env", "LM_API_TOKEN=${env:LM_API_TOKEN}")
      assert.strictEqual(chosen.code, 0)
      assert.include(yield* read(".cursor/mcp.json"), '"LM_API_TOKEN": "${env:LM_API_TOKEN}"')
    }).pipe(scoped)
  )

  it.scoped("refuses a variable with which the server would not start", () =>
    Effect.gen(function* () {
      const { at, run } = yield* inHome()
      const { code, err } = yield* run("install", "cursor", "--env", "LMS_BRIDGE_TOOLSETS=foo")
      assert.strictEqual(code, 2)
      assert.include(err, "The server would not start with this --env: LMS_BRIDGE_TOOLSETS must be one or more of")
      assert.isFalse(yield* Effect.flatMap(FileSystem.FileSystem, (fs) => fs.exists(at(".cursor"))))
    }).pipe(scoped)
  )

  it.scoped("without a client, lists those that are here", () =>
    Effect.gen(function* () {
      const { run } = yield* inHome({ ".cursor/mcp.json": "{}", ".codex/x": "", ".gemini/settings.json": "{" })
      yield* run("install", "cursor")
      for (const args of [[], ["--list"]]) {
        const { code, err, out } = yield* run("install", ...args)
        assert.strictEqual(code, 0)
        assert.match(out, /cursor +Cursor +installed as lms-bridge/)
        assert.match(out, /codex +Codex +here/)
        assert.match(out, /gemini +Gemini CLI +cannot be read/)
        assert.match(out, /zed +Zed +\S*\/zed/)
        assert.include(err, "Add it to one with `lms-bridge install CLIENT`.")
      }
    }).pipe(scoped)
  )
})
