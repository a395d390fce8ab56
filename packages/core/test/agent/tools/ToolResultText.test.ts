import { assert, describe, it } from "@effect/vitest"
import { limited, textOf } from "#src/agent/tools/ToolResultText.ts"
import type { ToolContent } from "#src/mcp/ToolResult.ts"

const told = (
  content: ReadonlyArray<ToolContent>,
  rest: { isError?: boolean; structured?: Record<string, unknown> } = {}
) => textOf({ content, isError: false, ...rest })

describe("ToolResultText", () => {
  it("renders every kind of content", () => {
    assert.strictEqual(
      told([
        { type: "text", text: "one" },
        { type: "image", mimeType: "image/png", data: "AAAA".repeat(1000) },
        { type: "audio", mimeType: "audio/wav", data: "AAA=" },
        { type: "resource_link", uri: "file:///a", name: "A", mimeType: "text/plain" },
        { type: "resource", uri: "file:///b", text: "two" },
        { type: "resource", uri: "file:///c", mimeType: "image/gif", blob: "AAAAAAAA" },
        { type: "unknown", kind: "video", json: "{}" }
      ]),
      [
        "one",
        "[image, image/png, 2.9 KiB, not shown]",
        "[audio, audio/wav, 2 B, not shown]",
        '[link to a resource: file:///a, "A", text/plain]',
        "[resource file:///b]\ntwo",
        "[resource file:///c, image/gif, 6 B of binary data, not shown]",
        '[content of kind "video"] {}'
      ].join("\n")
    )
  })

  it("renders an error, an empty result and an empty error", () => {
    assert.strictEqual(told([{ type: "text", text: "no" }], { isError: true }), "The tool reports an error: no")
    assert.strictEqual(told([]), "The tool finished and returned nothing.")
    assert.strictEqual(told([], { isError: true }), "The tool reports an error: it gave no reason.")
  })

  it("renders structured content once", () => {
    const structured = { b: [1, { c: null }], a: "x" }
    assert.strictEqual(told([], { structured }), `Structured result: ${JSON.stringify(structured)}`)
    const text = JSON.stringify({ a: "x", b: [1, { c: null }] }, null, 2)
    assert.strictEqual(told([{ type: "text", text }], { structured }), text)
    assert.include(told([{ type: "text", text: "two files" }], { structured }), "Structured result")
  })

  it("renders structured content once when its values are those of the content, and separately when they say more", () => {
    const read = (structured: unknown) =>
      textOf({ content: [{ type: "text", text: "a\nb\n" }], isError: false, structured })
    assert.strictEqual(read({ content: "a\nb\n" }), "a\nb\n")
    assert.strictEqual(read({ content: [{ type: "text", text: "a\nb" }] }), "a\nb\n")
    assert.include(read({ content: "a\nb\n", lines: 2 }), 'Structured result: {"content"')
    // the same list, as text by itself and structured under a name
    const list = [{ entityName: "Anna", addedObservations: ["buys bread"] }]
    assert.notInclude(
      told([{ type: "text", text: JSON.stringify(list, null, 2) }], { structured: { results: list } }),
      "Structured result"
    )
    assert.strictEqual(
      textOf({ content: [{ type: "text", text: "" }], isError: false, structured: { content: "" } }),
      "The tool finished and returned nothing."
    )
  })

  it("shows text that a server sends as binary data", () => {
    const resource = (blob: string) =>
      textOf({ content: [{ type: "resource", uri: "file:///a.csv", blob }], isError: false })
    assert.strictEqual(resource("YSxiCjEsMgo="), "[resource file:///a.csv]\na,b\n1,2\n")
    assert.include(resource("/9j/4AA="), "of binary data, not shown")
  })

  it("never includes binary data", () => {
    assert.strictEqual(told([{ type: "text", text: "\u0000PNG" }]), "[4 B of binary data, not shown]")
    assert.match(told([{ type: "text", text: "\ufffd\ufffdab" }]), /binary data/)
    assert.strictEqual(told([{ type: "text", text: "\u001b[31mred\u001b[0m\ttab" }]), "\u001b[31mred\u001b[0m\ttab")
  })

  it("shows the head and tail of a long text, and states its size", () => {
    const text = `${"h".repeat(5000)}${"m".repeat(1_000_000)}${"t".repeat(5000)}`
    const result = limited(text, 1000)
    assert.isTrue(result.cut)
    assert.strictEqual(result.bytes, 1_010_000)
    assert.match(result.told, /^h{700}\n\[… 1009000 of 1010000 bytes left out here.*\]\nt{300}$/)
    assert.deepStrictEqual(limited("short", 1000), { told: "short", bytes: 5, cut: false })
  })

  it("cuts between characters", () => {
    for (let offset = 0; offset < 4; offset++) {
      const result = limited(`${"x".repeat(offset)}${"😀é".repeat(2000)}`, 1001)
      assert.notInclude(result.told, "\ufffd")
    }
  })
})
