/** A whole command line in place of a program's name. Pure. */

/**
 * The words of a line as a shell splits it, or why only a shell can read it. Backslashes are those of Windows paths
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
 * Whether the string is a command line and not the name of one program. A path may contain blanks: it is a line only if
 * an option follows or if it is quoted.
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

/** `/usr/bin/node /srv/server.js`: a program, and what it runs. */
const scriptAfter = /[\\/](?:node|python[\d.]*|deno|bun|npx|uvx?|bash|sh|ruby|php|java|docker)(?:\.exe|\.cmd)?\s+\S/i
