/** Parses the file that `envFile` names, with `NAME=value` lines. Pure. */
import * as Either from "effect/Either"

/**
 * The variables, or the 1-based number of the invalid line. Quotes around a value are removed; a `#` after a blank
 * begins a comment; `\n` in double quotes is a line break. References to other variables are not expanded.
 */
export const parse = (written: string): Either.Either<ReadonlyMap<string, string>, number> => {
  const text = written.replaceAll(/\r\n?/g, "\n")
  const found = new Map<string, string>()
  let line = 0
  for (let start = 0; start < text.length;) {
    line += 1
    const lineEnd = text.indexOf("\n", start)
    const end = lineEnd === -1 ? text.length : lineEnd
    const one = text.slice(start, end).trim()
    const [, name, value = ""] = /^(?:export\s+)?([\w.-]+)\s*=\s*(.*)$/s.exec(one) ?? []
    if (one !== "" && !one.startsWith("#")) {
      if (name === undefined) return Either.left(line)
      const quote = /^["'`]/.exec(value)?.[0]
      if (quote === undefined) {
        found.set(name, value.replace(/^#.*$|\s#.*$/s, "").trim())
      } else {
        // the value may span several lines, as a key does
        const from = text.indexOf(quote, text.indexOf("=", start)) + 1
        const to = closing(text, from, quote)
        if (to === -1) return Either.left(line)
        const inner = text.slice(from, to)
        found.set(
          name,
          quote === '"' ? inner.replaceAll(/\\([nrt"\\$])/g, (_, sign: string) => escapes.get(sign) ?? sign) : inner
        )
        line += inner.split("\n").length - 1
        const after = text.indexOf("\n", to)
        start = after === -1 ? text.length : after + 1
        continue
      }
    }
    start = end + 1
  }
  return Either.right(found)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const escapes: ReadonlyMap<string, string> = new Map([
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"]
])

const closing = (text: string, from: number, quote: string) => {
  for (let index = from; index < text.length; index++) {
    if (quote === '"' && text[index] === "\\") index += 1
    else if (text[index] === quote) return index
  }
  return -1
}
