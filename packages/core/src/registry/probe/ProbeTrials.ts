/**
 * The short conversations by which a model is tried, and how its replies are judged. Pure. Two tools that no model confuses,
 * and tasks whose only right call can be told by its arguments.
 */
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import { decodeJson } from "../../internal/parseJson.ts"
import { findBlocks } from "../../agent/forms/FoundCalls.ts"
import * as BoundReply from "../../agent/rules/BoundReply.ts"
import { repairJson } from "../../agent/schema/JsonRepair.ts"
import * as Bound from "../../agent/shapes/Bound.ts"
import * as Conversation from "../../agent/shapes/Conversation.ts"
import type { ToolForm, Way } from "../../agent/ToolForm.ts"
import type { ChatMessage, ChatReply, ChatRequest, ToolCall, ToolDefinition } from "../../lmstudio/Chat.ts"

export const tools: ReadonlyArray<ToolDefinition> = [
  {
    name: "get_temperature",
    description: "Returns the temperature in a city, as measured now.",
    parameters: {
      type: "object",
      properties: { city: { type: "string", description: "Name of the city" } },
      required: ["city"]
    }
  },
  {
    name: "write_note",
    description: "Writes a text into a note, which is created if there is none of this title.",
    parameters: {
      type: "object",
      properties: {
        title: { type: "string", description: "Title of the note" },
        text: { type: "string", description: "What to write" }
      },
      required: ["title", "text"]
    }
  }
]

/** A task, and what its calls must contain. */
export interface Asked {
  readonly task: string
  readonly calls: ReadonlyArray<{ readonly name: string; readonly contains: Readonly<Record<string, RegExp>> }>
}

export const one: Asked = {
  task: "Get the temperature in the city Oslo, and tell me what it is.",
  calls: [{ name: "get_temperature", contains: { city: /oslo/i } }]
}

export const another: Asked = {
  task: 'Write the text "milk and bread" into the note with the title "shopping".',
  calls: [{ name: "write_note", contains: { title: /shopping/i, text: /milk and bread/i } }]
}

const temperatureIn = (first: string, second: string): Asked => ({
  task: `Get the temperature in the city ${first} and in the city ${second}. Make both calls now, in one reply.`,
  calls: [first, second].map((city) => ({ name: "get_temperature", contains: { city: new RegExp(city, "i") } }))
})

/** Two calls each; the first says the most. */
export const pairs: readonly [Asked, ...ReadonlyArray<Asked>] = [
  temperatureIn("Oslo", "Rome"),
  temperatureIn("Lima", "Cairo"),
  {
    task: 'Get the temperature in the city Paris, and write the text "call Anna" into the note with the title "today". Make both calls now, in one reply.',
    calls: [
      { name: "get_temperature", contains: { city: /paris/i } },
      { name: "write_note", contains: { title: /today/i, text: /call anna/i } }
    ]
  }
]

/** What is answered without any of the tools. */
export const needless: ReadonlyArray<Asked> = [
  { task: "What is the capital of France? Answer from what you know.", calls: [] },
  { task: "Say good morning to Ida, in one sentence.", calls: [] },
  { task: "Write this sentence in capital letters: the train is late", calls: [] }
]

/** What the first call gives back, and how an answer that has read it can be told. */
const result = "17 degrees Celsius in Oslo"
const seventeen = /\b(?:17|seventeen)\b/i

/** A call that the model made, with its reply as it wrote it. */
export interface Made {
  readonly call: ToolCall
  readonly written: string
}

/** The request of a task in a form; with `call`, after the result of that call. */
export const requestOf = (
  form: ToolForm,
  { task }: Asked,
  { call, ways = [] }: { readonly call?: Made | undefined; readonly ways?: ReadonlyArray<Way> } = {}
): Omit<ChatRequest, "model"> => {
  const messages: ReadonlyArray<ChatMessage> = [
    { role: "user", content: task },
    ...(call === undefined
      ? []
      : ([
          {
            role: "assistant",
            content: "",
            toolCalls: [call.call],
            ...(form === "text" ? { written: call.written } : {})
          },
          { role: "tool", toolCallId: call.call.id, content: result }
        ] as const))
  ]
  if (form === "bound") {
    const told = { listed: tools, named: [], likely: [], task }
    return {
      messages: Conversation.render({ messages, tools: [] }, ways, { form, tools: told }).messages,
      responseSchema: { name: "step", schema: Bound.stepSchema([...tools.map(({ name }) => name), Bound.answer]) }
    }
  }
  return Conversation.render({ messages, tools }, ways, { form })
}

/** The calls of a reply to such a request, and whether they had to be found in its text. */
export const callsOf = (
  form: ToolForm,
  reply: ChatReply
): { readonly calls: ReadonlyArray<ToolCall>; readonly inText: boolean; readonly words: string } => {
  if (form === "bound") {
    const step = BoundReply.read(reply, { structured: false })
    return { calls: step?.toolCalls.map(withId) ?? [], inText: false, words: step?.content ?? "" }
  }
  if (reply.toolCalls.length > 0) return { calls: reply.toolCalls.map(withId), inText: false, words: "" }
  const text = reply.content.trim() === "" ? reply.reasoning : reply.content
  const found = findBlocks(text, { whole: true }).flatMap(({ calls, mentioned }) => (mentioned ? [] : calls))
  const calls = found.filter(({ name }) => tools.some((tool) => tool.name === name))
  return {
    calls: calls.map(({ args, name }) => ({ id: "", name, arguments: args })).map(withId),
    inText: calls.length > 0,
    words: reply.content
  }
}

/** The right calls among these, each once. */
export const rightOf = ({ calls }: Asked, made: ReadonlyArray<ToolCall>): ReadonlyArray<ToolCall> =>
  calls.flatMap(({ contains, name }) => {
    const right = made.find((call) => {
      const args = argumentsOf(call)
      return call.name === name && Object.entries(contains).every(([key, pattern]) => pattern.test(String(args[key])))
    })
    return right === undefined ? [] : [right]
  })

/** What a model does with the result: it answers from it, makes a call again, or neither. */
export const afterResult = (form: ToolForm, reply: ChatReply): "answers" | "calls again" | "neither" => {
  const { calls, words } = callsOf(form, reply)
  return calls.length > 0 ? "calls again" : seventeen.test(words) ? "answers" : "neither"
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Templates of some families take only ids of nine letters and digits. */
const withId = (call: ToolCall, index: number): ToolCall => ({ ...call, id: `probe000${index % 10}` })

const argumentsOf = (call: ToolCall): Readonly<Record<string, unknown>> => {
  const value = Either.orElse(decodeJson(call.arguments), () => Either.flatMap(repairJson(call.arguments), decodeJson))
  return Either.isRight(value) && Predicate.isRecord(value.right) ? value.right : {}
}
