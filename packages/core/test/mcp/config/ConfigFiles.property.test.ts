/** Any bytes lead to an answer or an error with words for a person, in every configuration language. */
import { assert, describe, it } from "@effect/vitest"
import * as ConfigFile from "#src/mcp/config/ConfigFile.ts"
import * as McpConfig from "#src/mcp/config/McpConfig.ts"
import * as ServerDefinition from "#src/mcp/config/ServerDefinition.ts"
import * as ConfigText from "#src/mcp/dialects/ConfigText.ts"
import * as EnvFile from "#src/mcp/config/EnvFile.ts"
import * as ConfigVariables from "#src/mcp/config/ConfigVariables.ts"
import { FileSystem } from "@effect/platform"
import { Effect, Either, FastCheck as fc } from "effect"
import * as fakeFiles from "../fakeFiles.ts"

const words = fc.constantFrom(
  "mcpServers",
  "servers",
  "mcp",
  "mcp_servers",
  "context_servers",
  "extensions",
  "projects",
  "/work",
  "inputs",
  "command",
  "args",
  "env",
  "url",
  "httpUrl",
  "type",
  "headers",
  "tools",
  "excludeTools",
  "permission",
  "timeout",
  "disabled",
  "enabled",
  "envFile",
  "oauth",
  "transport",
  "requestInit",
  "name",
  "__proto__",
  "constructor",
  "toString"
)
const json = fc.letrec<{ readonly value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.jsonValue({ maxDepth: 1 }),
    words,
    fc.double(),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.oneof(words, fc.string()), tie("value"), { maxKeys: 5 })
  )
})).value

const variables = {
  environment: (name: string) => (name === "A" ? "1" : undefined),
  workspaceFolder: "/work",
  userHome: "/h"
}

const read = (path: string, bytes: Uint8Array) => {
  const files = fakeFiles.make()
  files.write(path, bytes)
  return Effect.flatMap(FileSystem.FileSystem, (fileSystem) =>
    ConfigFile.read(fileSystem, { path, origin: "setting" }, "/work")
  ).pipe(Effect.provide(files.layer), Effect.runPromise)
}

const looksAtAll = (content: Awaited<ReturnType<typeof read>>) => {
  if (content.entries === undefined) {
    assert.strictEqual(content.problem._tag, "McpConfigInvalid")
    assert.match(content.problem.message, /\.(?: |$)/)
    assert.notMatch(content.problem.message, /Invalid(?:Symbol|Escape|Unicode)|undefined|\[object/)
    return
  }
  for (const entry of content.entries) {
    const server = ServerDefinition.make(entry, { variables, nested: false, envFile: undefined })
    assert.isBoolean(server.allows("drop_table"))
    assert.isAtLeast(server.line ?? 0, 1)
    ServerDefinition.variablesOf(entry)
    if (Either.isLeft(server.launch)) assert.isString(server.launch.left.detail)
  }
}

describe("the reader of configurations", () => {
  it.each(["mcp.json", "config.toml", "config.yaml", "noname"])("handles any bytes in %s", async (name) => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async (bytes) => looksAtAll(await read(`/c/${name}`, bytes))),
      { numRuns: 150 }
    )
  })

  it.each(["mcp.json", "config.yaml"])("handles any JSON in %s, cut anywhere, in any encoding", async (name) => {
    await fc.assert(
      fc.asyncProperty(
        json,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.constantFrom<ConfigText.Encoding>("utf-8", "utf-16le", "utf-16be"),
        async (value, part, encoding) => {
          const text = JSON.stringify(value) ?? ""
          looksAtAll(await read(`/c/${name}`, ConfigText.encode(text, { encoding, marked: true })))
          const cut = text.slice(0, Math.ceil(text.length * part))
          looksAtAll(await read(`/c/${name}`, ConfigText.encode(cut, { encoding, marked: false })))
        }
      ),
      { numRuns: 200 }
    )
  })

  it("returns every written entry, whatever its name", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string(), { maxLength: 6 }), (names) => {
        const text = `{ "mcpServers": {${names.map((name) => `${JSON.stringify(name)}: {"command": "x"}`).join(",")}} }`
        assert.deepStrictEqual(
          Either.getOrThrow(McpConfig.parse("/c/mcp.json", text)).map(({ name }) => name),
          names
        )
      })
    )
  })

  it("decodes text in any encoding", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme" }),
        fc.constantFrom<ConfigText.Encoding>("utf-8", "utf-16le", "utf-16be"),
        (text, encoding) => {
          const bytes = ConfigText.encode(text, { encoding, marked: true })
          assert.deepStrictEqual(ConfigText.decode(bytes), { text, encoding, marked: true })
        }
      )
    )
  })

  it("handles any env file, and any text with references", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."AB=\"'`\\# \n\r${}%~/:") }), (text) => {
        Either.isEither(EnvFile.parse(text))
        for (const use of ["place", "value", "header", "other"] as const) {
          const canonical = ConfigVariables.canonical(text, use, true)
          assert.isTrue(Either.isEither(ConfigVariables.expand(canonical, variables)))
        }
      })
    )
  })

  it("reads an env file", () => {
    const text =
      'A=1\r\n# note\nexport B = "two\\nlines" # more\nC=\'x # y\'\nD=\nE=a#b c # d\nF="-----BEGIN\nKEY-----"\nG=$A\n'
    assert.deepStrictEqual(
      [...Either.getOrThrow(EnvFile.parse(text))],
      [
        ["A", "1"],
        ["B", "two\nlines"],
        ["C", "x # y"],
        ["D", ""],
        ["E", "a#b c"],
        ["F", "-----BEGIN\nKEY-----"],
        ["G", "$A"]
      ]
    )
    assert.deepStrictEqual(EnvFile.parse('A=1\nB="x\nC=2'), Either.left(2))
  })
})
