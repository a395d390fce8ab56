/**
 * TOML, which Codex keeps its servers in. Loaded only for a file that is one.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as Toml from "smol-toml"
import type { Problem } from "../JsoncText.ts"
import * as ConfigNode from "./ConfigNode.ts"

/**
 * @since 0.1.0
 * @category parsing
 */
export const parse = (text: string): Either.Either<ConfigNode.ConfigNode, Problem> =>
  Either.try({
    try: () => ConfigNode.ofValue(Toml.parse(text), lineOf(text)),
    catch: (error): Problem => ({
      line: error instanceof Toml.TomlError ? error.line : 1,
      detail: `It is not valid TOML${error instanceof Toml.TomlError ? `: ${reasonOf(error)}` : ""}.`
    })
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Without the parser's name and its excerpt of the file, which may show a secret. */
const reasonOf = ({ message }: Toml.TomlError) =>
  (message.split("\n")[0] ?? "").replace(/^Invalid TOML document:\s*/, "").replaceAll(/\s+/g, " ")

/** The parser tells no places: the line of the last part that can be found, after those of the parts before. */
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
