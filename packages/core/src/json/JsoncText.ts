/** JSON with comments and trailing commas, as in configuration files: its content, and where it is invalid. */
import * as Either from "effect/Either"
import * as Jsonc from "jsonc-parser"
import { isTooDeep, mostLevels } from "./ExactJson.ts"
import * as JsonMistakes from "./JsonMistakes.ts"

/** Why a text cannot be used, and its 1-based line. */
export interface Problem {
  readonly line: number
  readonly detail: string
}

/** The object in the text. It must not begin with a byte order mark: remove it with `withoutMark`. */
export const parse = (text: string): Either.Either<Jsonc.Node, Problem> => {
  // the parser is recursive
  if (isTooDeep(text)) return Either.left({ line: 1, detail: `It is nested more than ${mostLevels} levels deep.` })
  const errors: Array<Jsonc.ParseError> = []
  const root = Jsonc.parseTree(text, errors, { allowTrailingComma: true, allowEmptyContent: false })
  const first = telling(text, errors)
  if (text.trim() === "") return Either.left({ line: 1, detail: "The file is empty." })
  if (first !== undefined) return Either.left({ line: lineAt(text, first.offset), detail: first.detail })
  return root?.type === "object" ? Either.right(root) : Either.left({ line: 1, detail: "It is not a JSON object." })
}

export const withoutMark = (text: string): string => text.replace(/^\uFEFF/, "")

/** The 1-based line of an offset. */
export const lineAt = (text: string, offset: number): number => text.slice(0, offset).split("\n").length

/** The same for many offsets of one text. */
export const linesIn = (text: string): ((offset: number) => number) => {
  let breaks: Array<number> | undefined
  return (offset) => {
    if (breaks === undefined) {
      breaks = []
      for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) breaks.push(at)
    }
    let low = 0
    let high = breaks.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((breaks[middle] ?? 0) < offset) low = middle + 1
      else high = middle
    }
    return low + 1
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** The first mistake, with an explanation that considers the others on its line. */
const telling = (text: string, errors: ReadonlyArray<Jsonc.ParseError>) => {
  const [first] = errors
  if (first === undefined) return undefined
  const end = text.indexOf("\n", first.offset)
  const near = errors.filter(
    ({ offset }) => offset === first.offset || (offset > first.offset && (end === -1 || offset < end))
  )
  const said = near.slice(0, 8).map(({ error, length, offset }) => {
    const code = Jsonc.printParseErrorCode(error)
    return { offset, detail: JsonMistakes.explain(text, { code, length, offset }) }
  })
  return said[0]
}
