/**
 * Finds where values end in text that a model wrote, in one pass from left to right. Nothing is repaired or parsed; the
 * callers judge the slices.
 */
import { parseJson } from "../../internal/parseJson.ts"

/** Marks that some models write instead of a string's quotes, besides `"` and `'`. */
export const quoteMarks = ['<|"|>', "<escape>"] as const

/** The index after the white space at this place. */
export const skipSpace = (text: string, at: number): number => {
  let index = at
  while (index < text.length && /\s/.test(text.charAt(index))) index++
  return index
}

/** The index after the string that begins at this place; undefined when the text ends within it. */
export const stringEnd = (text: string, at: number): number | undefined => {
  const mark = quoteMarks.find((mark) => text.startsWith(mark, at))
  if (mark !== undefined) {
    const close = text.indexOf(mark, at + mark.length)
    return close === -1 ? undefined : close + mark.length
  }
  const quote = text.charAt(at)
  const triple = quote.repeat(3)
  if (text.startsWith(triple, at)) {
    const close = text.indexOf(triple, at + 3)
    return close === -1 ? undefined : close + 3
  }
  for (let index = at + 1; index < text.length; index++) {
    const char = text.charAt(index)
    if (char === "\\") index++
    else if (char === quote) return index + 1
  }
  return undefined
}

/** Whether a string begins at this place. An apostrophe counts only where a value or a key may begin. */
export const isQuote = (text: string, at: number, before: string): boolean => {
  const char = text.charAt(at)
  if (char === '"') return true
  if (char === "'") return before === "" || "{[(,:=".includes(before)
  return char === "<" && quoteMarks.some((mark) => text.startsWith(mark, at))
}

/**
 * The index after the bracket that closes the one at this place, skipping strings; undefined when there is none, or when
 * brackets do not match.
 */
export const bracketEnd = (text: string, at: number): number | undefined => {
  const open: Array<string> = []
  let before = ""
  for (let index = at; index < text.length; index++) {
    const char = text.charAt(index)
    if (isQuote(text, index, before)) {
      const end = stringEnd(text, index)
      if (end === undefined) return undefined
      index = end - 1
      before = '"'
      continue
    }
    const closing = closingOf[char]
    if (closing !== undefined) open.push(closing)
    else if (char === "}" || char === "]" || char === ")") {
      if (open.pop() !== char) return undefined
      if (open.length === 0) return index + 1
    }
    if (char.trim() !== "") before = char
  }
  return undefined
}

/**
 * The index after the value at this place: a string, something in brackets, or bare characters up to a comma, a closing
 * bracket or the end of the line. Undefined when it is truncated.
 */
export const valueEnd = (text: string, at: number): number | undefined => {
  const char = text.charAt(at)
  if (char in closingOf) return bracketEnd(text, at)
  if (isQuote(text, at, ":")) return stringEnd(text, at)
  let index = at
  while (index < text.length && !/[,}\])\n]/.test(text.charAt(index))) index++
  return index === at || index === text.length ? undefined : index
}

/** A member of an object: its key without quotes, and the range of its value. */
export interface Member {
  readonly key: string
  readonly from: number
  readonly to: number
}

/** `closed` is false when the last bracket is missing after a complete value. */
export interface ObjectSpan {
  readonly members: ReadonlyArray<Member>
  readonly end: number
  readonly closed: boolean
}

/** The object that begins at this place; undefined when there is none, or when it is truncated within a value. */
export const objectAt = (text: string, at: number): ObjectSpan | undefined => {
  if (text.charAt(at) !== "{") return undefined
  const members: Array<Member> = []
  let index = at + 1
  for (;;) {
    index = skipSpace(text, index)
    while (text.charAt(index) === ",") index = skipSpace(text, index + 1)
    if (text.charAt(index) === "}") return { members, end: index + 1, closed: true }
    const last = members.at(-1)
    if (last !== undefined && isWhole(text, last) && (index >= text.length || /[<`]/.test(text.charAt(index)))) {
      return { members, end: index, closed: false }
    }
    const keyEnd = isQuote(text, index, "{") ? stringEnd(text, index) : bareKeyEnd(text, index)
    if (keyEnd === undefined || keyEnd === index) return undefined
    const colon = skipSpace(text, keyEnd)
    if (!/[:=]/.test(text.charAt(colon))) return undefined
    const from = skipSpace(text, colon + 1)
    const to = valueEnd(text, from)
    if (to === undefined) return undefined
    members.push({ key: unquoted(text.slice(index, keyEnd)), from, to })
    index = to
  }
}

/** The content of a string without its quotes; JSON escapes are decoded where it is JSON. */
export const unquoted = (text: string): string => {
  const mark = [...quoteMarks, '"""', "'''"].find((mark) => text.startsWith(mark))
  if (mark !== undefined) return text.slice(mark.length, -mark.length)
  if (text.startsWith('"')) {
    const value = parseJson(text)
    return typeof value === "string" ? value : text.slice(1, -1)
  }
  return text.startsWith("'") ? text.slice(1, -1) : text
}

/** Finds the next occurrence for increasing places; the text is scanned only once, however many calls there are. */
export const nextOf = (text: string, part: string): ((from: number) => number) => {
  let known = -1
  let asked = -1
  return (from) => {
    if (asked === -1 || (known !== -1 && known < from)) known = text.indexOf(part, from)
    asked = from
    return known
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const closingOf: Readonly<Record<string, string>> = { "{": "}", "[": "]", "(": ")" }

/** Whether the value is certainly complete: a number at the end of a text may have been longer. */
const isWhole = (text: string, { from }: Member) => text.charAt(from) in closingOf || isQuote(text, from, ":")

const bareKeyEnd = (text: string, at: number): number => {
  let index = at
  while (index < text.length && /[\w$.-]/.test(text.charAt(index))) index++
  return index
}
