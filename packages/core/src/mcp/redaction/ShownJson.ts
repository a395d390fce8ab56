/** Lines of a configuration in a form that may be shown: verbatim, except for `***` in place of secrets. */
import * as Redaction from "./Redaction.ts"
import { namesSecret } from "./KnownTokens.ts"

/**
 * Masked as a whole: values of the `variables`, of members in upper case, which are variables too, and of members with
 * the name of a secret. In other strings, only the parts that look like secrets are masked.
 */
export const shownJson = (text: string, variables: ReadonlySet<string>): string => {
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
    return `"${isSecret && inner !== "" && !reference.test(inner) ? "***" : (Redaction.shownArguments([inner])[0] ?? "")}"`
  })
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Names a secret, and does not contain it. */
const reference = /^\$\{(?:env:)?\w+\}$/

/** Matches every string, names too, so that a match never begins at the end of another string on the same line. */
const string = /("(?:[^"\\\n]|\\.)*")(\s*:\s*)?/g
