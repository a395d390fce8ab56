import { assert, describe, it } from "@effect/vitest"
import { codeSpans } from "#src/agent/forms/CodeSpans.ts"
import { findBlocks } from "#src/agent/forms/FoundCalls.ts"
import { formTable } from "#src/agent/forms/FormTable.ts"
import { recover } from "#src/agent/forms/TextCalls.ts"
import * as ToolCatalog from "#src/agent/tools/ToolCatalog.ts"
import { FastCheck } from "effect"

const catalog = ToolCatalog.make(
  ["read_file", "list"].map((name) => ({
    server: "main",
    name,
    description: "",
    annotations: {},
    inputSchema: { type: "object", properties: { path: { type: "string" } } }
  })),
  {}
)

const reply = (content: string, finishReason: string) => ({
  model: "m",
  content,
  reasoning: "",
  toolCalls: [],
  finishReason,
  firstTokenMillis: 0,
  totalMillis: 0
})

const pieces = formTable.flatMap(({ close, examples }) => [
  ...close,
  ...examples,
  ...examples.flatMap((example) => example.split(/(?<=[>\]}:])|(?=["{[<])/))
])

const texts = FastCheck.array(
  FastCheck.oneof(
    FastCheck.constantFrom(...pieces, "{", "}", '"', "'", "\\", "`", "```json\n", "\n", " ", "read_file", "to=", "0"),
    FastCheck.string()
  ),
  { maxLength: 30 }
).map((parts) => parts.join(""))

describe("calls in any text", () => {
  it.prop(
    "returns blocks in order, within the text, without overlap",
    [texts, FastCheck.boolean()],
    ([text, whole]) => {
      let last = 0
      for (const { end, start } of findBlocks(text, { whole })) {
        assert.isAtLeast(start, 0)
        assert.isAtLeast(end, start)
        assert.isAtMost(end, text.length)
        assert.isAtLeast(end, last)
        last = end
      }
    }
  )

  it.prop(
    "either finds usable calls, or asks, or leaves the text unchanged",
    [texts, FastCheck.constantFrom("stop", "length", "")],
    ([text, finishReason]) => {
      const { inText, reply: after, unread } = recover(reply(text, finishReason), { catalog, messages: [] })
      assert.strictEqual(inText, after.toolCalls.length > 0)
      if (inText) assert.isUndefined(unread)
      if (!inText && unread === undefined) assert.strictEqual(after.content, text)
      for (const { name } of after.toolCalls) assert.isDefined(catalog.find(name))
    }
  )

  it.each([
    ["line breaks behind a fence", "```json" + "\n".repeat(100_000)],
    ["openings without an end", "<tool_call>{".repeat(20_000)],
    ["function tags without an end", "<function=list>\n<parameter=path>".repeat(5000)],
    ["brackets", "[TOOL_CALLS]" + "[{".repeat(50_000)],
    ["objects that are never closed", '{"name": '.repeat(20_000)],
    ["quotes", `{"name": "list", "arguments": {"a": ${'"'.repeat(100_001)}`],
    ["spaces", `<tool_call>${" ".repeat(200_000)}`],
    ["backticks on one line", "`<tool_call>{".repeat(10_000)],
    ["harmony without an end", `<|start|>assistant to=functions.list${" json".repeat(30_000)}`],
    ["names of tools", '"list" list( <list> '.repeat(5000)]
  ])("is done with a hundred thousand characters of %s", (_, text) => {
    assert.deepStrictEqual(recover(reply(text, "stop"), { catalog, messages: [] }).reply.toolCalls, [])
  })
})

describe("codeSpans", () => {
  it("recognises fences, unclosed fences, and text between backticks", () => {
    const text = "a `b` c\n```js\n`x\n```\nd\n~~~\ne"
    const code = codeSpans(text)
    assert.isTrue(code.isInline(text.indexOf("b")))
    assert.isFalse(code.isInline(text.indexOf("c")))
    assert.isDefined(code.fenceAt(text.indexOf("x")))
    assert.isUndefined(code.fenceAt(text.indexOf("d")))
    assert.isDefined(code.fenceAt(text.indexOf("e")))
  })
})
