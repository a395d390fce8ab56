import { assert, describe, it } from "@effect/vitest"
import * as ChildEnvironment from "#src/mcp/transport/ChildEnvironment.ts"
import * as NetworkVariables from "#src/mcp/transport/NetworkVariables.ts"
import * as McpConfig from "#src/mcp/config/McpConfig.ts"
import * as ServerDefinition from "#src/mcp/config/ServerDefinition.ts"
import type { Launch } from "#src/mcp/config/Launch.ts"
import { Either, Redacted } from "effect"

const environment: Record<string, string> = { TOKEN: "s3cret-value", EMPTY: "", PORT: "9" }

const define = (
  entry: unknown,
  options: { readonly nested?: boolean; readonly userHome?: string | undefined } = {}
) => {
  const text = JSON.stringify({ mcpServers: { it: entry } })
  const [found] = Either.getOrThrow(McpConfig.parse("/p/mcp.json", text))
  assert.isDefined(found)
  return ServerDefinition.make(found, {
    variables: {
      environment: (name) => environment[name],
      workspaceFolder: "/work/space",
      userHome: "userHome" in options ? options.userHome : "/home/me"
    },
    nested: options.nested ?? false,
    // a symbolic link to it
    real: (path) => (path === "/home/me/bin/assistant" ? "/opt/lms-bridge/dist/lms-bridge-mcp.js" : path)
  })
}
const stdio = (entry: unknown) => {
  const launch = Either.getOrThrow(define(entry).launch)
  assert.strictEqual(launch._tag, "Stdio")
  return launch as Extract<Launch, { _tag: "Stdio" }>
}
const problem = (entry: unknown, options = {}) =>
  Either.match(define(entry, options).launch, {
    onLeft: (left) => left,
    onRight: () => assert.fail("is usable")
  })

describe("ServerDefinition", () => {
  it("expands variables wherever an entry may contain them", () => {
    const launch = stdio({
      command: "${userHome}/bin/run",
      args: ["--port=${PORT:-80}", "${EMPTY:-instead}", "${UNSET:-}", "${env:PORT}", "a ${PORT} b ${PORT}"],
      env: { KEY: "Bearer ${TOKEN}", PLAIN: "x" },
      cwd: "${workspaceFolder}/sub"
    })
    assert.strictEqual(launch.command, "/home/me/bin/run")
    assert.deepStrictEqual(launch.args, ["--port=9", "instead", "", "9", "a 9 b 9"])
    assert.strictEqual(launch.cwd, "/work/space/sub")
    assert.strictEqual(Redacted.value(launch.env["KEY"] ?? assert.fail("no KEY")), "Bearer s3cret-value")
    assert.notInclude(String(launch.env["KEY"]), "s3cret")
  })

  it("keeps text that is not a reference", () => {
    assert.deepStrictEqual(stdio({ command: "x", args: ["$HOME", "${}", "${a b}", "100%", "$"] }).args, [
      "$HOME",
      "${}",
      "${a b}",
      "100%",
      "$"
    ])
  })

  it.each([
    ["args", { command: "x", args: ["${NOPE}"] }],
    ["env", { command: "x", env: { A: "${env:NOPE}" } }],
    ["cwd", { command: "x", cwd: "${NOPE}" }],
    ["headers", { url: "http://localhost/", headers: { A: "${NOPE}" } }],
    ["oauth", { url: "http://localhost/", oauth: { clientId: "x", clientSecret: "${NOPE}" } }]
  ])("reports a variable that is not set in %s", (_, entry) => {
    const found = problem(entry)
    assert.strictEqual(found.reason, "MissingVariable")
    assert.include(found.detail, "NOPE is not set")
  })

  it("reads an OAuth client in the format of either host, with its secret expanded and redacted", () => {
    for (const entry of [
      { url: "http://h/", oauth: { clientId: "me", clientSecret: "${TOKEN}", scopes: ["a", "b"], callbackPort: 9000 } },
      { url: "http://h/", auth: { CLIENT_ID: "me", CLIENT_SECRET: "${TOKEN}", scopes: "a b" }, oauth: true }
    ]) {
      const launch = Either.getOrThrow(define(entry).launch)
      assert.strictEqual(launch._tag, "Http")
      const { clientId, clientSecret, scope } = (launch as Extract<Launch, { _tag: "Http" }>).oauth
      assert.deepStrictEqual([clientId, scope], ["me", "a b"])
      assert.strictEqual(Redacted.value(clientSecret ?? assert.fail("no secret")), "s3cret-value")
      assert.notInclude(JSON.stringify(launch), "s3cret")
    }
    assert.match(
      problem({ url: "http://h/", oauth: { callbackPort: 0 } }).detail,
      /"oauth\.callbackPort" must be a port/
    )
  })

  it("reports references that only another program can expand, and an unknown home", () => {
    assert.include(problem({ command: "x", env: { A: "${command:token}" } }).detail, "${env:NAME}")
    assert.strictEqual(problem({ command: "${userHome}/x" }, { userHome: undefined }).reason, "MissingVariable")
  })

  it.each([
    [{}, 'neither a "command"'],
    [{ command: "  " }, 'neither a "command"'],
    [{ command: "x", type: "carrier-pigeon" }, 'is "carrier-pigeon"'],
    [{ url: "not a url" }, "not an http(s) URL"],
    [{ url: "file:///etc/passwd" }, "not an http(s) URL"],
    [{ type: "http", command: "x" }, '"url" is missing']
  ])("refuses %j", (entry, detail) => {
    const found = problem(entry)
    assert.strictEqual(found.reason, "Invalid")
    assert.include(found.detail, detail)
  })

  it("determines the transport by type, or else by the keys that are present", () => {
    const kind = (entry: object) => {
      const launch = Either.getOrThrow(define(entry).launch)
      return launch._tag === "Http" ? launch.kind : "stdio"
    }
    assert.strictEqual(kind({ command: "x" }), "stdio")
    assert.strictEqual(kind({ command: "x", url: "http://a/" }), "stdio")
    assert.strictEqual(kind({ url: "http://a/" }), "any")
    assert.strictEqual(kind({ url: "http://a/", type: "http" }), "http")
    assert.strictEqual(kind({ url: "http://a/", type: "streamable-http" }), "http")
    assert.strictEqual(kind({ url: "http://a/", type: "streamableHttp" }), "http")
    assert.strictEqual(kind({ url: "http://a/", type: "sse" }), "sse")
  })

  it.each([
    { command: "lms-bridge-mcp" },
    { command: "/usr/local/bin/lms-bridge-mcp" },
    { command: "node", args: ["/opt/lms-bridge/packages/mcp-server/dist/lms-bridge-mcp.js"] },
    { command: "C:\\Program Files\\nodejs\\node.exe", args: ["C:\\lms\\lms-bridge-mcp.js"] },
    { command: "lms-bridge", args: ["serve"] },
    { command: "node", args: ["--enable-source-maps", "./dist/lms-bridge.js", "serve", "--log-level", "debug"] },
    { command: "npx", args: ["-y", "@lms-bridge/mcp-server"] },
    { command: "npx", args: ["-y", "@lms-bridge/mcp-server@1.2.3"] },
    { command: "npx", args: ["-y", "@lms-bridge/cli", "serve"] },
    { command: "npx", args: ["-y", "lms-bridge-mcp@latest"] },
    { command: "npx", args: ["-y", "lms-bridge@0.1.0", "serve"] },
    { command: "npx", args: ["-y", "-p", "lms-bridge", "lms-bridge-mcp"] },
    { command: "npm", args: ["exec", "--package=@lms-bridge/cli@1", "--", "lms-bridge", "serve"] },
    { command: "cmd", args: ["/c", "npx", "-y", "@lms-bridge/mcp-server"] },
    { command: "bash", args: ["-lc", "exec lms-bridge serve --log-level debug"] },
    { command: "/bin/sh", args: ["-c", "cd /work && npx -y @lms-bridge/cli serve"] },
    { command: "/home/me/bin/assistant" },
    { command: "node", args: ["/home/me/bin/assistant"] }
  ])("recognises itself in %j", (entry) => {
    assert.strictEqual(problem(entry).reason, "Itself")
  })

  it.each([
    { command: "node", args: ["server.js", "/home/me/lms-bridge"] },
    { command: "lms-bridge", args: ["mcp", "ls"] },
    { command: "lms-bridge-mcp-proxy" },
    { command: "serve" },
    { command: "node", args: ["agent.js", "--task", "explain lms-bridge serve"] }
  ])("does not take %j for itself", (entry) => {
    assert.isTrue(Either.isRight(define(entry).launch))
  })

  it("uses no server inside another bridge, and none that is disabled", () => {
    assert.strictEqual(problem({ command: "x" }, { nested: true }).reason, "TooDeep")
    assert.strictEqual(problem({ command: "x", disabled: true }).reason, "Disabled")
    assert.strictEqual(problem({ command: "x", enabled: false }).reason, "Disabled")
    assert.isTrue(Either.isRight(define({ command: "x", disabled: false, enabled: true }).launch))
  })

  it("shows an entry without its secrets", () => {
    assert.deepStrictEqual(
      define({
        command: "npx",
        args: ["srv", "--api-key", "abc", "--token=def", "--token=${TOKEN}", "--verbose", "-p", "1"],
        env: { KEY: "k" }
      }).shown,
      {
        transport: "stdio",
        target: "npx srv --api-key *** --token=*** --token=${TOKEN} --verbose -p 1",
        brief: "npx",
        envNames: ["KEY"]
      }
    )
    const repeated = define({
      command: "srv",
      args: ["--as", "u:hunter2hunter2", "1"],
      env: { P: "hunter2hunter2", D: "1" }
    })
    assert.strictEqual(repeated.shown.target, "srv --as u:*** 1")
    assert.deepStrictEqual(
      define({ url: "https://me:pw@host/mcp?key=abc#x", headers: { Authorization: "Bearer x" } }).shown,
      { transport: "http", target: "https://host/mcp", brief: "host", envNames: ["Authorization"] }
    )
  })

  it("allows only the tools that an entry allows", () => {
    const { allows } = define({ command: "x", allowedTools: ["a", "b"], excludedTools: ["b"] })
    assert.deepStrictEqual(["a", "b", "c"].map(allows), [true, false, false])
    assert.isTrue(define({ command: "x" }).allows("anything"))
  })
})

describe("ChildEnvironment", () => {
  const make = (inherited: Record<string, string>, entry: Record<string, string> = {}) =>
    ChildEnvironment.make({
      inherited: (name) => inherited[name],
      entry: Object.fromEntries(Object.entries(entry).map(([name, value]) => [name, Redacted.make(value)])),
      depth: 0
    })

  it("passes on the safe list, prefers the entry, and marks the child", () => {
    assert.deepStrictEqual(
      make({ HOME: "/h", PATH: "/a:/usr/local/bin", GITHUB_TOKEN: "t", LANG: "C" }, { LANG: "de" }),
      {
        HOME: "/h",
        PATH: "/a:/usr/local/bin:/opt/homebrew/bin:/h/.local/bin",
        LANG: "de",
        LMS_BRIDGE_DEPTH: "1"
      }
    )
  })

  it("passes on where the user's folders are, and what language they speak", () => {
    const folders = ["TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"]
    const given = Object.fromEntries([...folders, "LC_ALL", "LC_CTYPE", "TZ"].map((name) => [name, `our ${name}`]))
    assert.deepInclude(make(given), given)
  })

  it("passes on network settings: proxies, certificates and registries, but no tokens for them", () => {
    const given = {
      HTTPS_PROXY: "http://me:pa%40ss@proxy:3128",
      no_proxy: "localhost",
      NODE_EXTRA_CA_CERTS: "/ca.pem",
      SSL_CERT_FILE: "/ca.pem",
      SSL_CLIENT_CERT: "/me.pem",
      REQUESTS_CA_BUNDLE: "/ca.pem",
      npm_config_registry: "https://npm.corp/",
      NPM_CONFIG_CAFILE: "/ca.pem",
      UV_INDEX_URL: "https://pypi.corp/simple",
      UV_SYSTEM_CERTS: "1",
      UV_NATIVE_TLS: "1",
      PIP_CERT: "/ca.pem",
      PIP_INDEX_URL: "https://pypi.corp/simple"
    }
    const secrets = { npm_config__authToken: "t", UV_PUBLISH_TOKEN: "t", npm_config_package: "lms-bridge" }
    const { LMS_BRIDGE_DEPTH: _, PATH: __, ...made } = make({ ...given, ...secrets }, { no_proxy: "mine" })
    assert.deepStrictEqual(made, { ...given, no_proxy: "mine" })
    const printed = NetworkVariables.withoutPasswords("no way to http://me:pa%40ss@proxy:3128 with pa@ss", given)
    assert.strictEqual(printed, "no way to http://me:<redacted>@proxy:3128 with <redacted>")
  })

  it("accepts any name", () => {
    const names = ["__proto__", "constructor", "toString", "hasOwnProperty"]
    const environment = make({}, Object.fromEntries(names.map((name) => [name, "x"])))
    for (const name of names) assert.isTrue(Object.hasOwn({ ...environment }, name), name)
  })

  it("does not let an entry hide its depth, and does not change the PATH of Windows", () => {
    assert.strictEqual(make({}, { LMS_BRIDGE_DEPTH: "0" })["LMS_BRIDGE_DEPTH"], "1")
    assert.strictEqual(make({ OS: "Windows_NT", PATH: "C:\\a" })["PATH"], "C:\\a")
  })
})
