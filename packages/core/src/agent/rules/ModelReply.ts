/**
 * Normalises a model's reply for the loop and the history: unique, non-empty call ids, no nameless calls, and no arguments
 * that a server would refuse to read back.
 */
import * as Either from "effect/Either"
import { decodeJson } from "../../internal/parseJson.ts"
import { stringify } from "../../json/ExactJson.ts"
import type { ChatMessage, ChatReply, ToolCall } from "../../lmstudio/Chat.ts"
import * as ArgumentText from "../schema/ArgumentText.ts"

/**
 * A reply with distinguishable calls: a call without a name is dropped (LM Studio sends these; contract H11), an id that
 * is empty or was used before in this run is replaced. The final request offers no tools, so calls in its reply are
 * dropped.
 */
export const normalised = (
  reply: ChatReply,
  options: { readonly messages: ReadonlyArray<ChatMessage>; readonly round: number; readonly final: boolean }
): ChatReply => {
  if (reply.toolCalls.length === 0) return reply
  if (options.final) return { ...reply, toolCalls: [] }
  const given = new Set<string>()
  const isUsed = (id: string) =>
    given.has(id) || options.messages.some((message) => message.role === "tool" && message.toolCallId === id)
  const toolCalls = reply.toolCalls
    .filter((call) => call.name.trim() !== "")
    .map((call, index): ToolCall => {
      const own = call.id.trim()
      let id = own
      for (let turn = 0; id === "" || isUsed(id); turn++) {
        id = `call_${options.round}_${index + 1}${turn === 0 ? "" : `_${turn + 1}`}`
      }
      given.add(id)
      return { id, name: call.name.trim(), arguments: call.arguments }
    })
  return { ...reply, toolCalls }
}

/**
 * A reply as a message of the history. Engines parse the arguments of past calls again and fail on broken ones, so
 * arguments that are not a JSON object are wrapped in one, as text.
 */
export const toMessage = (reply: ChatReply): ChatMessage => ({
  role: "assistant",
  content: reply.content,
  toolCalls: reply.toolCalls.map((call) => ({
    id: call.id,
    name: call.name.replaceAll(/[^a-zA-Z0-9_-]/g, "_").slice(0, 64),
    arguments: Either.match(ArgumentText.read(call.arguments, decodeJson), {
      onLeft: () => JSON.stringify({ not_json: call.arguments.slice(0, 500) }),
      onRight: (value) => (value === undefined ? "{}" : stringify(value))
    })
  }))
})

/** Whether the reply may be truncated: by the token limit, or by a stream that ended without a reason. */
export const isCut = (reply: ChatReply): boolean => reply.finishReason === "length" || reply.finishReason === ""
