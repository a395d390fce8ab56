/**
 * Whether a call is only quoted from what the model has read. Only letters and digits are compared, because mails and pages
 * differ in line breaks, indentation, quotes and escapes.
 */
import type { ChatMessage } from "../../lmstudio/Chat.ts"

/** A test whether the tool results or the user's messages contain a text. */
export const quotationsOf = (messages: ReadonlyArray<ChatMessage>): ((text: string) => boolean) => {
  let read: ReadonlyArray<string> | undefined
  return (text) => {
    const wanted = letters(text)
    if (wanted.length < shortest) return false
    read ??= messages.flatMap((message) =>
      message.role === "tool"
        ? [letters(message.content)]
        : message.role !== "user"
          ? []
          : typeof message.content === "string"
            ? [letters(message.content)]
            : message.content.flatMap((part) => (part.type === "text" ? [letters(part.text)] : []))
    )
    return read.some((content) => content.includes(wanted))
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** A word or two are not a quotation. */
const shortest = 16

/** Decodes entities and escapes; twice, because pages are sent as JSON. */
const letters = (text: string): string =>
  decoded(decoded(text))
    .replaceAll(/[^\p{L}\p{N}]+/gu, "")
    .toLowerCase()

const decoded = (text: string): string =>
  text.replaceAll(
    /&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-zA-Z]{2,8}));|\\u([0-9a-fA-F]{4})|\\[nrtbf]/g,
    (_, decimal?: string, hex?: string, named?: string, unicode?: string) => {
      const digits = hex ?? unicode
      const code = decimal === undefined ? Number.parseInt(digits ?? "20", 16) : Number(decimal)
      return named === "amp" ? "&" : code > 0x10ffff ? " " : String.fromCodePoint(code)
    }
  )
