/** Untrusted regular expressions, run by RE2: linear in the length of the text, whatever the expression. */
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import { RE2JS } from "re2js"

/** A test for matches, or why the expression cannot be used: RE2 has no look-around and no back-references. */
export const make = (pattern: string): Either.Either<(text: string) => boolean, string> =>
  pattern.length > maxLength
    ? Either.left("it is too long")
    : Either.try({
        try: () => {
          const compiled = RE2JS.compile(asRe2(pattern))
          return (text: string) => compiled.matcher(text).find()
        },
        catch: (cause) => (Predicate.isError(cause) ? cause.message : String(cause))
      })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const maxLength = 10_000

/** ECMAScript's `\uXXXX`, `\cX`, `\/` and `(?<name>…)` in RE2's syntax. */
const asRe2 = (pattern: string) => RE2JS.translateRegExp(pattern)
