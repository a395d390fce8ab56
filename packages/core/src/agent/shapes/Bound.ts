/**
 * Bound steps: every reply of the model is one JSON object that names a tool, or the answer, with its arguments. What the
 * model is told of that, the schema that the engine holds it to, and the history in the same form. Pure.
 *
 * The schema is flat: a list of names, and arguments that it leaves open. Arguments are checked by the loop as in every form;
 * a branch for each tool was no better on real models, and engines have refused `anyOf`.
 */
import type { ChatMessage, ToolCall, ToolDefinition } from "../../lmstudio/Chat.ts"
import { gaveNothing } from "./EmptyResult.ts"
import { listOfNames, signatures, untold } from "./Signature.ts"

/** What ends the work, among the names of tools. */
export const answer = "answer"

/** Tools by the names and signatures that the model sees, from the first request on. */
export interface BoundTools {
  /** With signatures in the system message; all of them, where all fit. */
  readonly listed: ReadonlyArray<ToolDefinition>
  /** Where not all fit: every name, in the system message. */
  readonly named: ReadonlyArray<string>
  /** And the likely ones, with signatures, at the end of the task. */
  readonly likely: ReadonlyArray<ToolDefinition>
  readonly task: string
  /** Every tool with all of its description, for those that gave nothing at first. */
  readonly catalog?: ReadonlyArray<ToolDefinition>
}

/** How to work, and with what, for the system message. It is the same in every request of a run. */
export const instructions = ({ listed, named }: BoundTools): string => {
  // what differs from task to task comes last, so that the rest is read once
  const tools = [answerLine, ...(listed.length === 0 ? [] : [signatures(listed)])].join("\n")
  const further =
    named.length === 0
      ? ""
      : `\n\n${listOfNames(named)}\nThe task comes with the arguments of those that it probably needs; of another one, call it, and you are told its arguments.`
  return `Every reply is one JSON object: {"tool": NAME, "arguments": {...}}. The next message is its result. When the task is done, reply with the tool "${answer}".\n\n${example}\n\nThe tools:\n${tools}${further}`
}

/** What stands behind the task. */
const likelyTools = ({ likely }: BoundTools): string =>
  likely.length === 0 ? "" : `\n\nTools for it, with their arguments:\n${signatures(likely)}`

/** What the engine holds a step to: a call of one of these tools, or the answer. */
export const stepSchema = (names: ReadonlyArray<string>): Record<string, unknown> =>
  stepOf({ enum: names }, { type: "object" })

/** The answer and nothing else, for the last request and for answers by a schema. */
export const answerStep = (answerSchema?: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  stepOf({ enum: [answer] }, answerSchema ?? textSchema)

/** A call of this tool and nothing else. */
export const callStep = (name: string, parameters: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  stepOf({ enum: [name] }, parameters)

/** The conversation with the likely tools behind the task, which is where they stay. */
export const withLikely = (messages: ReadonlyArray<ChatMessage>, tools: BoundTools): ReadonlyArray<ChatMessage> => {
  const text = likelyTools(tools)
  const at = messages.findLastIndex(({ content, role }) => role === "user" && wordsOf(content).startsWith(tools.task))
  return text === "" || at === -1
    ? messages
    : messages.map((message, index) =>
        index !== at || message.role !== "user"
          ? message
          : typeof message.content === "string"
            ? { ...message, content: `${message.content}${text}` }
            : { ...message, content: [...message.content, { type: "text", text }] }
      )
}

/** The conversation in steps: calls and answers of the model as it has to write them, results as words of the user. */
export const inSteps = (
  messages: ReadonlyArray<ChatMessage>,
  tools: ReadonlyArray<ToolDefinition> = []
): ReadonlyArray<ChatMessage> => {
  const names = new Map<string, string>()
  const explained = new Set<string>()
  const more = (name: string, result: string) => {
    if (explained.has(name) || !gaveNothing(result)) return ""
    const tool = tools.find((tool) => tool.name === name)
    const rest = tool === undefined ? "" : untold(tool)
    if (rest === "") return ""
    explained.add(name)
    return `\n\nAbout ${name}: ${rest}`
  }
  return messages.flatMap((message): ReadonlyArray<ChatMessage> => {
    switch (message.role) {
      case "assistant": {
        for (const { id, name } of message.toolCalls) names.set(id, name)
        // in one line, whatever the model wrote: it goes on in the form that it sees
        const steps = message.toolCalls.length === 0 ? [answerOf(message.content)] : message.toolCalls.map(callOf)
        return [{ role: "assistant", content: steps.join("\n"), toolCalls: [] }]
      }
      case "tool":
        return [
          {
            role: "user",
            content: `Result of ${names.get(message.toolCallId) ?? "the call"}:\n${message.content}${more(names.get(message.toolCallId) ?? "", message.content)}\n\n${whatNext}`
          }
        ]
      default:
        return [message]
    }
  })
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const wordsOf = (content: ChatMessage["content"]): string =>
  typeof content === "string" ? content : content.map((part) => (part.type === "text" ? part.text : "")).join("")

const textSchema = { type: "object", properties: { text: { type: "string" } }, required: ["text"] }

/** Behind each result; without it small models make the same call again. */
const whatNext = `Reply with the next step, or with "${answer}" when the task is done.`

const stepOf = (tool: Record<string, unknown>, args: Readonly<Record<string, unknown>>) => ({
  type: "object",
  properties: { tool: { type: "string", ...tool }, arguments: args },
  required: ["tool", "arguments"],
  additionalProperties: false
})

/** About other tools: it shows that what is written was read before, and that the answer says something. */
const example = `Example, with other tools:
User: Put the birthday of Mia into the note party.
{"tool": "find_person", "arguments": {"name": "Mia"}}
Result of find_person:
Mia Berg, born on 3 May
{"tool": "write_note", "arguments": {"note": "party", "text": "3 May"}}
Result of write_note:
Saved.
{"tool": "${answer}", "arguments": {"text": "The note party now has Mia's birthday, 3 May."}}`

const answerLine = `- ${answer} {"text": string}: Ends the work. The text is what the user gets.`

const callOf = ({ arguments: args, name }: ToolCall) =>
  `{"tool": ${JSON.stringify(name)}, "arguments": ${spaced(args.trim() === "" ? "{}" : args)}}`

const answerOf = (text: string) => `{"tool": "${answer}", "arguments": {"text": ${JSON.stringify(text)}}}`

/** JSON with a space behind each colon and comma, as models write it. */
const spaced = (json: string) =>
  json.replaceAll(/("(?:[^"\\]|\\.)*")|([:,])\s*/g, (_, text: string | undefined, mark: string) => text ?? `${mark} `)
