/**
 * Whether a call is one that the model has only read. It is compared by its letters and digits: mails and pages break
 * lines, indent, quote and escape as they like.
 */
import type { ChatMessage } from "../../lmstudio/Chat.ts"

/** Whether what was read has this text: results of tools, and the person's words. */
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

/** A word or two are no quotation. */
const shortest = 16

/** Entities and escapes are what they stand for; twice, because pages are sent as JSON. */
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
