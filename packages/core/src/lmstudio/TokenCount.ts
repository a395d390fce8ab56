/**
 * Estimates of tokens before a server has counted them. Rough on purpose: the loop corrects them by the counts in each
 * reply.
 */
import { stringify } from "../json/ExactJson.ts"
import type { ChatMessage } from "./Chat.ts"

/** A token is about 3.6 ASCII characters, or one character of another script. */
export const ofText = (text: string): number => {
  let other = 0
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) > 0x7f) other++
  return Math.ceil((text.length - other) / 3.6 + other * 0.9)
}

/** A message with the marks that a chat template puts around it. Each message object is counted once. */
export const ofMessage = (message: ChatMessage): number => {
  const known = counted.get(message)
  if (known !== undefined) return known
  const text =
    typeof message.content === "string"
      ? ofText(message.content)
      : message.content.reduce((sum, part) => sum + (part.type === "text" ? ofText(part.text) : tokensOfImage), 0)
  const calls =
    message.role === "assistant"
      ? message.toolCalls.reduce((sum, call) => sum + 8 + ofText(call.name) + ofText(call.arguments), 0)
      : 0
  const tokens = tokensAround + text + calls
  counted.set(message, tokens)
  return tokens
}

/** A value as it is sent: JSON. */
export const ofJson = (value: object): number => {
  const known = counted.get(value)
  if (known !== undefined) return known
  const tokens = ofText(stringify(value))
  counted.set(value, tokens)
  return tokens
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const tokensAround = 5
/** The fewest tokens that LM Studio's vision models use for one image. */
const tokensOfImage = 800

const counted = new WeakMap<object, number>()
