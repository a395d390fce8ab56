import { assert, describe, it } from "@effect/vitest"
import * as McpConfig from "#src/mcp/config/McpConfig.ts"
import * as ServerDefinition from "#src/mcp/config/ServerDefinition.ts"
import { Duration, Either, Redacted } from "effect"

const environment: Record<string, string> = {
  TOKEN: "s3cret",
  APPDATA: "C:\\Users\\me\\AppData\\Roaming",
  HOME: "/home/me"
}

const entriesOf = (file: unknown, path = "/p/mcp.json") =>
  Either.getOrThrow(McpConfig.parse(path, JSON.stringify(file), { folder: "/work" }))

const defined = (file: unknown, path?: string) =>
  entriesOf(file, path).map((entry) =>
    ServerDefinition.make(entry, {
      variables: { environment: (name) => environment[name], workspaceFolder: "/work", userHome: "/home/me" },
      nested: false
    })
  )
const only = (entry: unknown, path?: string) =>
  defined({ mcpServers: { db: entry } }, path)[0] ?? assert.fail("no server")
const reached = (server: ServerDefinition.ServerDefinition): unknown =>
  Either.match(server.launch, {
    onLeft: ({ detail, reason }) => `${reason}: ${detail}`,
    onRight: (launch) =>
      launch._tag === "Stdio"
        ? { command: launch.command, args: launch.args, env: plain(launch.env), cwd: launch.cwd }
        : { url: Redacted.value(launch.url), headers: plain(launch.headers), kind: launch.kind }
  })
const plain = (values: Readonly<Record<string, Redacted.Redacted>>) =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Redacted.value(value)]))
const stdio = (changes: object) => ({ command: "node", args: ["notes.mjs"], env: {}, cwd: undefined, ...changes })

describe("EntryWords", () => {
  it.each<[string, unknown, Array<[string, unknown]>]>([
    [
      "VS Code's settings",
      { "editor.fontSize": 13, mcp: { servers: { notes: { command: "node", args: ["notes.mjs"] } } } },
      [["notes", stdio({})]]
    ],
    [
      "a workspace of VS Code",
      { folders: [], settings: { mcp: { servers: { notes: { command: "node", args: ["notes.mjs"] } } } } },
      [["notes", stdio({})]]
    ],
    [
      "Zed, now and formerly",
      {
        context_servers: {
          notes: { source: "custom", command: "node", args: ["notes.mjs"], env: {} },
          older: { command: { path: "node", args: ["notes.mjs"], env: { A: "1" } } },
          extension: { source: "extension", settings: {} }
        }
      },
      [
        ["notes", stdio({})],
        ["older", stdio({ env: { A: "1" } })],
        [
          "extension",
          'Invalid: It is an extension of Zed, which only Zed can start. Set "command" to the command of its server.'
        ]
      ]
    ],
    [
      "opencode, with a server named like a section",
      {
        mcp: {
          notes: { type: "local", command: ["node", "notes.mjs"], enabled: true, environment: { A: "1" } },
          servers: { type: "remote", url: "http://w/", headers: { Authorization: "Bearer {env:TOKEN}" } },
          off: { type: "local", command: ["x"], enabled: false }
        }
      },
      [
        ["notes", stdio({ env: { A: "1" } })],
        ["servers", { url: "http://w/", headers: { Authorization: "Bearer s3cret" }, kind: "any" }],
        ["off", "Disabled: enabled"]
      ]
    ],
    [
      "Gemini CLI, with its exclusions",
      {
        mcp: { excluded: ["off"] },
        mcpServers: {
          wiki: { httpUrl: "http://w/", headers: { Authorization: "Bearer $TOKEN", Plain: "a$TOKEN" }, trust: true },
          "with a blank": { "httpUrl ": "http://w/" },
          off: { command: "x" }
        }
      },
      [
        ["wiki", { url: "http://w/", headers: { Authorization: "Bearer s3cret", Plain: "as3cret" }, kind: "http" }],
        ["with a blank", { url: "http://w/", headers: {}, kind: "http" }],
        ["off", "Disabled: mcp.excluded"]
      ]
    ],
    [
      "Windsurf",
      { mcpServers: { wiki: { serverUrl: "http://w/sse" } } },
      [["wiki", { url: "http://w/sse", headers: {}, kind: "any" }]]
    ],
    [
      "Continue, then and now",
      {
        mcpServers: [{ name: "notes", command: "node", args: ["notes.mjs"] }],
        experimental: {
          modelContextProtocolServers: [
            { name: "older", transport: { type: "stdio", command: "node", args: ["notes.mjs"] } }
          ]
        }
      },
      [
        ["older", stdio({})],
        ["notes", stdio({})]
      ]
    ],
    ["a plug-in", { notes: { command: "node", args: ["notes.mjs"] } }, [["notes", stdio({})]]],
    [
      "Codex",
      {
        mcp_servers: {
          notes: { command: "node", args: ["notes.mjs"], env_vars: ["TOKEN"] },
          wiki: { url: "http://w/", bearer_token_env_var: "TOKEN", env_http_headers: { "X-Key": "TOKEN" } },
          old: { url: "http://w/", http_headers: { A: "b" }, enabled: false }
        }
      },
      [
        ["notes", stdio({ env: { TOKEN: "s3cret" } })],
        ["wiki", { url: "http://w/", headers: { Authorization: "Bearer s3cret", "X-Key": "s3cret" }, kind: "any" }],
        ["old", "Disabled: enabled"]
      ]
    ],
    [
      "Goose, without its built-in extensions",
      {
        extensions: {
          developer: { type: "builtin", name: "developer", enabled: true },
          notes: { type: "stdio", cmd: "node", args: ["notes.mjs"], envs: { A: "1" }, env_keys: [], enabled: true },
          wiki: { type: "streamable_http", uri: "http://w/", enabled: true }
        }
      },
      [
        ["notes", stdio({ env: { A: "1" } })],
        ["wiki", { url: "http://w/", headers: {}, kind: "http" }]
      ]
    ],
    [
      "Claude Code, for this folder",
      {
        mcpServers: {},
        projects: {
          "/work/": { mcpServers: { notes: { type: "stdio", command: "node", args: ["notes.mjs"] } } },
          "/elsewhere": { mcpServers: { other: { command: "x" } } }
        }
      },
      [["notes", stdio({})]]
    ]
  ])("understands the file of %s", (_, file, servers) => {
    assert.deepStrictEqual(
      defined(file).map((server) => [server.name, reached(server)]),
      servers
    )
  })

  it.each<[unknown, unknown]>([
    [
      { command: "npx -y @example/notes --read-only" },
      { command: "npx", args: ["-y", "@example/notes", "--read-only"] }
    ],
    [
      { command: "npx -y", args: ["x"] },
      { command: "npx", args: ["-y", "x"] }
    ],
    [
      { command: '"C:\\Program Files\\nodejs\\node.exe" C:\\srv\\a.js' },
      { command: "C:\\Program Files\\nodejs\\node.exe", args: ["C:\\srv\\a.js"] }
    ],
    [{ command: "C:\\Program Files\\nodejs\\node.exe" }, { command: "C:\\Program Files\\nodejs\\node.exe", args: [] }],
    [{ command: "/usr/bin/node /srv/a.js" }, { command: "/usr/bin/node", args: ["/srv/a.js"] }],
    [{ command: "/Applications/My App/server" }, { command: "/Applications/My App/server", args: [] }],
    [{ command: "KEY=1 node 'a b.js'" }, { command: "node", args: ["a b.js"], env: { KEY: "1" } }],
    [
      { command: ["node", "a.js"], args: ["b"] },
      { command: "node", args: ["a.js", "b"] }
    ],
    [
      { command: "~/bin/x", args: ["~/a", "--root=~/b", "~5", "~other/c", "a~/b"], cwd: "~" },
      {
        command: "/home/me/bin/x",
        args: ["/home/me/a", "--root=/home/me/b", "~5", "~other/c", "a~/b"],
        cwd: "/home/me"
      }
    ],
    [
      { command: "$HOME/bin/x", env: { T: "$TOKEN", DB: "~/n.db", SOME_PASSWORD: "~/x" } },
      {
        command: "/home/me/bin/x",
        args: [],
        env: { T: "s3cret", DB: "/home/me/n.db", SOME_PASSWORD: "~/x" }
      }
    ],
    [
      { command: "%APPDATA%\\npm\\x.cmd", args: ["100%", "%20", "%NOPE%d"] },
      { command: "C:\\Users\\me\\AppData\\Roaming\\npm\\x.cmd", args: ["100%", "%20", "%NOPE%d"] }
    ],
    [
      { command: "x", env: ["A=1", "B=c=d"] },
      { command: "x", args: [], env: { A: "1", B: "c=d" } }
    ],
    [
      { command: "constructor", env: { toString: "1" } },
      { command: "constructor", args: [], env: { toString: "1" } }
    ]
  ])("reads %j as it is meant", (entry, launch) => {
    assert.deepStrictEqual(reached(only(entry)), { env: {}, cwd: undefined, ...(launch as object) })
  })

  it.each<[unknown, string]>([
    [{ command: "cd /srv && node a.js" }, '"command" is a shell command. Write "command": "sh"'],
    [{ command: "node 'a" }, "an unclosed quotation mark"],
    [{ comand: "node" }, 'Did you mean "command" by "comand"?'],
    [{ command: "C:\new\tools\run.exe" }, '"command" has a path with single backslashes'],
    [{ command: "node", args: ["C:\temp"] }, '"args[0]" has a path with single backslashes'],
    [{ command: "%NOPE%\\x" }, "The environment variable NOPE is not set"],
    [{ command: "x", disabledTools: 5 }, '"disabledTools" looks like a list of tools'],
    [{ serverUrl: 5 }, '"serverUrl" must be a string.'],
    [{ command: "x", env: { A: "${file:/run/key}" } }, "${file:/run/key} is expanded by another program"],
    [{ type: "stdio", url: "http://x/" }, 'For a URL write "type": "http"']
  ])("says what to write in place of %j, by the key that is there", (entry, said) => {
    assert.include(String(reached(only(entry))), said)
  })

  it("reads limits in the unit of their program", () => {
    const limits = (entry: object, path?: string) => {
      const { startTimeout, timeout } = only({ command: "x", ...entry }, path)
      return [timeout, startTimeout].map((limit) => (limit === undefined ? undefined : Duration.toSeconds(limit)))
    }
    assert.deepStrictEqual(limits({ timeout: "60" }), [60, undefined])
    assert.deepStrictEqual(limits({ timeout: 0 }), [undefined, undefined])
    assert.deepStrictEqual(limits({ timeout: 1800 }), [1.8, undefined])
    assert.deepStrictEqual(limits({ timeout: 1800, autoApprove: [] }), [1800, undefined])
    assert.deepStrictEqual(limits({ timeout: 60_000, autoApprove: [] }), [60, undefined])
    assert.deepStrictEqual(limits({ timeout: 3600 }, "/home/me/.roo/mcp.json"), [3600, undefined])
    assert.deepStrictEqual(limits({ tool_timeout_sec: 120, startup_timeout_sec: 20 }), [120, 20])
    assert.deepStrictEqual(limits({ startup_timeout_ms: 20_000 }), [undefined, 20])
  })

  it("accepts switches as strings, and does not treat permissions to run without asking as a list of tools", () => {
    assert.strictEqual(reached(only({ command: "x", disabled: "true" })), "Disabled: disabled")
    const server = only({ command: "x", disabled: "false", alwaysAllow: ["a"], autoApprove: ["b"], trust: true })
    assert.isTrue(Either.isRight(server.launch))
    assert.isTrue(server.allows("anything"))
  })

  it("applies a file's tool settings outside its servers to all of them", () => {
    const servers = { mcpServers: { db: { command: "x" } } }
    for (const ban of [
      { excludeTools: ["drop_table"] },
      { tools: { exclude: ["drop_table"], core: ["x"] } },
      { permissions: { deny: ["Bash(rm *)", "mcp__db__drop_table"] } }
    ]) {
      const [server] = defined({ ...servers, ...ban })
      assert.deepStrictEqual(
        ["drop_table", "read"].map((tool) => server?.allows(tool)),
        [false, true]
      )
    }
    const [server] = defined({ ...servers, permissions: { deny: ["mcp__db"] } })
    assert.isFalse(server?.allows("read"))
  })

  it("finds no servers where another program uses the word differently", () => {
    const parsed = McpConfig.parse("/p/settings.json", JSON.stringify({ servers: ["a.example", "b.example"], x: 1 }), {
      mayHaveNone: true
    })
    assert.deepStrictEqual(parsed, Either.right([]))
    assert.deepStrictEqual(McpConfig.parse("/p/s.json", '{ "servers": "x" }', { mayHaveNone: true }), Either.right([]))
    assert.isTrue(Either.isLeft(McpConfig.parse("/p/s.json", '{ "servers": "x" }')))
  })

  it("recognises a name with pasted invisible characters", () => {
    const [server] = defined({ "mcpServers\u200B": { db: { "command\uFEFF": "x", "excludeTools\u200B": ["drop"] } } })
    assert.isFalse(server?.allows("drop"))
    assert.isTrue(server !== undefined && Either.isRight(server.launch))
  })

  it("reports references that opencode would expand, and keeps the same text for other programs", () => {
    const [server] = defined({ mcp: { db: { type: "local", command: ["x"], environment: { KEY: "{file:~/.key}" } } } })
    assert.include(JSON.stringify(server?.launch), "{file:~/.key} is expanded by opencode")
    assert.deepInclude(reached(only({ command: "x", args: ["{file:~/.key}"] })), { args: ["{file:~/.key}"] })
  })

  it("applies opencode's exclusion of a tool outside its servers", () => {
    const [server] = defined({
      mcp: { db: { type: "local", command: ["x"] } },
      tools: { "db_drop*": false, bash: false }
    })
    assert.deepStrictEqual(
      ["drop_table", "read", "bash"].map((tool) => server?.allows(tool)),
      [false, true, false]
    )
  })
})
