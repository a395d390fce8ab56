/** The objections of the strictest chat templates to a conversation. */
import type { ChatMessage } from "#src/lmstudio/Chat.ts"
import { refusal } from "@lms-bridge/simulator/ChatTemplates"

/** Undefined when the turns alternate. */
export const broken = (messages: ReadonlyArray<ChatMessage>): string | undefined => {
  for (const [index, { role }] of messages.entries()) {
    const before = messages[index - 1]?.role
    if (role === "system" && index > 0) return "a second system message"
    if (role === "user" && (before === "user" || before === "tool")) return `user after ${before}`
    if (role === "assistant" && (before === undefined || before === "system" || before === "assistant")) {
      return `assistant after ${before}`
    }
  }
  const last = messages.at(-1)?.role
  if (last !== "user" && last !== "tool") return `${last} at the end`
  return refusal("mistral", {
    messages: messages.map((message) => ({
      role: message.role,
      text: typeof message.content === "string" ? message.content : "",
      images: 0,
      toolCalls: message.role === "assistant" ? message.toolCalls : [],
      ...(message.role === "tool" ? { toolCallId: message.toolCallId } : {})
    })),
    tools: []
  })
}
