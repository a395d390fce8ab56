/**
 * Whether a protocol mark in a text is only mentioned. A model that uses such a mark puts it at the edge of a message;
 * a model that explains it puts it where a word would stand.
 */

/** For a mark outside of code, with the line before it and the text after it. */
export const isMentioned = (before: string, behind: string): boolean => {
  const line = before.slice(-reach)
  const after = behind.slice(0, lookAhead)
  const last = line.at(-1) ?? ""
  const next = after.at(0) ?? ""
  if (next !== "" && quotes[last]?.includes(next) === true) return true
  // a word of the sentence precedes it, and the sentence continues or ends after it
  if (isWordBefore(line)) return /^(?:[ \t]+[^\s<]|[.,;:!?)])/.test(after)
  // the first word of a sentence
  return (
    line.trim() === "" && /^ (?:is|are|tags?|marks?|tokens?|means|begins?|starts?|ends?|opens?|and|or)\b/.test(after)
  )
}

/** Whether the line ends with a word, a list marker or the like, and a space: a message does not end like that. */
export const isWordBefore = (line: string): boolean => {
  const said = line.trimEnd()
  return said !== "" && said !== line && (/[\p{L}\p{N},:*|–—-]$/u.test(said) || /^\s*\d{1,3}[.)]$/.test(said))
}

/** How many characters of the line before a mark are examined. */
export const reach = 80

/** How many characters after a mark are examined. */
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
