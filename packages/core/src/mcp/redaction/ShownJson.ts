/**
 * Lines of a configuration as they may be shown: every other character as it is, and `***` for secrets in its texts.
 */
import * as Redaction from "./Redaction.ts"
import { namesSecret } from "./KnownTokens.ts"

/**
 * Values of the `variables`, of members in capitals, which are variables as well, and of members whose name says that
 * they are secret are masked as a whole; of other texts what looks like a secret is.
 */
export const shownJson = (text: string, variables: ReadonlySet<string> = new Set()): string => {
  let option = ""
  return text.replaceAll(member, (_, key: string | undefined, between: string | undefined, value: string) => {
    const inner = value.slice(1, -1)
    const before = option
    option = inner
    if (key === undefined || between === undefined) return `"${Redaction.shownArguments([before, inner])[1] ?? ""}"`
    const name = key.slice(1, -1)
    const isSecret = variables.has(name) || /^[A-Z_][A-Z\d_]*$/.test(name) || namesSecret(name)
    const shown = isSecret && inner !== "" ? "***" : Redaction.shownArguments([inner])[0]
    return name === "url" ? `${key}${between}"${Redaction.shownUrl(inner)}"` : `${key}${between}"${shown ?? ""}"`
  })
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** A text, with the name before it where it has one; a name before something else is no text with a secret. */
const member = /(?:("(?:[^"\\\n]|\\.)*")(\s*:\s*))?("(?:[^"\\\n]|\\.)*")(?!\s*:)/g
