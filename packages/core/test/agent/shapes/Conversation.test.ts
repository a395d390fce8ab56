import { assert, describe, it } from "@effect/vitest"
import * as Conversation from "#src/agent/shapes/Conversation.ts"
import type { Way } from "#src/agent/ToolForm.ts"
import type { ChatMessage } from "#src/lmstudio/Chat.ts"
import { FastCheck } from "effect"
import { broken } from "./inTurns.ts"

const system = (content: string): ChatMessage => ({ role: "system", content })
const user = (content: string): ChatMessage => ({ role: "user", content })
const said = (content: string, ...ids: ReadonlyArray<string>): ChatMessage => ({
  role: "assistant",
  content,
  toolCalls: ids.map((id) => ({ id, name: "read", arguments: '{"path":"/a"}' }))
})
const result = (toolCallId: string, content = "a"): ChatMessage => ({ role: "tool", toolCallId, content })
const picture: ChatMessage = { role: "user", content: [{ type: "image", dataUrl: "data:image/png;base64,AA==" }] }

const { inTurns } = Conversation
const roles = (messages: ReadonlyArray<ChatMessage>) => messages.map(({ role }) => role.slice(0, 1)).join("")

describe("a conversation with alternating turns", () => {
  it("is left unchanged when it already alternates", () => {
    const messages = [system("s"), user("u"), said("", "1", "2"), result("1"), result("2"), said("", "3"), result("3")]
    assert.deepStrictEqual(inTurns(messages), messages)
  })

  it("puts text of the run that follows a result into the result", () => {
    const last = inTurns([system("s"), user("u"), said("", "1"), result("1", "42"), user("Answer now.")]).at(-1)
    assert.strictEqual(last?.content, "42\n\n[Note of the run, not of the tool: Answer now.]")
    assert.strictEqual(roles(inTurns([user("u"), said("", "1"), result("1"), user("a"), user("b")])), "uat")
  })

  it("shows images that follow results after a short assistant message", () => {
    assert.strictEqual(roles(inTurns([user("u"), said("", "1"), result("1"), picture, user("note")])), "uatau")
  })

  it.each([
    ["two users", [user("a"), user("b")], "u"],
    ["two assistants", [user("a"), said("b"), said("c", "1"), result("1")], "uat"],
    ["a second system message", [system("a"), user("b"), system("c")], "su"],
    ["two at the beginning", [system("a"), system("b"), user("c")], "su"],
    ["an assistant at the beginning", [system("a"), said("b"), user("c")], "suau"],
    ["an assistant at the end", [user("a"), said("b")], "uau"],
    ["an assistant without a word", [user("a"), said(" "), user("b")], "u"],
    ["a call without a result", [user("a"), said("", "1", "2"), result("2"), user("b")], "uatt"],
    ["a result without a call", [user("a"), result("1")], "u"],
    ["a result twice", [user("a"), said("", "1"), result("1"), result("1")], "uat"],
    ["two calls of one id", [user("a"), said("", "1", "1"), result("1")], "uat"],
    ["nothing", [], "u"],
    ["nothing but instructions", [system("a")], "su"]
  ])("mends %s", (_, messages, expected) => {
    assert.strictEqual(roles(inTurns(messages)), expected)
  })

  const content = FastCheck.constantFrom("", " ", "a", "<tool_call>")
  const id = FastCheck.constantFrom("", "1", "2", "3")
  const message = FastCheck.oneof(
    content.map(system),
    content.map(user),
    FastCheck.constant(picture),
    FastCheck.tuple(content, FastCheck.array(id, { maxLength: 3 })).map(([text, ids]) => said(text, ...ids)),
    FastCheck.tuple(id, content).map(([of, text]) => result(of, text))
  )
  const ways = FastCheck.subarray(["system", "history", "tools"] as const)

  it("results from any messages, in every way of sending them", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.array(message, { maxLength: 12 }), ways, (messages, chosen) => {
        const sent = Conversation.render({ messages, tools: [] }, chosen).messages
        assert.isUndefined(broken(sent), JSON.stringify(sent))
        if (chosen.includes("system")) assert.isFalse(sent.some(({ role }) => role === "system"))
        if (chosen.some((way) => way !== "system")) assert.notInclude(roles(sent), "t")
      }),
      { numRuns: 2000 }
    )
  })

  it("loses no text", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.array(message, { maxLength: 10 }), ways, (drawn, chosen) => {
        const messages = drawn.map((entry, index): ChatMessage =>
          typeof entry.content === "string" ? ({ ...entry, content: `word${index}!` } as ChatMessage) : entry
        )
        const all = JSON.stringify(Conversation.render({ messages, tools: [] }, chosen).messages)
        for (const [index, { content: text }] of messages.entries()) {
          if (typeof text === "string") assert.include(all, `word${index}!`)
        }
      })
    )
  })
})

describe("other ways to send a conversation", () => {
  const tools = [{ name: "read", description: "Reads.", parameters: { type: "object", properties: {} } }]
  const messages = [system("Be brief."), user("Read /a."), said("I will.", "1"), result("1", "42"), user("Go on.")]
  const rendered = (...ways: ReadonlyArray<Way>) => Conversation.render({ messages, tools }, ways)

  it("puts the instructions before the task", () => {
    assert.deepStrictEqual(rendered("system").messages[0], user("Be brief.\n\nRead /a."))
    assert.deepStrictEqual(rendered("system").tools, tools)
  })

  it("sends calls and results as text", () => {
    const [, , call, answer] = rendered("history").messages
    assert.strictEqual(
      call?.content,
      'I will.\n<tool_call>\n{"name": "read", "arguments": {"path":"/a"}}\n</tool_call>'
    )
    assert.deepStrictEqual(answer, user("Result of read:\n42\n\nGo on."))
    assert.deepStrictEqual(rendered("history").tools, tools)
  })

  it("describes the tools in the instructions, and offers none", () => {
    const { messages: sent, tools: offered } = rendered("tools", "system")
    assert.deepStrictEqual(offered, [])
    assert.include(String(sent[0]?.content), '{"name":"read","description":"Reads."')
    assert.strictEqual(roles(sent), "uau")
  })
})
