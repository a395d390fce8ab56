import { assert, describe, it } from "@effect/vitest"
import * as Markdown from "#src/terminal/Markdown.ts"

const shown = (pieces: ReadonlyArray<string>) => {
  let state = Markdown.initial
  const all: Array<Markdown.Segment> = []
  for (const piece of pieces) {
    const [next, segments] = Markdown.step(state, piece)
    state = next
    all.push(...segments)
  }
  return [...all, ...Markdown.rest(state)]
    .map(({ style, text }) => (style === "plain" ? text : text.trim() === "" ? text : `<${style}:${text}>`))
    .join("")
}

/** As a whole, and letter by letter. */
const both = (text: string) => {
  const whole = shown([text])
  const strip = (marked: string) => marked.replaceAll(/<\w+:|>/g, "")
  assert.strictEqual(strip(shown(Array.from(text))), strip(whole), text)
  return whole
}

describe("Markdown on a terminal", () => {
  it("marks headings, bold, code and lists", () => {
    for (const [text, expected] of [
      ["plain text\nmore", "plain text\nmore"],
      ["# Title\ntext", "<strong:Title>\ntext"],
      ["a **bold** word", "a <strong:bold> word"],
      ["**Bold** first\n", "<strong:Bold> first\n"],
      ["run `npm **x**` now", "run <code:npm **x**> now"],
      ["- one\n- two", "• one\n• two"],
      ["* one\n  * two\n", "• one\n  • two\n"],
      ["1. one\n2. two", "1. one\n2. two"],
      ["2 * 3 = 6 and 2 ** 3", "2 * 3 = 6 and 2 ** 3"],
      ["#hashtag", "#hashtag"],
      ["-5 degrees", "-5 degrees"],
      ["a\n\n---\nb", "a\n\n<quiet:────────────────────>\nb"],
      ["", ""],
      ["**", "**"],
      ["-", "-"]
    ] as const) {
      assert.strictEqual(both(text), expected)
    }
  })

  it("shows code as it is", () => {
    assert.strictEqual(
      both("```ts\nconst a = `**`\n\n# no\n```\nend"),
      "<code:  const a = `**`>\n  \n<code:  # no>\nend"
    )
  })

  it("aligns tables", () => {
    assert.strictEqual(
      both("| Name | Size |\n| --- | ---: |\n| a | 1 |\n| **long** | 22 |\n\nend"),
      "<strong:Name  Size>\na     1\nlong  22\n\nend"
    )
    assert.strictEqual(both("| a | b |\n|--|--|\n| c | d |"), "<strong:a  b>\nc  d")
  })

  it("does not wait for the end of a line", () => {
    const [, segments] = Markdown.step(Markdown.initial, "The answer is long and")
    assert.deepStrictEqual(segments, [{ text: "The answer is long and", style: "plain" }])
  })
})
