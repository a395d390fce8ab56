/**
 * A conversation in bound steps, read as one with tools: each reply is one JSON object with a tool or the answer, the tools
 * are lines of the system message, and results are words of the user.
 */
import * as Option from "effect/Option"
import * as Json from "../../internal/json.ts"
import type { TurnInput } from "../Script.ts"
import type { Prompt, PromptMessage, PromptTool } from "../SimulatedModel.ts"
import * as SchemaSample from "./SchemaSample.ts"

/** The same conversation with tools; undefined when the schema of the answer is not that of a step. */
export const of = (prompt: Prompt): Prompt | undefined => {
  const names = namesIn(prompt.answerSchema)
  if (names.length === 0 || !names.includes(answer)) return undefined
  const { answerSchema: _schema, ...rest } = prompt
  const told = prompt.messages.flatMap(({ role, text }) => (role === "assistant" ? [] : toolsIn(text)))
  return {
    ...rest,
    tools: told.filter(
      ({ name }, index) => names.includes(name) && told.findIndex((tool) => tool.name === name) === index
    ),
    messages: prompt.messages.map(asCalled)
  }
}

/** A turn of that conversation as a step. */
export const asStep = (turn: TurnInput, { answerSchema }: Prompt): TurnInput => {
  const [call] = turn.toolCalls ?? []
  if (call !== undefined) return { text: Json.stringify({ tool: call.name, arguments: call.arguments ?? {} }) }
  const args = Json.objectOf(Json.objectOf(answerSchema?.["properties"])["arguments"])
  const isFree = args["properties"] === undefined || Json.objectOf(args["properties"])["text"] !== undefined
  return {
    text: Json.stringify({ tool: answer, arguments: isFree ? { text: turn.text ?? "" } : SchemaSample.of(args) })
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const answer = "answer"

const namesIn = (schema: Json.JsonObject | undefined): ReadonlyArray<unknown> => {
  const { arguments: args, tool } = Json.objectOf(schema?.["properties"])
  return args === undefined ? [] : Json.arrayOf(Json.objectOf(tool)["enum"])
}

/** `- name {"path": string, "head"?: number}: What it does.` */
const toolsIn = (text: string): ReadonlyArray<PromptTool> =>
  [...text.matchAll(/^- (\S+) \{(.*?)\}(?:: (.*))?$/gm)].map(([, name = "", members = "", description = ""]) => ({
    name,
    description,
    parameters: parametersOf(members)
  }))

const parametersOf = (members: string): Json.JsonObject => {
  const all = [...members.matchAll(/"([^"]+)"(\?)?: (\w+|\[|\{|")/g)]
  return {
    type: "object",
    properties: Object.fromEntries(all.map(([, name = "", , type = ""]) => [name, { type: types[type] ?? type }])),
    required: all.flatMap(([, name = "", optional]) => (optional === undefined ? [name] : []))
  }
}

const types: Readonly<Record<string, string>> = { "[": "array", "{": "object", '"': "string", any: "string" }

const asCalled = (message: PromptMessage, index: number): PromptMessage => {
  if (message.role === "assistant") {
    const step = Option.map(Json.parse(message.text), Json.objectOf)
    const { arguments: args, tool } = Option.getOrElse(step, (): Json.JsonObject => ({}))
    if (tool === answer) return { ...message, text: String(Json.objectOf(args)["text"] ?? "") }
    return typeof tool === "string"
      ? { ...message, text: "", toolCalls: [{ id: idAt(index), name: tool, arguments: Json.stringify(args ?? {}) }] }
      : message
  }
  const [, result] = /^Result of \S+:\n([\s\S]*?)(?:\n\nReply with the next step.*)?$/.exec(message.text) ?? []
  if (message.role === "user" && result !== undefined) {
    return { role: "tool", text: result, images: message.images, toolCalls: [], toolCallId: idAt(index - 1) }
  }
  return { ...message, text: message.text.replace(/\n\nTools for it, with their arguments:\n[\s\S]*$/, "") }
}

const idAt = (index: number) => `step_${index}`
