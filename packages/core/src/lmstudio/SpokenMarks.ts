/**
 * Whether a mark of a protocol stands in a sentence that speaks of it. A model that uses such a mark puts it at the
 * border of what it says; one that explains it puts it where a word stands.
 *
 * @since 0.1.0
 */

/**
 * For the mark from `start` to `end` of this text, outside of code.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isSpokenOf = (text: string, start: number, end: number): boolean => {
  const before = text.slice(Math.max(0, start - reach), start)
  const line = before.slice(before.lastIndexOf("\n") + 1)
  const after = text.slice(end, end + reach)
  const last = line.at(-1) ?? ""
  const next = after.at(0) ?? ""
  if (last !== "" && quotes[last]?.includes(next) === true && next !== "") return true
  const said = line.trimEnd()
  const isWord = said !== "" && said !== line && (/[\p{L}\p{N},:*|–—-]$/u.test(said) || /^\s*\d{1,3}[.)]$/.test(said))
  // a word of the sentence before it, and the sentence goes on or ends behind it
  if (isWord) return next === "" || /^[\s.,;:!?)]/.test(after)
  // the first word of a sentence
  return (
    said === "" && /^ (?:is|are|tags?|marks?|tokens?|means|begins?|starts?|ends?|opens?|closes?|and|or)\b/.test(after)
  )
}

/**
 * How many characters on each side are looked at.
 *
 * @since 0.1.0
 * @category constants
 */
export const reach = 80

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const quotes: Readonly<Record<string, string>> = {
  '"': '"',
  "'": "'",
  "`": "`",
  "“": "”",
  "„": "“”",
  "‘": "’",
  "«": "»",
  "(": ")",
  "*": "*",
  _: "_",
  "|": "|"
}
