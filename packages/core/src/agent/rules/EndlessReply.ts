/**
 * Detects, while a reply streams in, that it repeats itself without end, as small models do. Text that was probably
 * requested, such as a matrix of zeros, a table or a block of code, may be ten times as long.
 */

export interface EndlessReply {
  /** Takes the next chunk; true once the end of the text only repeats the same piece. */
  readonly push: (piece: string) => boolean
}

/**
 * `patient`: the task itself asks for repetition. `inCall`: the text is the arguments of a call, which may be a whole
 * file.
 */
export const make = (options: { readonly patient?: boolean; readonly inCall?: boolean } = {}): EndlessReply => {
  let tail = ""
  let pending = ""
  let line = ""
  let fence: number | undefined
  let length = 0
  const least = options.inCall === true ? leastInCall : leastRepeated

  /** Tracks where the currently open code block began. */
  const follow = (piece: string) => {
    for (const [index, part] of piece.split("\n").entries()) {
      if (index > 0) {
        if (/^[ \t]*(?:```|~~~)/.test(line)) fence = fence === undefined ? length : undefined
        line = ""
      }
      line = (line + part).slice(0, 80)
    }
    length += piece.length
  }

  return {
    push: (piece) => {
      follow(piece)
      pending += piece
      if (pending.length < checkedEvery) return false
      tail = (tail + pending).slice(-mostRepeated)
      pending = ""
      if (options.inCall !== true && options.patient !== true && fence === undefined && isRun(tail)) return true
      const found = repeated(tail, least)
      if (found === undefined) return false
      const inCode = fence !== undefined && fence <= length - found.length + found.period
      const most = inCode || options.patient === true || isTabular(tail.slice(-found.period)) ? mostRepeated : least
      return found.length >= most
    }
  }
}

/** Whether a task asks for repetition: "a hundred times", "50 rows", "a 40x40 matrix". */
export const asksForRepetition = (task: string): boolean =>
  /\b\d{2,6}\s{0,3}(?:times|rows|lines|copies|items|entries|zeros|zeroes)\b|\b\d{2,5}\s{0,3}(?:x|×|by)\s{0,3}\d{2,5}\b|\b(?:repeat|matrix|hundred times|thousand times)/i.test(
    task.slice(0, 20_000)
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const leastRepeated = 2400
/** Of digits and letters without anything between them: each digit is a token. */
const leastRun = 1000
const leastInCall = 6000
const mostRepeated = 24_000
const checkedEvery = 600
const longestPeriod = 2000
const leastTimes = 6

const isRun = (text: string): boolean => {
  const end = text.slice(-leastRun)
  return end.length === leastRun && /^[\p{L}\p{N}]+$/u.test(end) && repeated(end, leastRun / 2) !== undefined
}

/** The shortest piece that repeats often enough at the end of the text, and the length of the repetition. */
const repeated = (text: string, least: number): { readonly period: number; readonly length: number } | undefined => {
  if (text.length < least) return undefined
  const lengths = ends(text)
  for (let period = 1; period <= Math.min(longestPeriod, text.length - 1); period++) {
    const length = (lengths[period] ?? 0) + period
    if (length >= Math.max(least, leastTimes * period)) return { period, length }
  }
  return undefined
}

/** For each distance, how many characters at the end of the text equal those that far before (Z-function, linear). */
const ends = (text: string): Uint32Array => {
  const size = text.length
  const codes = new Uint16Array(size)
  for (let index = 0; index < size; index++) codes[index] = text.charCodeAt(size - 1 - index)
  const lengths = new Uint32Array(size)
  let left = 0
  let right = 0
  for (let index = 1; index < size; index++) {
    let length = index < right ? Math.min(right - index, lengths[index - left] ?? 0) : 0
    while (index + length < size && codes[length] === codes[index + length]) length++
    lengths[index] = length
    if (index + length > right) {
      left = index
      right = index + length
    }
  }
  return lengths
}

/** Numbers with something between them, or lines of short fields: rows of a table are often equal. */
const isTabular = (period: string): boolean => {
  if (/\d/.test(period) && /[\s,;|]/.test(period) && !/\p{L}/u.test(period)) return true
  const lines = period.split("\n")
  if (lines.length < 2 || lines.length > 200) return false
  // the period may begin anywhere, so its first and last lines are one row
  const rows = [`${lines.at(-1) ?? ""}${lines[0] ?? ""}`, ...lines.slice(1, -1)].filter((row) => row.trim() !== "")
  return (
    rows.length > 0 &&
    rows.every((row) => {
      const fields = row.split(/[,;|\t]/)
      return fields.length > 2 && fields.every((field) => field.trim().split(" ").length <= 3)
    })
  )
}
