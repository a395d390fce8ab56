/** A whole command line where a program's name belongs: pure. */

/**
 * The words of a line as a shell reads them, or why only a shell can read it. Backslashes are those of Windows' paths
 * unless a blank or a quote follows.
 */
export const words = (line: string): ReadonlyArray<string> | "ForShell" | "NotClosed" => {
  const found: Array<string> = []
  let word: string | undefined
  let quote: string | undefined
  for (let index = 0; index < line.length; index++) {
    const sign = line[index] ?? ""
    const next = line[index + 1]
    if (quote !== undefined) {
      if (sign === quote) quote = undefined
      else if (sign === "\\" && quote === '"' && next === '"') word = `${word ?? ""}${line[++index] ?? ""}`
      else word = `${word ?? ""}${sign}`
    } else if (sign === '"' || sign === "'") {
      quote = sign
      word ??= ""
    } else if (sign === "\\" && next !== undefined && /[\s"']/.test(next)) {
      word = `${word ?? ""}${line[++index] ?? ""}`
    } else if (/\s/.test(sign)) {
      if (word !== undefined) found.push(word)
      word = undefined
    } else if (/[|;<>`]/.test(sign) || (sign === "&" && next === "&") || (sign === "$" && next === "(")) {
      return "ForShell"
    } else {
      word = `${word ?? ""}${sign}`
    }
  }
  if (quote !== undefined) return "NotClosed"
  if (word !== undefined) found.push(word)
  return found
}

/**
 * Whether the text is a command line and not the name of one program. A path may have blanks in it: it is a line only
 * where an option follows or where it is quoted.
 */
export const isLine = (command: string): boolean => {
  const text = command.trim()
  if (!/\s/.test(text)) return false
  if (/^["']/.test(text)) return true
  const [first = ""] = text.split(/\s/)
  if (/^[A-Za-z_]\w*=/.test(first)) return true
  return /[\\/]/.test(first) ? /\s-{1,2}\w/.test(text) || scriptAfter.test(text) : true
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** `/usr/bin/node /srv/server.js`: a program, and what it is to run. */
const scriptAfter = /[\\/](?:node|python[\d.]*|deno|bun|npx|uvx?|bash|sh|ruby|php|java|docker)(?:\.exe|\.cmd)?\s+\S/i
