/** Splits bytes into lines, as MCP frames its messages on stdio. Pure except for the buffered rest of a line. */
import { joinedBytes } from "../../internal/joinedBytes.ts"
import { maxMessageBytes } from "./MessageText.ts"

/**
 * Splits chunks of bytes into lines. The bytes of a line are joined once, however many chunks it came in. A line of
 * more than `limit` bytes is dropped, and `tooLong` is called as soon as it is.
 */
export const makeSplitter = (limit: number = maxMessageBytes, tooLong: (beginning: string) => void = () => {}) => {
  let waiting: Array<Uint8Array> = []
  let size = 0
  let skipping = false

  const take = (end: Uint8Array): ReadonlyArray<string> => {
    const whole = waiting.length === 0 ? end : joinedBytes([...waiting, end], size + end.length)
    const skipped = skipping
    waiting = []
    size = 0
    skipping = false
    return skipped ? [] : [decoder.decode(whole).replace(/\r$/, "")]
  }

  return {
    push: (chunk: Uint8Array): ReadonlyArray<string> => {
      const lines: Array<string> = []
      let start = 0
      for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
        lines.push(...take(chunk.subarray(start, end)))
        start = end + 1
      }
      if (start < chunk.length && !skipping) {
        waiting.push(chunk.subarray(start))
        size += chunk.length - start
        if (size > limit) {
          tooLong(decoder.decode(joinedBytes(waiting, size).subarray(0, shownBytes)))
          waiting = []
          size = 0
          skipping = true
        }
      }
      return lines
    },
    /** The buffered text, taken as a line if it ends like a message: some servers write no line ends. */
    taken: (accepts: (text: string) => boolean): string | undefined => {
      const last = waiting.at(-1)?.at(-1)
      if (skipping || size > maxUnended || (last !== closingBrace && last !== closingBracket)) return undefined
      const text = decoder.decode(joinedBytes(waiting, size))
      if (!accepts(text)) return undefined
      waiting = []
      size = 0
      return text
    }
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const newline = 10

const closingBrace = 125
const closingBracket = 93

/** The most bytes of a line without an end that are examined: each time, all of them are. */
const maxUnended = 1024 * 1024

const shownBytes = 200

const decoder = new TextDecoder()
