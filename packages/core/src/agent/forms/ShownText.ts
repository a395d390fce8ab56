/**
 * What is shown of a reply while it streams in: the text up to a mark after which a call may begin. Held-back text is shown
 * at the end, if it turns out to be part of the answer.
 */
import { isMentioned, lookAhead, reach } from "../../lmstudio/words/MentionedMarks.ts"
import { formTable } from "./FormTable.ts"

export interface ShownText {
  /** Takes the next chunk; returns what may be shown now. */
  readonly push: (piece: string) => string
  /** The text that has not been shown. */
  readonly rest: () => string
}

export const make = (): ShownText => {
  let line = ""
  let waiting = ""
  let held = false

  const show = (end: number): string => {
    const text = waiting.slice(0, end)
    waiting = waiting.slice(end)
    line = lineOf(line + text)
    return text
  }

  return {
    push: (piece) => {
      waiting += piece
      let from = 0
      while (!held) {
        marks.lastIndex = from
        const found = marks.exec(waiting)
        if (found === null) return show(Math.max(from, beginning(waiting)))
        const end = found.index + found[0].length
        // the words after the mark decide
        if (waiting.length < end + lookAhead) return show(found.index)
        if (!isMentioned(lineOf(line + waiting.slice(0, found.index)), waiting.slice(end))) {
          held = true
          return show(found.index)
        }
        from = end
      }
      return ""
    },
    rest: () => waiting
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const marks = new RegExp(
  formTable.flatMap(({ open, unmarked }) => (unmarked === true ? [] : [`(?:${open.source})`])).join("|"),
  "g"
)

/** The index of a possible start of a mark at the end of the text. */
const beginning = (text: string): number => {
  const tail = text.slice(-longestMark)
  const at =
    /(?:<[^\s<>]{0,40}calls?[^\s<>]{0,40}>\s{0,20})?(?:<(?:[^\s<>]{0,60}|[^\s<>]{0,20}(?:function|invoke)\s[^<>]{0,100})|\[[A-Z_]{0,20})?$/.exec(
      tail
    )?.index
  return at === undefined ? text.length : text.length - tail.length + at
}

const longestMark = 240

const lineOf = (text: string): string => text.slice(-reach).split("\n").at(-1) ?? ""
