/**
 * The requests by which a model is tried for all but its calls, and how replies are judged. Pure. Each question has one right
 * answer, which cannot be guessed.
 */
import * as Either from "effect/Either"
import { decodeJson } from "../../internal/parseJson.ts"
import * as ToolSchema from "../../agent/schema/ToolSchema.ts"
import type { ChatReply, ChatRequest } from "../../lmstudio/Chat.ts"
import * as TokenCount from "../../lmstudio/TokenCount.ts"
import type { Picture } from "./ProbeImages.ts"

type Request = Omit<ChatRequest, "model">

/** Answers by a schema: the question, the schema, and nothing about JSON in the words. */
export const structured: ReadonlyArray<{
  readonly task: string
  readonly name: string
  readonly schema: Record<string, unknown>
}> = [
  {
    task: "Oslo is the capital of Norway and has 717000 inhabitants. Which city is it, and how many live there?",
    name: "city",
    schema: object({ city: { type: "string" }, inhabitants: { type: "integer" } })
  },
  {
    task: "The lamp costs 40 euros and is sold out. What does it cost, and can it be bought?",
    name: "offer",
    schema: object({ price: { type: "number" }, available: { type: "boolean" } })
  },
  {
    task: "On the list are milk, bread and salt. What is on the list, and is it long or short?",
    name: "list",
    schema: object({ things: { type: "array", items: { type: "string" } }, length: { enum: ["long", "short"] } })
  }
]

export const structuredRequest = ({ name, schema, task }: (typeof structured)[number]): Request => ({
  messages: [{ role: "user", content: task }],
  responseSchema: { name, schema }
})

/** Whether the reply is JSON that fits the schema. Without the engine's help it may stand in a fence. */
export const fits = (schema: Record<string, unknown>, { content }: ChatReply): boolean => {
  const text = content.trim().replace(/^```(?:json)?\n([^]*)\n```$/, "$1")
  return Either.isRight(
    Either.flatMap(
      Either.mapLeft(decodeJson(text), () => []),
      (value) => Either.flatMap(ToolSchema.compile(schema), (validator) => ToolSchema.fit(validator, value))
    )
  )
}

export const pictureRequest = ({ dataUrl }: Picture): Request => ({
  messages: [
    {
      role: "user",
      content: [
        { type: "text", text: "Which word stands in this picture? Answer with the word only." },
        { type: "image", dataUrl }
      ]
    }
  ]
})

export const reads = ({ word }: Picture, { content }: ChatReply): boolean =>
  new RegExp(`\\b${word}\\b`, "i").test(content)

/** What is hidden in a long text: near its beginning, in its middle, and near its end. */
export const needles = [
  { at: 0.1, colour: "green", code: "K4729" },
  { at: 0.5, colour: "yellow", code: "R8163" },
  { at: 0.9, colour: "purple", code: "T5046" }
] as const

/** A text of about so many tokens by our estimate, with the needles in it; the same beginning each time. */
export const longText = (tokens: number): string => {
  const lines = Math.max(needles.length, Math.floor(tokens / TokenCount.ofText(line(100))))
  const all = Array.from({ length: lines }, (_, index) => line(index + 1))
  for (const { at, code, colour } of needles) {
    all[Math.min(lines - 1, Math.floor(lines * at))] = `The code of the ${colour} box is ${code}.`
  }
  return all.join("\n")
}

/** The question is the last thing in the prompt, so that the engine keeps what precedes it from one trial to the next. */
export const needleRequest = (text: string, { colour }: (typeof needles)[number]): Request => ({
  messages: [
    {
      role: "user",
      content: `${text}\n\nBy the text above: what is the code of the ${colour} box? Answer with the code.`
    }
  ]
})

export const finds = ({ code }: (typeof needles)[number], { content }: ChatReply): boolean => content.includes(code)

/** A reply whose length is known beforehand. `head` keeps the engine from reusing what it read before. */
export const counting = (text: string, head: string): string =>
  `${head}${text}\n\nForget the text above. Write the numbers from 1 to 60, in one line, with a space between them.`

export const countingRequest = (text: string, head: string): Request => ({
  messages: [{ role: "user", content: counting(text, head) }]
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

function object(properties: Record<string, unknown>): Record<string, unknown> {
  return { type: "object", properties, required: Object.keys(properties), additionalProperties: false }
}

const things = ["lamp", "chair", "window", "garden", "letter", "bridge", "clock", "river"]
const places = ["hall", "yard", "kitchen", "station", "library", "harbour", "market"]

const line = (number: number): string =>
  `Line ${number}: the ${things[number % things.length]} near the ${places[number % places.length]} is as it was.`
