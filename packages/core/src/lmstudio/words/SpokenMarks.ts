/**
 * Whether a mark of a protocol stands in a sentence that speaks of it. A model that uses such a mark puts it at the
 * border of what it says; one that explains it puts it where a word stands.
 */

/** For a mark outside of code, with the line before it and the text behind it. */
export const isSpokenOf = (before: string, behind: string): boolean => {
  const line = before.slice(-reach)
  const after = behind.slice(0, lookAhead)
  const last = line.at(-1) ?? ""
  const next = after.at(0) ?? ""
  if (next !== "" && quotes[last]?.includes(next) === true) return true
  // a word of the sentence before it, and the sentence goes on or ends behind it
  if (isWordBefore(line)) return /^(?:[ \t]+[^\s<]|[.,;:!?)])/.test(after)
  // the first word of a sentence
  return (
    line.trim() === "" && /^ (?:is|are|tags?|marks?|tokens?|means|begins?|starts?|ends?|opens?|and|or)\b/.test(after)
  )
}

/** Whether the line ends in a word, a list's mark or the like, and a space: nothing that a message ends with. */
export const isWordBefore = (line: string): boolean => {
  const said = line.trimEnd()
  return said !== "" && said !== line && (/[\p{L}\p{N},:*|–—-]$/u.test(said) || /^\s*\d{1,3}[.)]$/.test(said))
}

/** How many characters of the line before a mark are looked at. */
export const reach = 80

/** How many characters behind a mark are looked at. */
export const lookAhead = 12

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
