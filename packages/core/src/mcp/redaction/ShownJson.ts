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
  let name = ""
  let valueAt = -1
  return text.replaceAll(string, (whole: string, quoted: string, colon: string | undefined, offset: number) => {
    const inner = quoted.slice(1, -1)
    if (colon !== undefined) {
      name = inner
      valueAt = offset + whole.length
      return whole
    }
    const before = option
    option = inner
    if (offset !== valueAt) return `"${Redaction.shownArguments([before, inner])[1] ?? ""}"`
    if (name === "url") return `"${Redaction.shownUrl(inner)}"`
    const isSecret = variables.has(name) || /^[A-Z_][A-Z\d_]*$/.test(name) || namesSecret(name)
    return `"${isSecret && inner !== "" ? "***" : (Redaction.shownArguments([inner])[0] ?? "")}"`
  })
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Every one of them, names too, so that none begins at the end of another where all stand on one line. */
const string = /("(?:[^"\\\n]|\\.)*")(\s*:\s*)?/g
