/** Mistakes in a file are explained in the user's terms, with the line and what to write. */
import { assert, describe, it } from "@effect/vitest"
import * as McpConfig from "#src/mcp/config/McpConfig.ts"
import * as ConfigLanguage from "#src/mcp/dialects/ConfigLanguage.ts"
import * as TomlText from "#src/mcp/dialects/TomlText.ts"
import * as YamlText from "#src/mcp/dialects/YamlText.ts"
import { Either } from "effect"

const inJson = (text: string) => {
  const { detail, line } = Either.getOrThrow(Either.flip(McpConfig.parse("/p/mcp.json", text)))
  return [line, detail] as const
}

describe("mistakes in JSON", () => {
  it.each<[string, string, number, string]>([
    [
      "single backslashes",
      '{\n"mcpServers": { "a": { "command": "C:\\Users\\x.exe" } } }',
      2,
      "Write \\\\ or / instead of \\"
    ],
    ["a small u after one", '{ "mcpServers": { "a": { "command": "C:\\users" } } }', 1, "single backslash"],
    ["typographic quotes", "{\n“mcpServers”: {} }", 2, '“ is a typographic quotation mark. Write a straight "'],
    ["low quotes", "{ „mcpServers“: {} }", 1, "„ is a typographic quotation mark"],
    ["Python's quotes", "{ 'mcpServers': {} }", 1, 'write "double quotes" instead of \''],
    ["Python's words", '{ "mcpServers": { "a": { "disabled": False } } }', 1, "Write false instead of False."],
    ["None", '{ "mcpServers": { "a": { "env": None } } }', 1, "Write null instead of None."],
    ["names without quotes", "{ mcpServers: {} }", 1, 'Write it in "double quotes".'],
    ["a special blank", '{\u00A0"mcpServers": {} }', 1, "special blank (U+00A0)"],
    ["a wide colon", '{ "mcpServers"： {} }', 1, "Write : instead of ：."],
    ["a placeholder", '{ "mcpServers": { ... } }', 1, "... is a placeholder."],
    ["a fence", '```json\n{ "mcpServers": {} }\n```', 1, "```"],
    ["a merge", '{\n<<<<<<< HEAD\n"mcpServers": {} }', 2, "an unfinished merge"],
    ["a shell comment", '{\n# mine\n"mcpServers": {} }', 2, "Comments begin with //, not #."],
    ["an equals sign", '{ "mcpServers" = {} }', 1, "write : instead of =."],
    ["a page", "<!DOCTYPE html><html></html>", 1, "an HTML or XML page"],
    ["a document", "{\\rtf1\\ansi mcpServers}", 1, "word processor document (RTF)"],
    ["another encoding", "{ \uFFFDmcpServers\uFFFD: {} }", 1, "Save the file as UTF-8"],
    ["a string over two lines", '{ "mcpServers": { "a": { "command": "x\ny" } } }', 1, "A string is not closed"],
    [
      "a server without a name",
      '{ "command": "npx", "args": [] }',
      1,
      'Write { "mcpServers": { "NAME": … } } around it.'
    ]
  ])("says %s", (_, text, line, said) => {
    const [at, detail] = inJson(text)
    assert.strictEqual(at, line)
    assert.include(detail, said)
  })

  it("does not repeat text of the file", () => {
    assert.notInclude(inJson('{ "mcpServers": { "a": { "env": { "KEY": s3cret } } } }')[1], "s3cret")
  })
})

describe("mistakes in TOML and YAML", () => {
  it.each<[string, string, number, string]>([
    ["single backslashes", '[mcp_servers.a]\ncommand = "C:\\Users"', 2, "single backslash"],
    ["a string without quotes", "[mcp_servers.a]\ncommand = npx", 2, 'Put a string in "double quotes"'],
    ["a server that occurs twice", "[mcp_servers.a]\nx = 1\n[mcp_servers.a]\n", 3, "A name occurs twice."],
    ["a bracket", '[mcp_servers.a]\nargs = ["x",', 2, "A bracket or a string is not closed."]
  ])("TOML: says %s", (_, text, line, said) => {
    const problem = Either.getOrThrow(Either.flip(TomlText.parse(text)))
    assert.strictEqual(problem.line, line)
    assert.include(problem.detail, said)
  })

  it.each<[string, string, number, string]>([
    ["a tab", "extensions:\n\ta: 1\n", 2, "The line begins with a tab."],
    ["a quotation mark", 'a: "x\n', 2, "not closed"]
  ])("YAML: says %s", (_, text, line, said) => {
    const problem = Either.getOrThrow(Either.flip(YamlText.parse(text)))
    assert.isAtMost(problem.line, line)
    assert.include(problem.detail, said)
  })

  it.each([
    ["mcp.json", '// mine\n{ "mcpServers": {} }', "json"],
    ["mcp.json", "[mcp_servers.a]\ncommand = 'x'", "toml"],
    ["config", "model = 'x'\n", "toml"],
    ["mcp.json", "extensions:\n  a: 1", "yaml"],
    ["settings", '[{ "a": 1 }]', "json"],
    ["config.yaml", "", "yaml"],
    ["config.toml", "# nothing\n", "toml"],
    ["x.json", "'mcpServers': {", "yaml"]
  ])("takes %s with %j for %s", (path, text, language) => {
    assert.strictEqual(ConfigLanguage.of(path, text), language)
  })
})
