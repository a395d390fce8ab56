/** Separates messages from other output on a process's stdout. A message on several lines is put together. */
import * as JsonLines from "./JsonLines.ts"
import * as MessageText from "./MessageText.ts"

export type Heard =
  | { readonly _tag: "Message"; readonly read: MessageText.Read }
  /** Other output of a program: a banner, a line of its log. */
  | { readonly _tag: "Noise"; readonly line: string }

export interface StdoutReader {
  readonly push: (bytes: Uint8Array) => ReadonlyArray<Heard>
  /** At the end of stdout: the unfinished rest. */
  readonly end: () => ReadonlyArray<Heard>
}

export const make = (): StdoutReader => {
  const heard: Array<Heard> = []
  /** Lines of a message that has begun and not ended. */
  let begun: Array<string> = []
  let size = 0

  const splitter = JsonLines.makeSplitter(MessageText.maxMessageBytes, (beginning) => {
    const broken = `a line of more than ${MessageText.maxMessageBytes} bytes, which begins with ${beginning}`
    heard.push({ _tag: "Message", read: { values: [], broken } })
  })
  const giveUp = () => {
    if (begun.length === 0) return
    const text = begun.join("\n")
    const read = MessageText.read(text)
    heard.push(read.broken === undefined ? { _tag: "Noise", line: text } : { _tag: "Message", read })
    begun = []
    size = 0
  }
  const begin = (line: string) => {
    begun.push(line)
    size += line.length
  }
  const take = (line: string) => {
    if (line.trim() === "") return
    const read = MessageText.read(line)
    if (begun.length > 0) {
      // a complete message ends one that was cut
      if (read.values.some(MessageText.isMessage)) {
        giveUp()
      } else {
        begin(line)
        // only where it may end: checking the whole text at every line would not be linear
        const mayEnd = /[}\]]\s*$/.test(line) && (!/^\s/.test(line) || begun.length < shortMessage)
        const joined = mayEnd ? MessageText.read(begun.join("\n")) : undefined
        if (joined !== undefined && joined.values.length > 0) {
          heard.push({ _tag: "Message", read: joined })
          begun = []
          size = 0
        } else if (size > MessageText.maxMessageBytes || begun.length > maxLines || /^[}\]],?\s*$/.test(line)) giveUp()
        return
      }
    }
    if (read.broken !== undefined || /^\s*[[{]\s*$/.test(line)) return begin(line)
    heard.push(
      read.values.length > 0 && read.values.some(isStructured) ? { _tag: "Message", read } : { _tag: "Noise", line }
    )
  }

  return {
    push: (bytes) => {
      for (const line of splitter.push(bytes)) take(line)
      const unended = splitter.taken((text) => MessageText.read(text).values.some(MessageText.isMessage))
      if (unended !== undefined) take(unended)
      // an indented message comes in pieces; a cut one does not continue
      if (begun.length > 0 && !/^\s*[[{]\s*$/.test(begun[0] ?? "")) giveUp()
      return heard.splice(0)
    },
    end: () => {
      giveUp()
      return heard.splice(0)
    }
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const maxLines = 100_000

/** Lines. */
const shortMessage = 20

const isStructured = (value: unknown) => typeof value === "object" && value !== null
