import { assert, describe, it } from "@effect/vitest"
import * as ToolCatalog from "@lms-bridge/core/agent/ToolCatalog"
import { recover } from "@lms-bridge/core/agent/ToolCallText"
import type { ChatMessage, ChatReply } from "@lms-bridge/core/lmstudio/Chat"

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

describe("ToolCallText", () => {
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
    assert.strictEqual(content, text.startsWith("commentary") ? "commentary" : "")
    assert.isUndefined(unread)
  })

  it("keeps the words before a call as the text of the turn", () => {
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

  it("reads the values that each format has, and leaves their types to the schema", () => {
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

  it("looks into the reasoning only when there is no text", () => {
    const reasoning = `I should read it.\n<tool_call>${json}</tool_call>`
    assert.deepStrictEqual(read("", { reasoning }).calls, one)
    assert.deepStrictEqual(read("The answer.", { reasoning }).calls, [])
    assert.isUndefined(read("", { reasoning: `<tool_call>${json}</tool_call> or not` }).unread)
  })

  it.each([
    ["an example in prose", `You would write <tool_call>${json}</tool_call> for that.`],
    ["an example at the end of a sentence", `The format is <tool_call>${json}</tool_call>`],
    ["an example in a code block", `Use this:\n\n\`\`\`xml\n<tool_call>${json}</tool_call>\n\`\`\`\n`],
    ["a code block that is not closed", `Use this:\n\`\`\`\n<tool_call>${json}</tool_call>`],
    ["backticks", `\`[TOOL_REQUEST]${json}[END_TOOL_REQUEST]\``]
  ])("does not take %s for a call, and asks what was meant", (_, text) => {
    const { calls, content, unread } = read(text)
    assert.deepStrictEqual(calls, [])
    assert.strictEqual(content, text)
    assert.include(unread, "was not run")
  })

  it("does not take what a tool said, or the person, for a call of the model", () => {
    const text = `<tool_call>${json}</tool_call>`
    const quoting = (message: ChatMessage) => read(`The file says:\n${text}`, {}, [message]).calls
    assert.deepStrictEqual(quoting({ role: "tool", toolCallId: "a", content: `log: ${text} end` }), [])
    assert.deepStrictEqual(quoting({ role: "user", content: `What does ${text} mean?` }), [])
    assert.deepStrictEqual(quoting({ role: "assistant", content: text, toolCalls: [] }), one)
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
    ["a cut call", '<tool_call>{"name": "read_file", "arguments": {"path": "/a'],
    ["an XML call that is cut", "<tool_call><function=read_file><parameter=path>/a"],
    ["an answer in JSON", '{"name": "Ada", "id": 3}'],
    ["an answer in JSON about another tool", '{"name": "other", "arguments": {"a": 1}}'],
    ["plain text", "I would use read_file for that."]
  ])("leaves %s as it is", (_, text) => {
    assert.deepStrictEqual(read(text), { calls: [], content: text, unread: undefined })
  })

  it("does not look when the reply has calls, or no tools were offered", () => {
    const text = `<tool_call>${json}</tool_call>`
    const toolCalls = [{ id: "1", name: "list", arguments: "{}" }]
    assert.deepStrictEqual(recover(reply(text, { toolCalls }), { catalog, messages: [] }).reply.toolCalls, toolCalls)
    const none = ToolCatalog.make([], {})
    assert.deepStrictEqual(recover(reply(text), { catalog: none, messages: [] }).reply.toolCalls, [])
  })
})
