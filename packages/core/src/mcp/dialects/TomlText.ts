/** TOML, in which Codex stores its servers. Loaded only for such a file. */
import * as Either from "effect/Either"
import * as Toml from "smol-toml"
import type { Problem } from "../../json/JsoncText.ts"
import * as ConfigNode from "./ConfigNode.ts"

export const parse = (text: string): Either.Either<ConfigNode.ConfigNode, Problem> =>
  Either.try({
    try: () => ConfigNode.ofValue(Toml.parse(text), lineOf(text)),
    catch: (error): Problem => ({
      line: error instanceof Toml.TomlError ? error.line : 1,
      detail: error instanceof Toml.TomlError ? explain(error.message) : "It is not valid TOML."
    })
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Replaces the parser's own messages, which show a piece of the file. */
const explain = (message: string) =>
  mistakes.find(([said]) => said.test(message))?.[1] ??
  'It is not valid TOML. Write each line as `[mcp_servers.NAME]` or `name = "value"`.'

const mistakes: ReadonlyArray<readonly [RegExp, string]> = [
  [
    /escape/,
    String.raw`A string contains a single backslash. Put the string in 'single quotes', or write \\ instead of \.`
  ],
  [/redefine|already defined|duplicate/, "A name occurs twice. Keep one of them."],
  [
    /newlines? (is|are) not allowed|unfinished string|control characters/i,
    "A string is not closed: its second quotation mark is missing."
  ],
  [/unfinished|end of file|incomplete/i, "A bracket or a string is not closed."],
  [
    /invalid value|unknown value|invalid number|expected value/i,
    'A value is not valid TOML. Put a string in "double quotes", and write true and false in lower case.'
  ]
]

/** The parser gives no positions: the line of the last part that can be found, after those of the parts before. */
const lineOf = (text: string) => {
  const lines = text.split("\n")
  return (path: ReadonlyArray<string | number>): number => {
    let line = 0
    for (const key of path) {
      if (typeof key === "number") continue
      const found = lines.findIndex((one, index) => index >= line && mentions(one, key))
      if (found === -1) break
      line = found
    }
    return line + 1
  }
}

/** As a part of a header, or as a key. */
const mentions = (line: string, key: string) => {
  const bare = line.trim()
  const head = bare.startsWith("[") ? bare : (bare.split("=")[0] ?? "")
  return head.split(/[\s.[\]"']+/).includes(key) || head.includes(`"${key}"`)
}
