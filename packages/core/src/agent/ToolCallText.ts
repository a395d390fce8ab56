/**
 * Calls that a model wrote into its text, because the server's parser did not know its format or gave up (contract H7,
 * H8, H10). A call counts only when its tool is offered, its arguments fit and it stands where a call stands: at the
 * end, outside of code blocks, and not as a quotation of what the model has read.
 *
 * @since 0.1.0
 */
import type { ChatMessage, ChatReply, ToolCall } from "../lmstudio/Chat.ts"
import { judge, type ToolCatalog } from "./ToolCatalog.ts"
import { formats, wholeText, type WrittenCall } from "./ToolCallFormats.ts"

/**
 * The reply with the calls that were found in its text, or with `unread`: what to tell the model about text that looks
 * like a call and is not taken as one.
 *
 * @since 0.1.0
 * @category models
 */
export interface Recovered {
  readonly reply: ChatReply
  readonly unread: string | undefined
}

/**
 * Looks into a reply without calls: in its text and, when there is none, in its reasoning.
 *
 * @since 0.1.0
 * @category combinators
 */
export const recover = (
  reply: ChatReply,
  context: { readonly catalog: ToolCatalog; readonly messages: ReadonlyArray<ChatMessage> }
): Recovered => {
  if (reply.toolCalls.length > 0 || context.catalog.tools.length === 0) return { reply, unread: undefined }
  const blank = reply.content.trim() === ""
  const text = blank ? reply.reasoning : reply.content
  const found = find(text, (name) => context.catalog.find(plainName(name)) !== undefined)
  if (found === undefined) return { reply, unread: undefined }

  const rest = text.slice(0, found.start).trim()
  if (found.quoted || isQuotation(text.slice(found.start), context.messages)) {
    // an answer may be about tool calls; in reasoning nothing is said to anybody
    return { reply, unread: blank ? undefined : notACall }
  }
  const calls = found.calls.map(({ args, name }): ToolCall => ({ id: "", name: plainName(name), arguments: args }))
  const whole = reply.finishReason !== "length"
  const problem = calls.map((call) => judge(context.catalog, call, { whole })).find(({ _tag }) => _tag === "Refuse")
  if (problem?._tag === "Refuse") return { reply, unread: `${problem.told} ${useTheInterface}` }
  return {
    reply: { ...reply, ...(blank ? { reasoning: rest } : { content: rest }), toolCalls: calls },
    unread: undefined
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const useTheInterface = "Make the call through the function call interface, not as text."
const notACall =
  "Your reply has text that looks like a tool call, but it was not run, because it stands in the middle of other text. If you meant to call a tool, make the call through the function call interface. If it belongs to your answer, give the answer again as it is."

const plainName = (name: string) => name.trim().replace(/^functions[.:]/, "")

interface Found {
  /** Where the first of the calls at the end begins. */
  readonly start: number
  readonly calls: ReadonlyArray<WrittenCall>
  readonly quoted: boolean
}

interface Block {
  readonly start: number
  readonly end: number
  readonly calls: ReadonlyArray<WrittenCall>
  /** The opening is a token of the model's own that nobody writes by hand, so text may stand before it. */
  readonly special: boolean
}

/** Tokens that end a turn and may be left over behind a call. */
const leftOver = /^(?:\s|<\|[\w▁]+\|>|<｜[^｜]{1,40}｜>|<\/s>|<\/?tool_calls?>|<\/think>)*$/

const find = (text: string, isTool: (name: string) => boolean): Found | undefined => {
  const all = wholeText(text)
  // without any mark, only a tool's name tells a call from an answer in JSON
  if (all?.every(({ name }) => isTool(name)) === true) return { start: 0, calls: all, quoted: false }
  const blocks = blocksOf(text)
  const last = blocks.at(-1)
  if (last === undefined) return undefined
  // only what stands at the end is a call: walk back over neighbours
  let index = blocks.length - 1
  while (index > 0 && leftOver.test(text.slice(blocks[index - 1]?.end, blocks[index]?.start))) index--
  const first = blocks[index] ?? last
  const quoted =
    !leftOver.test(text.slice(last.end)) ||
    isInCode(text, first.start) ||
    (!first.special && !/(?:^|[\n>])[ \t]*$/.test(text.slice(0, first.start)))
  return { start: first.start, calls: blocks.slice(index).flatMap(({ calls }) => calls), quoted }
}

const blocksOf = (text: string): ReadonlyArray<Block> => {
  const blocks: Array<Block> = []
  for (const { chained, close, open, read, special } of formats) {
    for (const match of text.matchAll(open)) {
      const start = match.index
      const from = start + match[0].length
      if (blocks.some((block) => start >= block.start && start < block.end)) continue
      for (const { bodyEnd, end } of endsOf(text, from, close)) {
        const calls = read(text.slice(from, bodyEnd).trim(), match[1])
        if (calls !== undefined && calls.length > 0) {
          blocks.push({ start, end: chained === true ? bodyEnd : end, calls, special })
          break
        }
      }
    }
  }
  return blocks.toSorted((a, b) => a.start - b.start)
}

/** The closing mark may stand within an argument, so later ones are tried as well, and the end of the text. */
const endsOf = (text: string, from: number, close: string) => {
  const ends: Array<{ readonly bodyEnd: number; readonly end: number }> = []
  for (let at = text.indexOf(close, from); at !== -1 && ends.length < 16; at = text.indexOf(close, at + 1)) {
    ends.push({ bodyEnd: at, end: at + close.length })
  }
  return [...ends, { bodyEnd: text.length, end: text.length }]
}

/** Inside a fence that is open at this place, or between backticks of this line. */
const isInCode = (text: string, at: number): boolean => {
  const before = text.slice(0, at)
  const fences = before.match(/^[ \t]*(?:```|~~~)/gm)?.length ?? 0
  const line = before.slice(before.lastIndexOf("\n") + 1)
  return fences % 2 === 1 || (line.match(/`/g)?.length ?? 0) % 2 === 1
}

/** Text that the model has read and now repeats: a tool's result or the person's words. */
const isQuotation = (text: string, messages: ReadonlyArray<ChatMessage>): boolean => {
  const quoted = text.trim()
  return messages.some(
    (message) =>
      (message.role === "tool" || message.role === "user") &&
      typeof message.content === "string" &&
      message.content.includes(quoted)
  )
}
