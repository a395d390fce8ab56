import { assert, describe, it } from "@effect/vitest"
import { FastCheck } from "effect"
import * as ThinkTags from "#src/lmstudio/words/ThinkTags.ts"

const alphabet = [
  ["<think>", "</think>", "<", "</", "think", ">", " ", "\n", "a", "Ü😀", "<thinking>", "`", "```", "."],
  ["<|channel|>", "analysis", "final", "<|message|>", "<|end|>", "<|start|>", "assistant", " to=f.x", "{}", "</s>"],
  ["<|im_end|>", "<|im_start|>", "user", "[THINK]", "[/THINK]", "<|channel>thought", "<channel|>", "<|call|>"],
  ["<|return|>", "<end_of_turn>", " ends it"]
].flat()

/** The result of a text that arrives in these pieces. */
const split = (...pieces: ReadonlyArray<string>) => {
  let state = ThinkTags.initial
  let reasoning = ""
  let text = ""
  const take = (next: ThinkTags.Split) => {
    if (next.withdrawn) {
      reasoning += text
      text = ""
    }
    reasoning += next.reasoning
    text += next.text
  }
  for (const piece of pieces) {
    const next = ThinkTags.push(state, piece)
    state = next.state
    take(next)
  }
  take(ThinkTags.end(state))
  return { reasoning, text }
}

/** The same, split at these positions. */
const cut = (whole: string, at: ReadonlyArray<number>) => {
  const places = [...new Set(at.map((place) => place % (whole.length + 1)))].toSorted((a, b) => a - b)
  return [0, ...places].map((place, index) => whole.slice(place, places[index] ?? whole.length))
}

describe("ThinkTags", () => {
  it("treats a leading block as thinking, whatever white space is around it", () => {
    assert.deepStrictEqual(split("\n<think>\nLet me see.\n\n</think>\n\nThe answer."), {
      reasoning: "Let me see.",
      text: "The answer."
    })
  })

  it("keeps tags that the model only mentions", () => {
    const text = "Write <think>so</think> to think.\n  "
    assert.deepStrictEqual(split(text), { reasoning: "", text })
  })

  it("returns at the end what only looked like a tag", () => {
    assert.deepStrictEqual(split("<thi"), { reasoning: "", text: "<thi" })
    assert.deepStrictEqual(split("  "), { reasoning: "", text: "  " })
    assert.deepStrictEqual(split("<think>a </thi"), { reasoning: "a </thi", text: "" })
  })

  it("treats everything as thinking when the block is never closed", () => {
    assert.deepStrictEqual(split("<think>", "still ", "thinking"), { reasoning: "still thinking", text: "" })
  })

  it("holds nothing back once it is clear that a text has no tags", () => {
    assert.strictEqual(ThinkTags.push(ThinkTags.initial, "Hi").text, "Hi")
    assert.strictEqual(ThinkTags.push(ThinkTags.push(ThinkTags.initial, "Hi").state, " a < b").text, " a < b")
  })

  const answer = "It is 4."
  it.each([
    ["a closing mark whose opening mark came from the template", `So 2 and 2.\n</think>\n\n${answer}`, "So 2 and 2."],
    ["the same without a line break", `2 and 2 … </think>${answer}`, "2 and 2 …"],
    ["a closing mark at the beginning", `</think>\n\n${answer}`, ""],
    ["nested blocks", `<think>a <think>b</think> c</think>${answer}`, "a <think>b c"],
    ["doubled openings", `<think>\n<think>\na\n</think>\n${answer}`, "<think>\na"],
    ["doubled blocks", `<think>a</think>\n<think>b</think>\n${answer}`, "ab"],
    ["doubled closings", `<think>a</think></think>\n${answer}`, "a"],
    [
      "a thought that mentions its mark",
      `<think>I write \`</think>\` there.</think>${answer}`,
      "I write `</think>` there."
    ],
    [
      "harmony",
      `<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>${answer}<|return|>`,
      "a"
    ],
    ["harmony without thoughts", `<|channel|>final<|message|>${answer}<|end|>`, ""],
    ["Gemma 4", `<|channel>thought\na\n<channel|>${answer}`, "a"],
    ["Gemma 4, empty", `<|channel>thought\n<channel|>${answer}<turn|>`, ""],
    ["Magistral", `[THINK]a[/THINK]${answer}`, "a"],
    ["Seed", `<seed:think>a</seed:think>${answer}`, "a"],
    ["Kimi VL", `◁think▷a◁/think▷${answer}`, "a"],
    ["an end token", `${answer}<|im_end|>`, ""],
    ["an end token of Seed's", `${answer}<seed:eos>`, ""],
    ["an end token after a space", `${answer} <|eot_id|>\n`, ""],
    ["an end token and an invented turn", `${answer}<|im_end|>\n<|im_start|>user\nThanks!<|im_end|>`, ""],
    ["Gemma's end and an invented turn", `${answer}<end_of_turn>\n<start_of_turn>user\nThanks!`, ""],
    ["an invented turn without an end token", `${answer}\n<|start_header_id|>user<|end_header_id|>\n\nThanks!`, ""],
    ["a turn of its own at the beginning", `<|im_start|>assistant\n${answer}`, ""],
    ["the end of a sentence of Llama 2", `${answer}</s>`, ""]
  ])("keeps %s out of the answer, however the text is split", (_, whole, thought) => {
    const last = split(whole)
    assert.strictEqual(last.text.trim(), answer)
    assert.strictEqual(last.reasoning.replaceAll(/\n$/g, "").trim(), thought)
    assert.deepStrictEqual(split(...whole), last)
  })

  it.each([
    ["prose", "The <think> tag begins it and </think> ends it."],
    ["prose about the closing mark alone", "A model writes </think> when it is done, then the answer."],
    ["the end of a sentence", "The thought ends with </think>."],
    ["quotes", 'It ends with "</think>" or “[/THINK]”.'],
    ["inline code", "Use `</think>` and `<|im_end|>`.\nThen go on."],
    ["a code block", "So:\n```jinja\n{{ '<think>' }}\n</think>\n<|im_end|>\n<|im_start|>user\n```\nThat is it."],
    ["a code block of tildes", "~~~\n</think>\n~~~\n"],
    ["a list", "- <|im_end|> ends a turn\n- <|im_start|> begins one\n1. </think> ends a thought\n"],
    ["a table", "| mark | use |\n| --- | --- |\n| </think> | end |\n"],
    ["tokens in prose", "ChatML ends a turn with <|im_end|>, Llama 3 with <|eot_id|> and Gemma with <end_of_turn>."],
    ["a struck-out word", "This is <s>old</s> new."],
    ["a struck-out word at the end", "This is <s>old</s>"],
    ["comparisons", "if a <b and c> d [THIN] it is < 3"]
  ])("keeps a mark that is only mentioned: %s", (_, whole) => {
    assert.deepStrictEqual(split(whole), { reasoning: "", text: whole })
    assert.deepStrictEqual(split(...whole), { reasoning: "", text: whole })
  })

  it("keeps a harmony call for the code that parses calls, and does not show it", () => {
    const whole =
      '<|channel|>analysis<|message|>a<|end|><|start|>assistant to=functions.x<|channel|>commentary json<|message|>{"a": 1}<|call|>'
    const next = ThinkTags.push(ThinkTags.initial, whole)
    assert.deepInclude(next, { reasoning: "a", shown: "" })
    assert.strictEqual(next.text, whole.slice(whole.indexOf("<|start|>")))
  })

  it.each([
    ["white space", "<think>" + " \n".repeat(50_000)],
    ["brackets", "a" + "<".repeat(100_000)],
    ["openings", "<think>".repeat(15_000)],
    ["blocks within blocks", "<think>".repeat(5000) + "</think>".repeat(4000)],
    ["message headers", "<|channel|>".repeat(10_000)],
    ["backticks", "`".repeat(100_000)]
  ])("processes a hundred thousand characters of %s in pieces", (_, whole) => {
    const pieces = whole.match(/[\s\S]{1,7}/g) ?? []
    const { reasoning, text } = split(...pieces)
    assert.isAtMost(reasoning.length + text.length, whole.length)
  })

  it.prop(
    "does not depend on where the text is split",
    [
      FastCheck.array(FastCheck.constantFrom(...alphabet), { maxLength: 20 }),
      FastCheck.array(FastCheck.nat(), { maxLength: 10 })
    ],
    ([parts, places]) => {
      const whole = parts.join("")
      assert.deepStrictEqual(split(...cut(whole, places)), split(whole))
    }
  )

  it.prop("never loses or invents a character except white space at the edges", [FastCheck.string()], ([text]) => {
    FastCheck.pre(!text.trimStart().startsWith("<think>"))
    assert.deepStrictEqual(split(...text), { reasoning: "", text })
  })
})
