/** Which places of a text are inside Markdown code. */

export interface CodeSpans {
  /** The fenced block around a place, including its marks. An unclosed block extends to the end of the text. */
  readonly fenceAt: (place: number) => { readonly start: number; readonly end: number } | undefined
  /** Whether a place is between backticks on one line. */
  readonly isInline: (place: number) => boolean
}

export const codeSpans = (text: string): CodeSpans => {
  const fences: Array<{ readonly start: number; readonly end: number }> = []
  let open: { readonly start: number; readonly mark: string } | undefined
  for (const match of text.matchAll(/^[ \t]*(`{3,}|~{3,})([^\n]*)$/gm)) {
    const mark = match[1] ?? ""
    const rest = match[2] ?? ""
    if (open === undefined) {
      // a backtick after the mark means a whole block on one line
      if (!rest.includes("`")) open = { start: match.index, mark }
    } else if (mark.startsWith(open.mark) && rest.trim() === "") {
      fences.push({ start: open.start, end: match.index + match[0].length })
      open = undefined
    }
  }
  if (open !== undefined) fences.push({ start: open.start, end: text.length })
  const fenceAt = (place: number) => {
    let low = 0
    let high = fences.length - 1
    while (low <= high) {
      const middle = Math.floor((low + high) / 2)
      const fence = fences[middle]
      if (fence === undefined) return undefined
      if (place < fence.start) high = middle - 1
      else if (place >= fence.end) low = middle + 1
      else return fence
    }
    return undefined
  }
  const isInline = (place: number) => {
    const start = Math.max(text.lastIndexOf("\n", place - 1) + 1, place - longestLine)
    let isOpen = false
    for (let index = start; index < place; index++) {
      const from = index
      while (index < place && text.charAt(index) === "`") index++
      // three or more are a block, even on one line
      if (index > from && index - from < 3) isOpen = !isOpen
    }
    return isOpen
  }
  return { fenceAt, isInline }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Bounds the work for many places on one long line. */
const longestLine = 2000
