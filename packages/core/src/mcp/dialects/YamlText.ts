/** YAML, in which Goose and Continue store their servers. Loaded only for such a file. */
import * as Either from "effect/Either"
import * as Yaml from "yaml"
import type { Problem } from "../../json/JsoncText.ts"
import * as ConfigNode from "./ConfigNode.ts"

export const parse = (text: string): Either.Either<ConfigNode.ConfigNode, Problem> => {
  const lines = new Yaml.LineCounter()
  const read = Either.try({
    try: () => {
      const document = Yaml.parseDocument(text, { lineCounter: lines, uniqueKeys: false, prettyErrors: false })
      return { document, value: document.errors.length === 0 ? (document.toJS() as unknown) : undefined }
    },
    catch: (): Problem => ({ line: 1, detail: "It is not valid YAML." })
  })
  return Either.flatMap(read, ({ document, value }) => {
    const [error] = document.errors
    if (error !== undefined) {
      const line = lines.linePos(error.pos[0]).line
      return Either.left({ line, detail: mistakes.get(error.code) ?? "It is not valid YAML." })
    }
    const lineOf = (path: ReadonlyArray<string | number>) => {
      const node = path.length === 0 ? document.contents : document.getIn(path, true)
      const offset = Yaml.isNode(node) ? node.range?.[0] : undefined
      const { line } = lines.linePos(offset ?? 0)
      // a member's value begins below its name
      return Yaml.isMap(node) && path.length > 0 && typeof path.at(-1) === "string" ? Math.max(1, line - 1) : line
    }
    return Either.right(ConfigNode.ofValue(value, lineOf))
  })
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Replaces the parser's own messages, which repeat the text. */
const mistakes: ReadonlyMap<string, string> = new Map([
  ["TAB_AS_INDENT", "The line begins with a tab. YAML needs spaces there."],
  ["BAD_INDENT", "The line is not indented like the lines above it. Indent it by as many spaces."],
  ["MISSING_CHAR", "A quotation mark or a bracket is not closed."],
  ["BLOCK_AS_IMPLICIT_KEY", "The line has more than one name with a colon. Put each on its own line."],
  ["MULTILINE_IMPLICIT_KEY", "A name with a colon is expected here."],
  ["BAD_DQ_ESCAPE", String.raw`A string contains a single backslash. Write \\ or / instead of \.`]
])
