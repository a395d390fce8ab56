import { assert, describe, it } from "@effect/vitest"
import * as McpConfig from "#src/mcp/config/McpConfig.ts"
import * as ServerDefinition from "#src/mcp/config/ServerDefinition.ts"
import { Duration, Either, Redacted } from "effect"

const entries = (text: string) => Either.getOrThrow(McpConfig.parse("/home/me/mcp.json", text))
const only = (entry: unknown) => {
  const [found] = entries(JSON.stringify({ mcpServers: { it: entry } }))
  assert.isDefined(found)
  return found.settings
}
const refused = (text: string) =>
  Either.match(McpConfig.parse("/home/me/mcp.json", text), {
    onLeft: (error) => error,
    onRight: () => assert.fail("was accepted")
  })

describe("McpConfig", () => {
  it("reads JSON with comments, trailing commas and a byte order mark", () => {
    const [server] = entries(`\uFEFF{
      // my servers
      "mcpServers": {
        "files": { "command": "npx", "args": ["-y", "server", /* a port */ 8080, true,], "env": { "A": 1, "B": null } },
      },
    }`)
    assert.deepInclude(server, { name: "files", line: 4, source: "/home/me/mcp.json" })
    assert.deepStrictEqual(server && Either.getOrThrow(server.settings), {
      command: "npx",
      args: ["-y", "server", "8080", "true"],
      env: { A: "1", B: null }
    })
  })

  it("reads the servers of VS Code, and prefers mcpServers when a name is in both", () => {
    const found = entries(`{ "inputs": [], "servers": { "a": { "command": "x" }, "b": { "command": "y" } },
      "mcpServers": { "a": { "command": "z" } } }`)
    assert.deepStrictEqual(
      found.map(({ name, settings }) => [name, Either.getOrThrow(settings).command]),
      [
        ["a", "z"],
        ["b", "y"]
      ]
    )
  })

  it("takes VS Code's inputs from the environment, else the default, else names the input", () => {
    const found = entries(`{ "inputs": [
        { "type": "promptString", "id": "api-key", "description": "Your key", "password": true },
        { "type": "pickString", "id": "region", "options": ["eu", "us"], "default": "eu" },
        "nonsense"
      ],
      "servers": { "a": { "command": "x", "env": { "KEY": "\${input:api-key}", "REGION": "\${input:region}" } } } }`)
    const launch = (environment: Record<string, string>) =>
      found.map(
        (entry) =>
          ServerDefinition.make(entry, {
            variables: { environment: (name) => environment[name], workspaceFolder: "/w", userHome: undefined },
            nested: false
          }).launch
      )[0]
    assert.deepStrictEqual(found.flatMap(ServerDefinition.variablesOf), [
      "LMS_BRIDGE_INPUT_API_KEY",
      "LMS_BRIDGE_INPUT_REGION"
    ])
    const answered = launch({ LMS_BRIDGE_INPUT_API_KEY: "k3y" })
    assert.isDefined(answered)
    const right = Either.getOrThrow(answered)
    assert.deepStrictEqual(right._tag === "Stdio" && Object.values(right.env).map((value) => Redacted.value(value)), [
      "k3y",
      "eu"
    ])
    const missing = launch({})
    assert.isDefined(missing)
    assert.deepInclude(Either.getOrThrow(Either.flip(missing)), {
      reason: "MissingVariable",
      detail: 'Its input "api-key" (Your key) has no value. Set LMS_BRIDGE_INPUT_API_KEY in the environment.'
    })
  })

  it("ignores unknown keys, and treats null as not set", () => {
    assert.deepStrictEqual(
      Either.getOrThrow(only({ command: "x", args: null, env: null, autoApprove: ["a"], gallery: true })),
      { command: "x" }
    )
  })

  it.each([
    ["args", { command: "x", args: "-y" }, '"args" must be a list of strings.'],
    ["an argument", { command: "x", args: ["-y", { a: 1 }] }, '"args[1]" must be a string, a number, true or false.'],
    [
      "a variable",
      { command: "x", env: { TOKEN: ["s3cret"] } },
      '"env.TOKEN" must be a string, a number, true or false.'
    ],
    ["the command", { command: 5 }, '"command" must be a string.'],
    ["disabled", { command: "x", disabled: "yes" }, '"disabled" must be true or false.'],
    ["the timeout", { command: "x", timeout: -1 }, '"timeout" must be milliseconds, or a duration such as `90s`.']
  ])("says what is wrong with %s, without repeating the value", (_, entry, detail) => {
    assert.deepStrictEqual(only(entry), Either.left({ reason: "Invalid", line: 1, detail }))
  })

  it("reports the line of a mistake inside an entry, and keeps the entries around it", () => {
    const found = entries(`{
  "mcpServers": {
    "good": { "command": "a" },
    "bad": {
      "command": "b",
      "args": [
        "-y",
        null
      ]
    },
    "text": "not an entry",
    "fine": { "command": "c" }
  }
}`)
    assert.deepStrictEqual(
      found.map(({ name, settings }) => [name, Either.isRight(settings) ? "ok" : settings.left.line]),
      [
        ["good", "ok"],
        ["bad", 8],
        ["text", 11],
        ["fine", "ok"]
      ]
    )
  })

  it("reads a small timeout as seconds, a large one as milliseconds, and durations as people write them", () => {
    for (const [written, seconds] of [
      [60, 60],
      [60_000, 60],
      ["90s", 90],
      ["2 minutes", 120],
      ["500ms", 0.5]
    ] as const) {
      const { timeout } = Either.getOrThrow(only({ command: "x", timeout: written }))
      assert.strictEqual(timeout && Duration.toSeconds(timeout), seconds, String(written))
    }
  })

  it.each<[string, string, "NotJson" | "NoServers", number, string]>([
    ["an empty file", "  \n", "NotJson", 1, "The file is empty."],
    ["a missing comma", '{\n "mcpServers": {\n  "a": {}\n  "b": {}\n } }', "NotJson", 4, "A comma is missing."],
    ["a missing brace", '{ "mcpServers": {', "NotJson", 1, "A closing } is missing."],
    ["a list", "[]", "NotJson", 1, "It is not a JSON object."],
    ["no JSON at all", "servers:\n  a:", "NotJson", 1, 'A string has no quotes here. Write it in "double quotes".'],
    ["servers that are a string", '{\n"mcpServers": "x"}', "NoServers", 2, '"mcpServers" is not an object.'],
    ["another file", '{ "name": "x" }', "NoServers", 1, 'It has no "mcpServers" (found: "name").']
  ])("refuses %s with the line and the reason", (_, text, reason, line, detail) => {
    const error = refused(text)
    assert.deepInclude(error, { _tag: "McpConfigInvalid", path: "/home/me/mcp.json", reason, line, detail })
    assert.include(error.message, `/home/me/mcp.json, line ${line}: ${detail}`)
  })

  it("treats an empty object as no servers", () => {
    assert.deepStrictEqual(entries("{}"), [])
    assert.deepStrictEqual(entries('{ "mcpServers": {} }'), [])
    assert.deepStrictEqual(entries('{ "mcpServers": null }'), [])
    // PHP's format for an empty object
    assert.deepStrictEqual(entries('{ "mcpServers": [] }'), [])
  })
})
