/**
 * What people, editors and models get wrong in JSON, said in their words: pure. No text of the file is repeated, for it
 * may hold secrets; a single sign is.
 */

/** A mistake as `jsonc-parser` names it, at an offset of the text. */
export interface Mistake {
  readonly code: string
  readonly offset: number
  readonly length: number
}

/** One sentence or two: what is wrong, and what to write. */
export const explain = (text: string, { code, length, offset }: Mistake): string => {
  const sign = String.fromCodePoint(text.codePointAt(offset) ?? 32)
  const word = text.slice(offset, offset + length)
  if (/^(<{7}|={7}|>{7})/.test(text.slice(offset, offset + 7))) {
    return "It has the marks of a merge that is not finished (<<<<<<<). Decide for one side and take the marks away."
  }
  if (text.startsWith("```", offset)) return "The lines with ``` do not belong into the file. Take them away."
  if (text.startsWith("{\\rtf")) return "It is a document of a word processor (RTF). Save it as plain text."
  switch (code) {
    case "InvalidEscapeCharacter":
    case "InvalidUnicode":
      return String.raw`A single backslash stands in a text. Write \\ or / in place of \, as in "C:/tools/server.exe".`
    case "InvalidCharacter":
      return String.raw`A text has a tab or another control character in it. Write \t for a tab.`
    case "UnexpectedEndOfString":
      return 'A text is not closed: its second " is missing, or it goes on in the next line.'
    case "UnexpectedEndOfComment":
      return "A comment is not closed: its */ is missing."
    case "UnexpectedEndOfNumber":
    case "InvalidNumberFormat":
      return "A number is not written as JSON has it. Put it in double quotes, or write only digits."
    case "InvalidCommentToken":
      return "A comment cannot stand here."
  }
  const strange = strangeSigns.get(sign)
  if (strange !== undefined) return strange
  if (sign === "'" || sign === "`") {
    return `Single quotes are not JSON: write "double quotes" in place of ${sign}.`
  }
  const proper = otherWords.get(word.toLowerCase())
  if (proper !== undefined && word !== proper) return `Write ${proper} in place of ${word}.`
  if (sign === "#") return "Comments begin with // in place of #."
  if (sign === "=") return "A name and its value have a colon between them: write : in place of =."
  if (text.startsWith("...", offset)) return "... is a place-holder. Write what belongs there, or take it away."
  return (
    explanations.get(code) ??
    (/^[\w$-]/.test(sign)
      ? 'A text stands here without quotes. Write it in "double quotes".'
      : `The character ${named(sign)} cannot stand here.`)
  )
}

/**
 * Whether a text of a path of Windows has lost its backslashes: `C:\new\tools` in JSON is a line break and a tab, and
 * nothing says so.
 */
export const isBrokenPath = (text: string): boolean => /^["']?[A-Za-z]:[^\n]*[\b\t\n\f\r]/.test(text)

/** What to say of it. */
export const brokenPath = String.raw`has a path with single backslashes, which JSON takes for line breaks and tabs. Write \\ or / in place of \.`

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
  ["EndOfFileExpected", "There is more after the end of the object."]
])

const quotes = (sign: string) =>
  [sign, `${sign} is a quotation mark of a word processor. Write the straight " in place of it.`] as const
const blank = (sign: string) =>
  [sign, `There is a special blank (${codePoint(sign)}) here. Write an ordinary one in place of it.`] as const
const instead = (sign: string, plain: string) => [sign, `Write ${plain} in place of ${sign}.`] as const

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
  ["…", "… is a place-holder. Write what belongs there, or take it away."],
  ["\uFFFD", "A character here is not UTF-8. Save the file as UTF-8 in an editor."],
  ["<", "This is a page of HTML or XML, not a configuration."]
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
