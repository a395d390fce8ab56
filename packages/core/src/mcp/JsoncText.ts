/**
 * JSON with comments and trailing commas, as people write configuration in it: what it says, and where it is wrong.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as Jsonc from "jsonc-parser"

/**
 * Why a text cannot be used, and the 1-based line to look at.
 *
 * @since 0.1.0
 * @category models
 */
export interface Problem {
  readonly line: number
  readonly detail: string
}

/**
 * The object that the text is. No byte order mark is expected: `withoutMark` takes it away.
 *
 * @since 0.1.0
 * @category parsing
 */
export const parse = (text: string): Either.Either<Jsonc.Node, Problem> => {
  const errors: Array<Jsonc.ParseError> = []
  const root = Jsonc.parseTree(text, errors, { allowTrailingComma: true, allowEmptyContent: false })
  const [first] = errors
  if (text.trim() === "") return Either.left({ line: 1, detail: "The file is empty." })
  if (first !== undefined) return Either.left({ line: lineAt(text, first.offset), detail: explain(first) })
  return root?.type === "object" ? Either.right(root) : Either.left({ line: 1, detail: "It is not a JSON object." })
}

/**
 * @since 0.1.0
 * @category combinators
 */
export const withoutMark = (text: string): string => text.replace(/^\uFEFF/, "")

/**
 * The 1-based line of an offset.
 *
 * @since 0.1.0
 * @category getters
 */
export const lineAt = (text: string, offset: number): number => text.slice(0, offset).split("\n").length

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const explanations: Readonly<Record<string, string>> = {
  CommaExpected: "A comma is missing.",
  ColonExpected: "A colon is missing.",
  PropertyNameExpected: 'A name in "double quotes" is expected here.',
  ValueExpected: "A value is missing here.",
  CloseBraceExpected: "A closing } is missing.",
  CloseBracketExpected: "A closing ] is missing.",
  UnexpectedEndOfString: "A text is not closed.",
  EndOfFileExpected: "There is more after the end of the object."
}

const explain = ({ error }: Jsonc.ParseError): string => {
  const code = Jsonc.printParseErrorCode(error)
  return explanations[code] ?? `It is not valid JSON (${code}).`
}
