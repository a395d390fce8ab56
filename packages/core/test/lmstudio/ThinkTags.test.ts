import { assert, describe, it } from "@effect/vitest"
import { FastCheck } from "effect"
import * as ThinkTags from "@lms-bridge/core/lmstudio/ThinkTags"

/** What becomes of a text that arrives in these pieces. */
const split = (...pieces: ReadonlyArray<string>) => {
  let state = ThinkTags.initial
  let reasoning = ""
  let text = ""
  for (const piece of pieces) {
    const next = ThinkTags.push(state, piece)
    state = next.state
    reasoning += next.reasoning
    text += next.text
  }
  const last = ThinkTags.end(state)
  return { reasoning: reasoning + last.reasoning, text: text + last.text }
}

/** The same, cut at these places. */
const cut = (whole: string, at: ReadonlyArray<number>) => {
  const places = [...new Set(at.map((place) => place % (whole.length + 1)))].toSorted((a, b) => a - b)
  return [0, ...places].map((place, index) => whole.slice(place, places[index] ?? whole.length))
}

describe("ThinkTags", () => {
  it("takes a leading block for thinking, whatever white space is around it", () => {
    assert.deepStrictEqual(split("\n<think>\nLet me see.\n\n</think>\n\nThe answer."), {
      reasoning: "Let me see.",
      text: "The answer."
    })
  })

  it("leaves tags alone that the model talks about", () => {
    const text = "Write <think>so</think> to think.\n  "
    assert.deepStrictEqual(split(text), { reasoning: "", text })
  })

  it("gives back at the end what only looked like a tag", () => {
    assert.deepStrictEqual(split("<thi"), { reasoning: "", text: "<thi" })
    assert.deepStrictEqual(split("  "), { reasoning: "", text: "  " })
    assert.deepStrictEqual(split("<think>a </thi"), { reasoning: "a </thi", text: "" })
  })

  it("takes everything for thinking when the block is never closed", () => {
    assert.deepStrictEqual(split("<think>", "still ", "thinking"), { reasoning: "still thinking", text: "" })
  })

  it("holds nothing back from a text without tags once that is clear", () => {
    assert.strictEqual(ThinkTags.push(ThinkTags.initial, "Hi").text, "Hi")
    assert.strictEqual(ThinkTags.push(ThinkTags.push(ThinkTags.initial, "Hi").state, " <thi").text, " <thi")
  })

  it.prop(
    "does not depend on where the pieces are cut",
    [
      FastCheck.array(
        FastCheck.constantFrom("<think>", "</think>", "<", "</", "think", ">", " ", "\n", "a", "Ü😀", "<thinking>"),
        { maxLength: 20 }
      ),
      FastCheck.array(FastCheck.nat(), { maxLength: 10 })
    ],
    ([parts, places]) => {
      const whole = parts.join("")
      assert.deepStrictEqual(split(...cut(whole, places)), split(whole))
    }
  )

  it.prop("never loses or invents a character but white space at the borders", [FastCheck.string()], ([text]) => {
    FastCheck.pre(!text.trimStart().startsWith("<think>"))
    assert.deepStrictEqual(split(...text), { reasoning: "", text })
  })
})
