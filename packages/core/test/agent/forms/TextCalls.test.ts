import { assert, describe, it } from "@effect/vitest"
import * as ToolCatalog from "#src/agent/tools/ToolCatalog.ts"
import { formTable } from "#src/agent/forms/FormTable.ts"
import { recover } from "#src/agent/forms/TextCalls.ts"
import type { ChatMessage, ChatReply } from "#src/lmstudio/Chat.ts"

const catalog = ToolCatalog.make(
  [
    {
      server: "main",
      name: "read_file",
      description: "",
      annotations: {},
      inputSchema: {
        type: "object",
        properties: {
          path: { type: "string" },
          lines: { type: "integer" },
          all: { type: "boolean" },
          tags: { type: "array", items: { type: "string" } }
        },
        required: ["path"]
      }
    },
    { server: "main", name: "list", description: "", annotations: {}, inputSchema: { type: "object" } }
  ],
  {}
)

const reply = (content: string, changes: Partial<ChatReply> = {}): ChatReply => ({
  model: "m",
  content,
  reasoning: "",
  toolCalls: [],
  finishReason: "stop",
  firstTokenMillis: 0,
  totalMillis: 0,
  ...changes
})

const read = (content: string, changes: Partial<ChatReply> = {}, messages: ReadonlyArray<ChatMessage> = []) => {
  const recovered = recover(reply(content, changes), { catalog, messages })
  return {
    calls: recovered.reply.toolCalls.map(({ name, arguments: args }) => [name, JSON.parse(args)]),
    content: recovered.reply.content,
    unread: recovered.unread
  }
}

const json = '{"name": "read_file", "arguments": {"path": "/a"}}'
const one = [["read_file", { path: "/a" }]]

describe("TextCalls", () => {
  for (const { examples, family } of formTable) {
    it.each(examples)(`reads ${family}: %s`, (text) => {
      assert.deepStrictEqual(read(text), {
        calls: one,
        content: text.startsWith("To find") ? text.slice(0, text.indexOf("\n")) : "",
        unread: undefined
      })
    })
  }

  it.each([
    ["Hermes and Qwen", `<tool_call>\n${json}\n</tool_call>`],
    ["a wrapper that is not closed", `<tool_call>${json}`],
    ["parameters instead of arguments", '<tool_call>{"name": "read_file", "parameters": {"path": "/a"}}</tool_call>'],
    ["arguments as text", '<tool_call>{"name":"read_file","arguments":"{\\"path\\":\\"/a\\"}"}</tool_call>'],
    ["Qwen3-Coder", "<tool_call>\n<function=read_file>\n<parameter=path>\n/a\n</parameter>\n</function>\n</tool_call>"],
    ["Qwen3-Coder without its wrapper", "<function=read_file>\n<parameter=path>\n/a\n</parameter>\n</function>"],
    ["a function tag with JSON", '<function=read_file>{"path": "/a"}</function>'],
    ["GLM", "<tool_call>read_file\n<arg_key>path</arg_key>\n<arg_value>/a</arg_value>\n</tool_call>"],
    ["LM Studio's own format", `[TOOL_REQUEST]${json}[END_TOOL_REQUEST]`],
    ["Mistral", `[TOOL_CALLS][${json}]`],
    ["newer Mistral", '[TOOL_CALLS]read_file[ARGS]{"path": "/a"}</s>'],
    ["LFM", '<|tool_call_start|>[read_file(path="/a")]<|tool_call_end|>'],
    [
      "MiniMax",
      '<minimax:tool_call>\n<invoke name="read_file">\n<parameter name="path">/a</parameter>\n</invoke>\n</minimax:tool_call>'
    ],
    [
      "harmony",
      '<|start|>assistant<|channel|>commentary to=functions.read_file <|constrain|>json<|message|>{"path": "/a"}<|call|>'
    ],
    ["harmony without its tokens", 'commentary to=functions.read_file json {"path": "/a"}'],
    ["Llama", '<|python_tag|>{"name": "read_file", "parameters": {"path": "/a"}}<|eom_id|>'],
    ["bare JSON", json],
    ["one fence and nothing else", "```json\n" + json + "\n```"],
    ["a name with a prefix", '<tool_call>{"name": "functions.read_file", "arguments": {"path": "/a"}}</tool_call>'],
    ["left-over tokens behind it", `<tool_call>${json}</tool_call><|im_end|>\n`]
  ])("reads a call in the format of %s", (_, text) => {
    const { calls, content, unread } = read(text)
    assert.deepStrictEqual(calls, one)
    assert.strictEqual(content, "")
    assert.isUndefined(unread)
  })

  it("keeps the text before a call as the text of the turn", () => {
    assert.deepStrictEqual(read(`Let me look.\n<tool_call>${json}</tool_call>`), {
      calls: one,
      content: "Let me look.",
      unread: undefined
    })
    assert.deepStrictEqual(read(`Let me look.[TOOL_CALLS][${json}]`).calls, one)
  })

  it("reads several calls in a row", () => {
    const two = [...one, ["list", {}]]
    const list = '{"name": "list", "arguments": {}}'
    assert.deepStrictEqual(read(`<tool_call>${json}</tool_call>\n<tool_call>${list}</tool_call>`).calls, two)
    assert.deepStrictEqual(read(`[TOOL_CALLS][${json}, ${list}]`).calls, two)
    assert.deepStrictEqual(read('[TOOL_CALLS]read_file[ARGS]{"path": "/a"}[TOOL_CALLS]list[ARGS]{}').calls, two)
    assert.deepStrictEqual(read('<|tool_call_start|>[read_file(path="/a"), list()]<|tool_call_end|>').calls, two)
  })

  it("reads the values in each format, and leaves their types to the schema", () => {
    assert.deepStrictEqual(
      read("<|tool_call_start|>[read_file(path='a, (b)', lines=3, all=True, tags=['x', \"y\"])]<|tool_call_end|>")
        .calls,
      [["read_file", { path: "a, (b)", lines: 3, all: true, tags: ["x", "y"] }]]
    )
    const xml = (value: string) => `<function=read_file><parameter=path>${value}</parameter></function>`
    assert.deepStrictEqual(read(xml("\na < b && c\n  </tool_call>\n")).calls, [
      ["read_file", { path: "a < b && c\n  </tool_call>" }]
    ])
    assert.deepStrictEqual(
      read("<function=read_file><parameter=path>/a</parameter><parameter=lines>3</parameter></function>").calls,
      [["read_file", { path: "/a", lines: "3" }]]
    )
  })

  it("finds the end of a call whose arguments contain the closing mark", () => {
    const text = '<tool_call>{"name": "read_file", "arguments": {"path": "/a</tool_call>b"}}</tool_call>'
    assert.deepStrictEqual(read(text).calls, [["read_file", { path: "/a</tool_call>b" }]])
  })

  it("searches the reasoning only when there is no text", () => {
    const reasoning = `I should read it.\n<tool_call>${json}</tool_call>`
    assert.deepStrictEqual(read("", { reasoning }).calls, one)
    assert.deepStrictEqual(read("The answer.", { reasoning }).calls, [])
    assert.isUndefined(read("", { reasoning: `<tool_call>${json}</tool_call> or not` }).unread)
  })

  it.each([
    ["in prose", `You would write <tool_call>${json}</tool_call> for that.`],
    ["at the end of a sentence", `The call is <tool_call>${json}</tool_call>`],
    ["in a code block", `Use this:\n\n\`\`\`xml\n<tool_call>${json}</tool_call>\n\`\`\`\n`],
    ["in a code block that is not closed", `Use this:\n\`\`\`\n<tool_call>${json}</tool_call>`],
    ["as JSON in a block on one line", `Now: \`\`\`json ${json}\`\`\``],
    ["as JSON in a sentence", `I call ${json} now.`],
    ["in OpenAI's wrapping", `{"tool_calls": [{"id": "1", "type": "function", "function": ${json}}]}`]
  ])("takes a call %s for one", (_, text) => {
    assert.deepStrictEqual(read(text).calls, one)
  })

  it.each([
    ["`tool_name` and `parameters`", '{"tool_name": "read_file", "parameters": {"path": "/a"}}'],
    ["`action` and `action_input`", '{"action": "read_file", "action_input": {"path": "/a"}}'],
    ["`function` and `args`", '{"function": "read_file", "args": {"path": "/a"}}'],
    ["`name` and `tool_input`", '{"name": "read_file", "tool_input": {"path": "/a"}}'],
    ["Python's quotes", "{'name': 'read_file', 'arguments': {'path': '/a'}}"],
    ["a decorated name", '{"name": "default_api.read_file", "arguments": {"path": "/a"}}'],
    ["a name with a number", '{"name": "functions.read_file:0", "arguments": {"path": "/a"}}'],
    ["a name with a server", '{"name": "mcp.tools:read_file", "arguments": {"path": "/a"}}'],
    ["a bracket missing", '<tool_call>{"name": "read_file", "arguments": {"path": "/a"}</tool_call>'],
    ["a bracket too many", '<tool_call>{"name": "read_file", "arguments": {"path": "/a"}}}</tool_call>']
  ])("reads %s", (_, text) => {
    assert.deepStrictEqual(read(text).calls, one)
  })

  it("finds several blocks with sentences between them", () => {
    const list = '{"name": "list", "arguments": {}}'
    const two = [...one, ["list", {}]]
    const fence = (body: string) => `\`\`\`json\n${body}\n\`\`\``
    assert.deepStrictEqual(read(`First I read.\n${fence(json)}\nThen I list.\n${fence(list)}\nDone.`).calls, two)
    assert.deepStrictEqual(
      read(`<tool_call>\n${json}\n</tool_call>\nAnd then:\n<tool_call>\n${list}\n</tool_call>`).calls,
      two
    )
    assert.deepStrictEqual(read(`<tool_call>\n${json}\n${list}\n</tool_call>`).calls, two)
  })

  it.each([
    ["a made-up result", `<tool_call>${json}</tool_call>\n<tool_response>\nhello\n</tool_response>\nIt says hello.`],
    ["a made-up observation", `<tool_call>${json}</tool_call>\nObservation: hello\nIt says hello.`],
    ["a guessed answer", `${json}\n\nThe file says hello.`]
  ])("cuts off %s behind a call, and calls after it", (_, text) => {
    const more = `${text}\n<tool_call>{"name": "list", "arguments": {}}</tool_call>`
    assert.deepStrictEqual(read(text), { calls: one, content: "", unread: undefined })
    if (!text.includes("\n\n")) assert.deepStrictEqual(read(more).calls, one)
  })

  it("asks about a call between backticks, and accepts it as the answer when it is repeated", () => {
    const text = `Write \`[TOOL_REQUEST]${json}[END_TOOL_REQUEST]\` for that.`
    const recovered = recover(reply(text), { catalog, messages: [] })
    assert.include(recovered.unread, "was not run")
    assert.isTrue(recovered.mayBeAnswer)
    assert.strictEqual(recovered.reply.content, text)
  })

  it("does not mistake text of a tool or the person for a call of the model", () => {
    const text = `<tool_call>${json}</tool_call>`
    const quoting = (message: ChatMessage) => read(`The file says:\n${text}`, {}, [message]).calls
    assert.deepStrictEqual(quoting({ role: "tool", toolCallId: "a", content: `log: ${text} end` }), [])
    assert.deepStrictEqual(quoting({ role: "user", content: `What does ${text} mean?` }), [])
    assert.deepStrictEqual(quoting({ role: "assistant", content: text, toolCalls: [] }), one)
    const mail = (content: string) => quoting({ role: "tool", toolCallId: "a", content })
    assert.deepStrictEqual(mail(`> <tool_call>\r\n>   {"name":\r\n>  "read_file", "arguments":{"path":"/a"}}`), [])
    assert.deepStrictEqual(mail(text.replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;")), [])
    assert.deepStrictEqual(mail(JSON.stringify({ body: text.replace(" ", "\n\t") })), [])
    assert.deepStrictEqual(mail("{'name': 'read_file', 'arguments': {'path': '/a'}}"), [])
    assert.deepStrictEqual(mail("The path is /a"), one)
  })

  it.each([
    ["an unknown tool", '<tool_call>{"name": "red_file", "arguments": {}}</tool_call>', 'Did you mean "read_file"?'],
    ["arguments that do not fit", '<tool_call>{"name": "read_file", "arguments": {}}</tool_call>', '"path" is missing']
  ])("says what is wrong about %s", (_, text, part) => {
    const { calls, unread } = read(text)
    assert.deepStrictEqual(calls, [])
    assert.include(unread, part)
  })

  it.each([
    ["a near name in JSON", '{"name": "read_files", "arguments": {"path": "/a"}}', 'Did you mean "read_file"?'],
    [
      "a near name in a block",
      `Use:\n\`\`\`json\n${json.replace("read", "reed")}\n\`\`\`\nso.`,
      'Did you mean "read_file"?'
    ],
    [
      "a tool that is not offered",
      '{"name": "change_port", "arguments": {"port": 1}}',
      'There is no tool "change_port"'
    ],
    ["a cut call", '<tool_call>{"name": "read_file", "arguments": {"path": "/a', "cannot be read"],
    ["an XML call that is cut", "<tool_call><function=read_file><parameter=path>/a", "cannot be read"],
    ["a garbled call", "[TOOL_CALLS]read_file{path /a}", "cannot be read"],
    ["a call by unknown keys", '{"use": "read_file", "path": "/a"}', 'a call of "read_file"'],
    ["a call with the tool as the key", '{"read_file": {"path": "/a"}}', 'a call of "read_file"'],
    ["a call in unknown tags", "<read_file><path>/a</path></read_file>", 'a call of "read_file"'],
    ["a call in an attribute", '<call tool="read_file" path="/a"/>', 'a call of "read_file"'],
    ["a call on a line", 'I look.\nread_file(path="/a")', 'a call of "read_file"'],
    ["a call with an object", 'read_file({"path": "/a"})', 'a call of "read_file"'],
    ["a list of calls", '[read_file(path="/a"), list()]', 'a call of "read_file"'],
    ["a name, and an object beneath it", 'read_file\n{"path": "/a"}', 'a call of "read_file"'],
    ["a call behind a heading", '**Tool call:** read_file(path="/a")', 'a call of "read_file"'],
    ["a mark and nothing behind it", `<tool_call>${" ".repeat(500)}`, "cannot be read"],
    [
      "harmony's head alone",
      "<|channel|>commentary to=functions.read_file <|constrain|>json<|message|>",
      "cannot be read"
    ],
    ["a tool that does the same", '{"name": "open_file", "arguments": {"path": "/a"}}', 'Did you mean "read_file"?'],
    ["ReAct", 'Thought: I look.\nAction: read_file\nAction Input: {"path": "/a"}', 'a call of "read_file"'],
    ["marks that nobody knows", '@@call read_file {"path": "/a"} @@end', 'a call of "read_file"'],
    ["other marks", '⟦fn⟧read_file⟦args⟧\n#!read_file: {"path": "/a"}', 'a call of "read_file"'],
    ["YAML", "tool: read_file\nargs:\n  path: /a", 'a call of "read_file"'],
    ["a call whose JSON is cut", '```json\n{"name": "read_file", "arguments": {"path": "/a', 'a call of "read_file"']
  ])("asks about %s, and never takes it for the answer", (_, text, part) => {
    const recovered = recover(reply(text), { catalog, messages: [{ role: "user", content: "What does /a say?" }] })
    assert.deepStrictEqual(recovered.reply.toolCalls, [])
    assert.include(recovered.unread, part)
    assert.isFalse(recovered.mayBeAnswer)
  })

  it.each([
    ["an answer in JSON", '{"name": "Ada", "id": 3}'],
    ["plain text", "I would use read_file for that."],
    ["an account of what was done", 'I called `read_file(path="/a")` and it says 3.'],
    ["a list of tools", "- read_file: reads a file\n- list (all files): lists them"],
    ["tools as JSON", '[{"tool": "read_file", "description": "Reads."}]'],
    ["words about a mark", "The <tool_call> tag opens a call, and </tool_call> ends it."],
    ["a template in a code block", "```jinja\n{{- '<tool_call>\\n' + call + '</tool_call>' }}\n```"],
    ["a program", '```js\nconst list = await fetch("https://example.org")\nconsole.log(list)\n```'],
    ["TypeScript", "```ts\nconst to = { name: string, args: [] }\n```"],
    ["a table", "| tool | use |\n| --- | --- |\n| read_file | path: /a |"]
  ])("leaves %s as it is", (_, text) => {
    assert.deepStrictEqual(read(text), { calls: [], content: text, unread: undefined })
  })

  it("keeps the backslashes of a path", () => {
    const text = String.raw`<tool_call>{"name": "read_file", "arguments": {"path": "C:\Users\docs"}}</tool_call>`
    const { reply: after, unread } = recover(reply(text), { catalog, messages: [] })
    assert.isTrue(unread !== undefined || after.toolCalls[0]?.arguments.includes(String.raw`C:\Users\docs`) === true)
  })

  it("leaves a requested example of a call", () => {
    const text = 'So:\n```json\n{"name": "get_weather", "arguments": {"city": "Rome"}}\n```'
    const messages = [{ role: "user", content: "Show an example of a tool call." } as const]
    assert.isUndefined(recover(reply(text), { catalog, messages }).unread)
  })

  it("removes calls from the final answer, and keeps the text before them", () => {
    const last = (text: string) => recover(reply(text), { catalog, messages: [], final: true }).reply
    assert.deepInclude(last(`I found 3.\n<tool_call>${json}</tool_call>`), { content: "I found 3.", toolCalls: [] })
    assert.strictEqual(last(`Mostly 3. <tool_call>{"name": `).content, "Mostly 3.")
  })

  it("removes calls from the text beside structured ones, and in a run without tools", () => {
    const text = `<tool_call>${json}</tool_call>`
    const toolCalls = [{ id: "1", name: "list", arguments: "{}" }]
    const { reply: kept } = recover(reply(`Now. ${text}`, { toolCalls }), { catalog, messages: [] })
    assert.deepInclude(kept, { toolCalls, content: "Now." })
    const none = ToolCatalog.make([], {})
    const without = recover(reply(text), { catalog: none, messages: [] })
    assert.deepStrictEqual(without.reply.toolCalls, [])
    assert.include(without.unread, "no tools in this run")
  })
})
