/**
 * Finds every place of a text where a call is written or begins, by the table of forms. The work is bounded by the length
 * of the text, whatever its content.
 */
import { codeSpans, type CodeSpans } from "./CodeSpans.ts"
import { formTable, type Form } from "./FormTable.ts"
import type { WrittenCall } from "./Readers.ts"
import { isMentioned, reach } from "../../lmstudio/words/MentionedMarks.ts"

/** `calls` is empty when a mark opens a call that cannot be read. `source` is the block without its fence. */
export interface Block {
  readonly start: number
  readonly end: number
  readonly source: string
  /** The same without its marks. */
  readonly body: string
  readonly calls: ReadonlyArray<WrittenCall>
  readonly form: Form
  /** Whether the text only mentions it, between backticks within a sentence. */
  readonly mentioned: boolean
  readonly fenced: boolean
}

/** The blocks in order, without overlap. `whole` is false for a reply that may be truncated. */
export const findBlocks = (text: string, options: { readonly whole: boolean }): ReadonlyArray<Block> => {
  const openings = openingsOf(text)
  if (openings.length === 0) return []
  const code = codeSpans(text)
  const blocks: Array<Block> = []
  let end = 0
  let effort = effortOf(text)
  for (const opening of openings) {
    if (opening.start < end) continue
    const block: Block | undefined = effort > 0 ? read(text, opening, code, options.whole) : unread(text, opening, code)
    effort -= block === undefined || block.calls.length === 0 ? text.length - opening.start : 0
    if (block === undefined) continue
    blocks.push(block)
    end = block.end
  }
  return blocks
}

/** The text before the first thing that looks like a call, for an answer without it. */
export const wordsBeforeCalls = (text: string): string => {
  const first = findBlocks(text, { whole: true }).find(({ mentioned }) => !mentioned)
  return first === undefined ? text : text.slice(0, first.start).trim()
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Opening {
  readonly start: number
  readonly from: number
  readonly named: string | undefined
  readonly form: Form
}

/** A failed opening may be read to the end of the text, so the total work on failed openings is limited. */
const effortOf = (text: string) => 24 * (text.length + 1000)

const openingsOf = (text: string): ReadonlyArray<Opening> =>
  formTable
    .flatMap((form) =>
      Array.from(text.matchAll(form.open), (match): Opening => ({
        start: match.index,
        from: match.index + match[0].length,
        named: match[1],
        form
      }))
    )
    .toSorted((a, b) => a.start - b.start)

const read = (text: string, opening: Opening, code: CodeSpans, whole: boolean): Block | undefined => {
  const { form, named, start } = opening
  if (form.unmarked === true && isWithinJson(text, start)) return undefined
  // the body of a form without a mark begins at its opening
  const from = form.unmarked === true && text.charAt(start) !== "`" ? start : opening.from
  for (const reader of form.read) {
    const reading = reader(text, from, named)
    if (reading === undefined || (!reading.whole && !whole)) continue
    const end = closedAt(text, reading.end, form.close)
    if (text.startsWith("```", start) && end === reading.end) continue
    return {
      start: fenceBefore(text, start),
      end: fenceBehind(text, end),
      source: text.slice(start, end),
      body: text.slice(from, reading.end),
      calls: reading.calls,
      form,
      mentioned: code.isInline(start) && code.fenceAt(start) === undefined && !text.startsWith("```", start),
      fenced: code.fenceAt(start) !== undefined
    }
  }
  return unread(text, opening, code)
}

/** A mark after which a call seems to begin, though it cannot be read. */
const unread = (text: string, { form, from, start }: Opening, code: CodeSpans): Block | undefined => {
  if (form.unmarked === true) return undefined
  const fence = code.fenceAt(start)
  const behind = text.slice(from, from + 240)
  if ((behind.trim() !== "" && !looksBegun.test(behind)) || (fence === undefined && code.isInline(start)))
    return undefined
  if (fence === undefined && isMentioned(lineBefore(text, start), behind)) return undefined
  return {
    start,
    end: fence?.end ?? from,
    source: text.slice(start, from + 240),
    body: behind,
    calls: [],
    form,
    mentioned: false,
    fenced: fence !== undefined
  }
}

const lineBefore = (text: string, place: number): string => {
  const before = text.slice(Math.max(0, place - reach), place)
  return before.slice(before.lastIndexOf("\n") + 1)
}

const looksBegun = /^\s{0,40}(?:[[{<]|```|call:|print\(|[\w.:/-]{1,100}\s{0,5}(?:[[({<]|\n|$)|$)/

/** A value within a larger one is part of that one: an answer in JSON may contain the names of tools. */
const isWithinJson = (text: string, start: number): boolean =>
  /(?:"\s{0,9}:|[,{[])\s{0,40}$/.test(text.slice(Math.max(0, start - 60), start))

/** The index after the closing marks that follow the body. */
const closedAt = (text: string, at: number, close: ReadonlyArray<string>): number => {
  let end = at
  for (let turn = 0; turn < 4; turn++) {
    const space = /^\s{0,40}/.exec(text.slice(end, end + 40))?.[0].length ?? 0
    const mark = close.find((mark) => text.startsWith(mark, end + space))
    if (mark === undefined) return end
    end += space + mark.length
  }
  return end
}

const fenceBefore = (text: string, start: number): number => {
  const before = text.slice(Math.max(0, start - 60), start)
  const fence = /`{3,}[\w-]{0,20}[ \t]{0,9}\r?\n?\s{0,9}$/.exec(before)
  return fence === null ? start : start - (before.length - fence.index)
}

const fenceBehind = (text: string, end: number): number =>
  end + (/^\s{0,9}`{3,}/.exec(text.slice(end, end + 20))?.[0].length ?? 0)
