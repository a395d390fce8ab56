/**
 * The conversation as it is sent. Whatever the history contains, the result has a shape that every chat template accepts:
 * at most one system message, first; then user and assistant alternating, tool results right after the message that called
 * them, and a tool result or a user message at the end. Pure.
 */
import type { ChatMessage, ToolDefinition } from "../../lmstudio/Chat.ts"
import type { ToolForm, Way } from "../ToolForm.ts"
import * as Bound from "./Bound.ts"

/** The content of a request, without its options. */
export interface RequestContent {
  readonly messages: ReadonlyArray<ChatMessage>
  readonly tools: ReadonlyArray<ToolDefinition>
}

/** How a conversation is told besides: in the usual form, in that in which the model writes its calls, or in bound steps. */
export type Telling =
  | { readonly form: Exclude<ToolForm, "bound"> }
  | { readonly form: "bound"; readonly tools: Bound.BoundTools }

/** The same in turns, told in these ways. */
export const render = (
  { messages, tools }: RequestContent,
  ways: ReadonlyArray<Way>,
  telling: Telling = { form: "native" }
): RequestContent => {
  const withoutInstructions = (all: ReadonlyArray<ChatMessage>) => (ways.includes("system") ? withoutSystem(all) : all)
  if (telling.form === "bound") {
    const described = withSystem(Bound.withLikely(messages, telling.tools), Bound.instructions(telling.tools))
    const steps = Bound.inSteps(described, telling.tools.catalog)
    return { messages: inTurns(withoutInstructions(steps)), tools: [] }
  }
  const inText = ways.includes("tools")
  const described = inText && tools.length > 0 ? withSystem(messages, toolsAsText(tools)) : messages
  const everything = inText || ways.includes("history") || telling.form === "text"
  const spoken = described.map(asText(described, { everything }))
  return { messages: inTurns(withoutInstructions(spoken)), tools: inText ? [] : tools }
}

/**
 * Text of the run that follows tool results becomes part of the last result, since templates refuse a user message there.
 * Images, which a result cannot contain, follow a short assistant message.
 */
export const inTurns = (messages: ReadonlyArray<ChatMessage>): ReadonlyArray<ChatMessage> => {
  const turns: Array<ChatMessage> = []
  const open = new Set<string>()
  const settle = () => {
    for (const id of open) turns.push({ role: "tool", toolCallId: id, content: unanswered })
    open.clear()
  }
  const user = (content: Content) => {
    settle()
    const last = turns.at(-1)
    if (last?.role === "user") return void turns.splice(-1, 1, { role: "user", content: joined(last.content, content) })
    if (last?.role === "tool") {
      const text = textIn(content)
      if (text !== undefined) {
        return void turns.splice(-1, 1, { ...last, content: `${last.content}\n\n${noteOf(text)}` })
      }
      turns.push({ role: "assistant", content: lookAtImages, toolCalls: [] })
    }
    turns.push({ role: "user", content })
  }
  for (const message of messages) {
    const last = turns.at(-1)
    switch (message.role) {
      case "system":
        if (last === undefined) turns.push(message)
        else if (last.role === "system") turns.splice(-1, 1, withText(last, message.content))
        else user(message.content)
        break
      case "user":
        user(message.content)
        break
      case "assistant": {
        settle()
        if (message.content.trim() === "" && message.toolCalls.length === 0) break
        // two calls with the same id could not be told apart
        const calls = message.toolCalls.filter(({ id }) => !open.has(id) && open.add(id).size > 0)
        if (last === undefined || last.role === "system") turns.push({ role: "user", content: goOn })
        const before = turns.at(-1)
        if (before?.role === "assistant") {
          const content = [before.content, message.content].filter((text) => text.trim() !== "").join("\n\n")
          turns.splice(-1, 1, { role: "assistant", content, toolCalls: [...before.toolCalls, ...calls] })
        } else turns.push(calls.length === message.toolCalls.length ? message : { ...message, toolCalls: calls })
        break
      }
      case "tool":
        if (open.delete(message.toolCallId)) turns.push(message)
        else user(resultAsText("a tool", message.content))
    }
  }
  settle()
  const last = turns.at(-1)
  if (last === undefined || last.role === "system" || last.role === "assistant") user(goOn)
  return turns
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Content = Extract<ChatMessage, { readonly role: "user" }>["content"]
type Parts = Exclude<Content, string>
type System = Extract<ChatMessage, { readonly role: "system" }>

const goOn = "Go on."
const unanswered = "There is no result of this call."
const lookAtImages = "I will look at the images of these results."

const noteOf = (text: string) => `[Note of the run, not of the tool: ${text}]`

const partsOf = (content: Content): Parts => (typeof content === "string" ? [{ type: "text", text: content }] : content)

/** The text; undefined when there are other parts. */
const textIn = (content: Content): string | undefined => {
  const parts = partsOf(content)
  const texts = parts.flatMap((part) => (part.type === "text" ? [part.text] : []))
  return texts.length === parts.length ? texts.join("\n") : undefined
}

const joined = (first: Content, second: Content): Content =>
  typeof first === "string" && typeof second === "string"
    ? `${first}\n\n${second}`
    : [...partsOf(first), ...partsOf(second)]

const withText = (system: System, text: string): System => ({
  role: "system",
  content: system.content === "" ? text : `${system.content}\n\n${text}`
})

const withSystem = ([first, ...others]: ReadonlyArray<ChatMessage>, text: string): ReadonlyArray<ChatMessage> =>
  first?.role === "system"
    ? [withText(first, text), ...others]
    : [{ role: "system", content: text }, ...(first === undefined ? [] : [first]), ...others]

/** Moves the instructions to the start of the first user message. */
const withoutSystem = (messages: ReadonlyArray<ChatMessage>): ReadonlyArray<ChatMessage> => {
  const text = messages.flatMap((message) =>
    message.role === "system" && message.content !== "" ? [message.content] : []
  )
  const others = messages.filter(({ role }) => role !== "system")
  return text.length === 0 ? others : [{ role: "user", content: text.join("\n\n") }, ...others]
}

/** Calls and their results as words: all of them, or those that the model wrote into its text, which it is shown as it wrote them. */
const asText = (all: ReadonlyArray<ChatMessage>, { everything }: { readonly everything: boolean }) => {
  const names = new Map<string, string>()
  for (const message of all) {
    if (message.role !== "assistant" || (message.written === undefined && !everything)) continue
    for (const { id, name } of message.toolCalls) names.set(id, name)
  }
  return (message: ChatMessage): ChatMessage => {
    if (message.role === "tool") {
      const name = names.get(message.toolCallId) ?? (everything ? "a tool" : undefined)
      return name === undefined ? message : { role: "user", content: resultAsText(name, message.content) }
    }
    if (message.role !== "assistant" || message.toolCalls.length === 0) return message
    if (!everything && message.written === undefined) return message
    if (message.written !== undefined) return { role: "assistant", content: message.written, toolCalls: [] }
    const calls = message.toolCalls.map(callAsText)
    const parts = message.content.trim() === "" ? calls : [message.content, ...calls]
    return { role: "assistant", content: parts.join("\n"), toolCalls: [] }
  }
}

const resultAsText = (name: string, content: string) => `Result of ${name}:\n${content}`

/** The form that most models know from training; the arguments are already JSON (`ModelReply.toMessage`). */
const callAsText = ({ arguments: args, name }: { readonly name: string; readonly arguments: string }) =>
  `<tool_call>\n{"name": ${JSON.stringify(name)}, "arguments": ${args.trim() === "" ? "{}" : args}}\n</tool_call>`

const toolsAsText = (tools: ReadonlyArray<ToolDefinition>): string =>
  [
    `You can call tools. To call one, end your reply with the call in exactly this form, and nothing after it:\n${callAsText({ name: "name of the tool", arguments: '{"parameter": "value"}' })}\nThe result comes with the next message. The tools, one in a line:`,
    ...tools.map(({ description, name, parameters }) => JSON.stringify({ name, description, parameters }))
  ].join("\n")
