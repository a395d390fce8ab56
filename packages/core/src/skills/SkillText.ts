/**
 * Reads a SKILL.md tolerantly: a head that is not valid YAML, or that lacks something, still gives a name and a sentence
 * where there are any. Pure.
 */
import * as Either from "effect/Either"
import * as Predicate from "effect/Predicate"
import * as Yaml from "yaml"

export interface SkillText {
  readonly name: string
  readonly description: string
  /** The head as it is, where it conforms to the specification; else undefined. */
  readonly frontmatter: Readonly<Record<string, unknown>> | undefined
  /** What is wrong with the file, in sentences; "" if nothing is. */
  readonly problem: string
}

/** `folder` is the name of the folder, which should be that of the skill. */
export const read = (text: string, folder: string): SkillText => {
  const { body, head } = parted(text)
  const parsed: Either.Either<Fields, string> = head === undefined ? Either.right({}) : fieldsIn(head)
  const fields = Either.getOrElse(parsed, () => linesIn(head ?? ""))
  const [named, described] = [lineOf(fields["name"]), lineOf(fields["description"])]
  const problems = [
    ...(head === undefined ? ["It does not begin with a head between lines of three dashes."] : []),
    ...(Either.isLeft(parsed) ? [`Its head is not valid YAML: ${parsed.left}`] : []),
    ...(head !== undefined && named === "" ? ["Its head has no name, so that of the folder is used."] : []),
    ...(named !== "" && !isName(named) ? ["A name has at most 64 small letters, digits and single dashes."] : []),
    ...(named !== "" && isName(named) && named !== folder ? [`Its name is not that of its folder, "${folder}".`] : []),
    ...(described === "" ? ["It has no description, so nothing says when to use it."] : []),
    ...(described.length > longest ? [`Its description is longer than ${longest} characters.`] : [])
  ]
  return {
    name: named === "" ? folder : named.slice(0, 64),
    description: described === "" ? firstWords(body) : described.slice(0, longest),
    frontmatter: problems.length === 0 ? fields : undefined,
    problem: problems.join(" ")
  }
}

/** What follows the head. */
export const bodyOf = (text: string): string => parted(text).body

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Characters of a description. */
const longest = 1024

const isName = (name: string) => name.length <= 64 && /^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(name)

/** A head that is not closed ends at the first empty line. */
const parted = (text: string): { readonly head: string | undefined; readonly body: string } => {
  const plain = text.replace(/^\uFEFF/, "").replaceAll("\r\n", "\n")
  const [opening] = /^\s*---[ \t]*\n/.exec(plain) ?? []
  if (opening === undefined) return { head: undefined, body: plain.trim() }
  const rest = plain.slice(opening.length)
  const closing = /^(?:---|\.\.\.)[ \t]*$/m.exec(rest) ?? /^[ \t]*$/m.exec(rest)
  if (closing === null) return { head: rest, body: "" }
  return { head: rest.slice(0, closing.index), body: rest.slice(closing.index + closing[0].length).trim() }
}

type Fields = Readonly<Record<string, unknown>>

const fieldsIn = (head: string): Either.Either<Fields, string> => {
  // an alias can stand for more than fits into memory
  const document = Yaml.parseDocument(head, { uniqueKeys: false, prettyErrors: false, stringKeys: true })
  const [error] = document.errors
  if (error !== undefined) return Either.left(reasonOf(error.code))
  return Either.flatMap(
    Either.try({
      try: (): unknown => document.toJS({ maxAliasCount: 20 }),
      catch: () => "it repeats itself too often."
    }),
    (value) =>
      Predicate.isReadonlyRecord(value) ? Either.right(value) : Either.left("it is no list of names and values.")
  )
}

/** The parser's own messages repeat the text. */
const reasonOf = (code: string) =>
  code === "BLOCK_AS_IMPLICIT_KEY" || code === "MULTILINE_IMPLICIT_KEY"
    ? "a value with a colon in it needs quotation marks."
    : "see its indentation and its quotation marks."

/** What stands after `name:` and `description:`, where the head as a whole cannot be read. */
const linesIn = (head: string): Fields =>
  Object.fromEntries(
    head.split("\n").flatMap((line) => {
      const [, key, value] = /^(name|description):[ \t]*(\S.*)$/.exec(line) ?? []
      return key === undefined || value === undefined ? [] : [[key, value.replace(/^["']|["']\s*$/g, "")]]
    })
  )

const lineOf = (value: unknown): string =>
  typeof value === "string" || typeof value === "number" ? String(value).replaceAll(/\s+/g, " ").trim() : ""

/** The first line that is no heading. */
const firstWords = (body: string): string =>
  lineOf(body.split("\n").find((line) => /^\s*[^#\s<]/.test(line)) ?? "").slice(0, 200)
