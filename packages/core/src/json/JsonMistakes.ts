/**
 * Explains the mistakes that people, editors and models make in JSON. Pure. The text of the file is not repeated,
 * because it may contain secrets; only a single character is.
 */

/** A mistake as `jsonc-parser` reports it, at an offset of the text. */
export interface Mistake {
  readonly code: string
  readonly offset: number
  readonly length: number
}

/** One or two sentences: what is wrong, and what to write instead. */
export const explain = (text: string, { code, length, offset }: Mistake): string => {
  const sign = String.fromCodePoint(text.codePointAt(offset) ?? 32)
  const word = text.slice(offset, offset + length)
  if (/^(<{7}|={7}|>{7})/.test(text.slice(offset, offset + 7))) {
    return "It has the markers of an unfinished merge (<<<<<<<). Choose one side and remove the markers."
  }
  if (text.startsWith("```", offset)) return "The lines with ``` do not belong in the file. Remove them."
  if (text.startsWith("{\\rtf")) return "It is a word processor document (RTF). Save it as plain text."
  switch (code) {
    case "InvalidEscapeCharacter":
    case "InvalidUnicode":
      return String.raw`A string contains a single backslash. Write \\ or / instead of \, as in "C:/tools/server.exe".`
    case "InvalidCharacter":
      return String.raw`A string contains a tab or another control character. Write \t for a tab.`
    case "UnexpectedEndOfString":
      return 'A string is not closed: its second " is missing, or it continues on the next line.'
    case "UnexpectedEndOfComment":
      return "A comment is not closed: its */ is missing."
    case "UnexpectedEndOfNumber":
    case "InvalidNumberFormat":
      return "A number is not valid JSON. Put it in double quotes, or write only digits."
    case "InvalidCommentToken":
      return "A comment is not allowed here. Remove it."
  }
  const strange = strangeSigns.get(sign)
  if (strange !== undefined) return strange
  if (sign === "'" || sign === "`") {
    return `Single quotes are not JSON: write "double quotes" instead of ${sign}.`
  }
  const proper = otherWords.get(word.toLowerCase())
  if (proper !== undefined && word !== proper) return `Write ${proper} instead of ${word}.`
  if (sign === "#") return "Comments begin with //, not #."
  if (sign === "=") return "A name and its value are separated by a colon: write : instead of =."
  if (text.startsWith("...", offset)) return "... is a placeholder. Replace it, or remove it."
  return (
    explanations.get(code) ??
    (/^[\w$-]/.test(sign)
      ? 'A string has no quotes here. Write it in "double quotes".'
      : `The character ${named(sign)} is not allowed here.`)
  )
}

/**
 * Whether a Windows path has lost its backslashes: `C:\new\tools` in JSON contains a line break and a tab, without an
 * error.
 */
export const isBrokenPath = (text: string): boolean => /^["']?[A-Za-z]:[^\n]*[\b\t\n\f\r]/.test(text)

/** The message for it. */
export const brokenPath = String.raw`has a path with single backslashes, which JSON reads as line breaks and tabs. Write \\ or / instead of \.`

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const explanations: ReadonlyMap<string, string> = new Map([
  ["CommaExpected", "A comma is missing."],
  ["ColonExpected", "A colon is missing."],
  ["PropertyNameExpected", 'A name in "double quotes" is expected here.'],
  ["ValueExpected", "A value is missing here."],
  ["CloseBraceExpected", "A closing } is missing."],
  ["CloseBracketExpected", "A closing ] is missing."],
  ["EndOfFileExpected", "There is text after the end of the object. Remove it."]
])

const quotes = (sign: string) => [sign, `${sign} is a typographic quotation mark. Write a straight " instead.`] as const
const blank = (sign: string) =>
  [sign, `There is a special blank (${codePoint(sign)}) here. Write an ordinary one instead.`] as const
const instead = (sign: string, plain: string) => [sign, `Write ${plain} instead of ${sign}.`] as const

const codePoint = (sign: string) => `U+${(sign.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`

const strangeSigns: ReadonlyMap<string, string> = new Map([
  ...["“", "”", "„", "‟", "‘", "’", "‚", "«", "»", "‹", "›", "＂", "＇", "「", "」", "″", "′"].map(quotes),
  ...[
    "\u00A0",
    "\u2002",
    "\u2003",
    "\u2007",
    "\u2009",
    "\u200B",
    "\u200C",
    "\u200D",
    "\u202F",
    "\u2060",
    "\u3000",
    "\uFEFF"
  ].map(blank),
  instead("：", ":"),
  instead("，", ","),
  instead("｛", "{"),
  instead("｝", "}"),
  instead("［", "["),
  instead("］", "]"),
  ["…", "… is a placeholder. Replace it, or remove it."],
  ["\uFFFD", "A character here is not UTF-8. Save the file as UTF-8 in an editor."],
  ["<", "This is an HTML or XML page, not a configuration."]
])

const otherWords: ReadonlyMap<string, string> = new Map([
  ["true", "true"],
  ["yes", "true"],
  ["on", "true"],
  ["false", "false"],
  ["no", "false"],
  ["off", "false"],
  ["none", "null"],
  ["nil", "null"],
  ["null", "null"],
  ["undefined", "null"],
  ["nan", "null"]
])

const named = (sign: string) => (/[\p{C}\p{Z}]/u.test(sign) ? codePoint(sign) : `${sign} (${codePoint(sign)})`)
