/** Recognises secrets by their form alone, and names whose values are secret. Pure. */

/** Tokens of known formats: OpenAI, Anthropic and LM Studio, GitHub, GitLab, Slack, AWS, Google, JSON web tokens. */
export const tokens =
  /\b(?:sk-[\w-]{16,}|lms?-[\w-]{24,}|gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abprs]-[\w-]{10,}|AKIA[0-9A-Z]{16}|AIza[\w-]{30,}|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]+)/g

/**
 * Whether a variable, header, option, field or parameter with this name contains a secret: `apiKey`, `--auth-token`,
 * `PGPASSWORD`; not `TOKENIZER`, `KEYBOARD` or `GIT_AUTHOR_NAME`.
 */
export const namesSecret = (name: string): boolean => {
  const words = name
    .replaceAll(/([a-z\d])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .split(/[^a-z\d]+/)
  return words.some((word) => wholeWords.has(word) || withinWord.test(word))
}

/**
 * Whether a text is plain, like a path, a package, a host, a flag, a number or a word, so that masking it would make
 * messages unreadable. Decided by its form; text that looks random is not plain.
 */
export const isPlain = (text: string): boolean => notPlain(text).length === 0

/** The parts of a text without white space that are not plain: the segments of a path, else the whole text. */
export const notPlain = (text: string): ReadonlyArray<string> => {
  if (text.length < shortest) return []
  if (text.search(tokens) !== -1) return [text]
  const holds = (part: string, is: (one: string) => boolean) => part.split(/[^A-Za-z\d]+/).some(is)
  return /^(?:[./~\\]|[A-Za-z]:[\\/])/.test(text)
    ? text.split(/[\\/]/).filter((part) => holds(part, isLongAndMixed))
    : holds(text, isOpaque)
      ? [text]
      : []
}

/** Fewest characters of a text that counts as a secret by its form. */
export const shortest = 8

/** Contains upper-case letters, lower-case letters and digits. */
export const isMixed = (part: string): boolean => /\d/.test(part) && /[a-z]/.test(part) && /[A-Z]/.test(part)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const wholeWords: ReadonlySet<string> = new Set(
  "key keys pass auth authorization pwd pat jwt tok sig signature dsn otp".split(" ")
)

const withinWord = /passw|passphrase|secret|token(?!i)|credential|cookie|bearer|apikey|privatekey|accesskey|^oauth$/

/** A form that no file name has: commits and digests do occur in paths. */
const isLongAndMixed = (part: string): boolean => part.length >= 20 && isMixed(part)

const isOpaque = (part: string): boolean => {
  if (part.length < shortest) return false
  if (/^\d+$/.test(part)) return part.length >= 16
  if (/^[A-Za-z]+$/.test(part))
    return part.length >= 28 || turnsOf(part, /(?<=[a-z])(?=[A-Z])|(?<=[A-Z]{2})(?=[a-z])/g) >= 5
  // a word and its number, as in sqlite3 and port8080
  if (/^[A-Za-z]+\d{1,4}$/.test(part)) return false
  return part.replaceAll(/\D/g, "").length >= 4 || turnsOf(part, /(?<=\d)(?=\D)|(?<=\D)(?=\d)/g) >= 3
}

const turnsOf = (part: string, where: RegExp): number => part.split(where).length - 1
