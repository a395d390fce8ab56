import { assert, describe, it } from "@effect/vitest"
import { recover } from "#src/agent/forms/TextCalls.ts"
import { formTable } from "#src/agent/forms/FormTable.ts"
import * as ToolCatalog from "#src/agent/tools/ToolCatalog.ts"
import type { McpTool } from "#src/mcp/McpTool.ts"
import type { ChatMessage } from "#src/lmstudio/Chat.ts"

const tools: ReadonlyArray<McpTool> = [
  {
    server: "files",
    name: "read_file",
    description: "Reads a file.",
    inputSchema: { type: "object", properties: { path: { type: "string" } }, required: ["path"] },
    annotations: { readOnly: true }
  }
]
const catalog = ToolCatalog.make(tools, {})
const messages: ReadonlyArray<ChatMessage> = [{ role: "user", content: "What stands in the first file?" }]

const pathsIn = (content: string): ReadonlyArray<unknown> =>
  recover(
    { model: "m", content, reasoning: "", toolCalls: [], finishReason: "stop", firstTokenMillis: 0, totalMillis: 0 },
    { catalog, messages }
  ).reply.toolCalls.map(({ arguments: args, name }) => (name === "read_file" ? JSON.parse(args).path : name))

const rows = formTable.flatMap(({ examples, family }) => examples.map((example) => [family, example] as const))

describe("every form of the table", () => {
  it.each(rows)("%s is read between sentences: %s", (_, example) => {
    assert.deepStrictEqual(pathsIn(example), ["/a"])
    assert.deepStrictEqual(
      pathsIn(`To find out, I read the file first.\n\n${example}\n\nThis shows what stands in it.`),
      ["/a"]
    )
  })

  it.each(rows)("%s is read several times, with sentences between: %s", (_, example) => {
    const second = example.replace(/\/a(?!rg)/, "/b")
    assert.deepStrictEqual(pathsIn(`First this one:\n${example}\n\nAnd then the other:\n${second}\n`), ["/a", "/b"])
    assert.deepStrictEqual(pathsIn(`${example}\n\nOnce more:\n\n${example}\n`), ["/a"])
  })

  const object = '{"name": "read_file", "arguments": {"path": "/a"}}'

  it.each([
    "",
    "json",
    "JSON",
    "jsonc",
    "javascript",
    "python",
    "xml",
    "plaintext",
    "text",
    "tool_call",
    "tool",
    "bash"
  ])("JSON in a fence of the language %o", (language) => {
    assert.deepStrictEqual(pathsIn(`Here:\n\`\`\`${language}\n${object}\n\`\`\`\nDone.`), ["/a"])
    assert.deepStrictEqual(pathsIn(`Here:\n~~~${language}\n${object}\n~~~\n`), ["/a"])
    assert.deepStrictEqual(pathsIn(`Here:\n\`\`\`${language}\n<tool_call>${object}</tool_call>\n\`\`\`\n`), ["/a"])
  })

  it.each(["", "python", "py", "tool_code", "javascript", "js", "ts", "bash", "plaintext", "tool"])(
    "a call as code in a fence of the language %o",
    (language) => {
      assert.deepStrictEqual(pathsIn(`Here:\n\`\`\`${language}\nread_file(path="/a")\n\`\`\`\nDone.`), ["/a"])
      assert.deepStrictEqual(pathsIn(`Here:\n\`\`\`${language}\nread_file({"path": "/a"})\n\`\`\`\nDone.`), ["/a"])
    }
  )

  it.each([
    ["under `tool_calls`", `{"tool_calls": [${object}]}`],
    [
      "under `function`",
      '{"type": "function", "function": {"name": "read_file", "arguments": "{\\"path\\": \\"/a\\"}"}}'
    ],
    ["under `function_call`, in a fence", `\`\`\`json\n{"function_call": ${object}}\n\`\`\``],
    ["in a list in tags", `<tools>\n[${object}]\n</tools>`],
    ["in a fence in tags", `<tools>\n\`\`\`json\n${object}\n\`\`\`\n</tools>`],
    ["in tags in tags", `<tool_calls>\n<tool_call>\n${object}\n</tool_call>\n</tool_calls>`],
    ["in a list item", `1. Read the file:\n   \`\`\`json\n   ${object}\n   \`\`\`\n2. Tell what it says.`],
    ["in a quotation", `> \`\`\`json\n> ${object}\n> \`\`\``],
    ["over several lines", '```json\n{\n  "name": "read_file",\n  "arguments": {\n    "path": "/a"\n  }\n}\n```'],
    ["with other keys", '```json\n{"tool": "read_file", "parameters": {"path": "/a"}}\n```']
  ])("JSON %s", (_, text) => {
    assert.deepStrictEqual(pathsIn(text), ["/a"])
    assert.deepStrictEqual(pathsIn(`I need the file.\n\n${text}\n\nThen I can say.`), ["/a"])
  })
})
