import { assert, describe, it } from "@effect/vitest"
import { formTable } from "#src/agent/forms/FormTable.ts"
import * as ShownText from "#src/agent/forms/ShownText.ts"
import { FastCheck } from "effect"

const streamed = (pieces: Iterable<string>) => {
  const shown = ShownText.make()
  let text = ""
  for (const piece of pieces) text += shown.push(piece)
  return { text, rest: shown.rest() }
}

describe("ShownText", () => {
  const examples = formTable
    .filter(({ unmarked }) => unmarked !== true)
    .flatMap(({ examples }) =>
      // harmony is parsed before it is shown
      examples.filter((example) => /^(?:<(?!\|channel\|>|\|start\|>)|\[)/.test(example))
    )

  it.each(examples)("shows nothing of %s, however it is split into chunks", (example) => {
    const whole = `I look.\n${example}\nDone.`
    assert.strictEqual(streamed([whole]).text, "I look.\n")
    assert.strictEqual(streamed(whole).text, "I look.\n")
  })

  it.each([
    "A model writes <tool_call> before it, and then the object.",
    "if a < b and b <c then [1, 2] and [A] is less",
    "See [the page](https://example.org) or <b>this</b>.",
    "The answer is 5."
  ])("shows %s as it is", (whole) => {
    assert.strictEqual(streamed([whole]).text, whole)
    assert.strictEqual(streamed(whole).text, whole)
  })

  it("neither loses nor adds text", () => {
    const piece = FastCheck.oneof(
      FastCheck.constantFrom("<tool_call>", "[TOOL", "<", "`", "\n", "word "),
      FastCheck.string()
    )
    FastCheck.assert(
      FastCheck.property(FastCheck.array(piece), (pieces) => {
        const { rest, text } = streamed(pieces)
        assert.strictEqual(text + rest, pieces.join(""))
      })
    )
  })
})
