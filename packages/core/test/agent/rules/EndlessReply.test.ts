import { assert, describe, it } from "@effect/vitest"
import * as EndlessReply from "#src/agent/rules/EndlessReply.ts"
import { FastCheck } from "effect"

/** After how many characters it detects repetition; undefined when it never does. */
const noticed = (text: string, options?: Parameters<typeof EndlessReply.make>[0]): number | undefined => {
  const guard = EndlessReply.make(options)
  for (let place = 0; place < text.length; place += 7) {
    if (guard.push(text.slice(place, place + 7))) return place
  }
  return undefined
}

const block = `To read the file, you can use this:\n\`\`\`json\n{"name": "read_file", "arguments": {"path": "/data/orders.txt"}}\n\`\`\`\nThis gives you its content, and then we can go on with the next step of it.\n`
const rows = (count: number, row: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => row(index)).join("\n")

describe("EndlessReply", () => {
  it.each([
    ["a word", "and so on, ".repeat(400)],
    ["one character", "!".repeat(4000)],
    ["line breaks", "\n".repeat(4000)],
    ["a sentence", "I have to look into the file to find it out.\n".repeat(100)],
    ["a call block with a sentence", block.repeat(30)],
    [
      "a bare call with a sentence",
      `I call it.\n{"name": "list", "arguments": {"path": "/a"}}\nThen I look.\n`.repeat(60)
    ],
    ["a long paragraph", `${rows(12, (index) => `Step ${index} is to go on with the work.`)}\n`.repeat(30)]
  ])("notices %s again and again, also after a beginning of its own", (_, text) => {
    assert.isDefined(noticed(text))
    assert.isDefined(noticed(`The task is to find the word in the file.\n\n${text}`))
    assert.isAtMost(noticed(text) ?? Infinity, 9000)
  })

  it.each([
    ["a matrix of zeros", rows(60, () => "0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0")],
    ["a matrix in JSON", `[${rows(60, () => `[${"0, ".repeat(40)}0],`)}]`],
    ["a long table", `| name | state | note |\n${rows(300, () => "| user | active | none |")}`],
    ["CSV", rows(400, () => "user,active,true,none")],
    ["a code block", `\`\`\`html\n${rows(400, () => '  <td class="cell"></td>')}\n\`\`\``],
    ["numbered lines", rows(600, (index) => `${index}. This is a line of the list.`)],
    ["prose", rows(400, (index) => `The ${index * 7919} of these is not like the others.`)]
  ])("leaves %s alone", (_, text) => {
    assert.isUndefined(noticed(text))
  })

  it("notices digits that run on without anything between them", () => {
    const guard = EndlessReply.make()
    assert.isTrue(Array.from({ length: 130 }, () => guard.push("0123456789")).includes(true))
  })

  it("waits longer in arguments, and where the task asks for repetition", () => {
    const lines = "the same line of a file\n".repeat(200)
    assert.isDefined(noticed(lines))
    assert.isUndefined(noticed(lines, { inCall: true }))
    assert.isDefined(noticed(lines.repeat(3), { inCall: true }))
    assert.isUndefined(noticed(lines, { patient: true }))
    assert.isTrue(EndlessReply.asksForRepetition("Write hello 500 times."))
    assert.isTrue(EndlessReply.asksForRepetition("Write a 40x40 table."))
    assert.isFalse(EndlessReply.asksForRepetition("Read the file and tell me the 3 words."))
  })

  it("eventually stops even requested repetition", () => {
    assert.isDefined(noticed("0 0 0 0\n".repeat(10_000)))
  })

  it.prop("never considers a short text endless", [FastCheck.string({ maxLength: 2000 })], ([text]) => {
    assert.isUndefined(noticed(text))
  })
})
