/**
 * Sets or removes one table of TOML, `[SECTION.NAME]` and those below it, without changing any other character. Pure.
 * Loaded only for such a file.
 */
import * as Either from "effect/Either"
import type { Problem } from "../../json/JsoncText.ts"
import * as TomlText from "../dialects/TomlText.ts"
import * as TextEdits from "./TextEdits.ts"

/** The tables of a section, by their names. */
export const entries = (text: string, section: string): Either.Either<TextEdits.Entries, Problem> =>
  Either.map(read(text, section), ({ entries }) => Object.entries(entries))

/** Sets a table. With `merge`, only the differences are changed in an existing one, and its other keys stay. */
export const set = (
  text: string,
  place: TextEdits.Place,
  value: Readonly<Record<string, unknown>>,
  how: "merge" | "replace"
): Either.Either<TextEdits.Edited, Problem> =>
  Either.flatMap(read(text, place.section), ({ entries, root }) => {
    const before = entries[place.name]
    const wanted = TextEdits.isObject(before) && how === "merge" ? { ...before, ...value } : value
    if (TextEdits.isSame(before, wanted)) return Either.right({ text, changes: [] })
    const statements = statementsOf(text)
    const path = [place.section, place.name]
    const own = statements.filter((one) => startsWith(one.path, path))
    const lines = rendered(path, wanted)
    const attempts =
      before === undefined
        ? [
            ...statements
              .filter((one) => one.path[0] === place.section)
              .slice(-1)
              .map(({ to }) => inserted(text, to, lines)),
            inserted(text, text.length, lines)
          ]
        : [
            ...(how === "merge" ? [merged(text, statements, path, before, wanted)] : []),
            replaced(text, statements, own, lines),
            // a header would take the keys that follow
            [...rangesOf(statements, own).map((range) => removed(text, range)), ...inserted(text, text.length, lines)]
          ]
    const expected = TextEdits.withMember(
      root,
      place.section,
      TextEdits.withMember(root[place.section], place.name, wanted)
    )
    return checked(text, attempts, expected, own[0]?.from)
  })

/** Removes a table and those below it. */
export const remove = (text: string, place: TextEdits.Place): Either.Either<TextEdits.Edited, Problem> =>
  Either.flatMap(read(text, place.section), ({ entries, root }) => {
    if (entries[place.name] === undefined) return Either.right({ text, changes: [] })
    const statements = statementsOf(text)
    const own = statements.filter((one) => startsWith(one.path, [place.section, place.name]))
    const rest = TextEdits.withMember(entries, place.name, undefined)
    const without = TextEdits.withMember(root, place.section, undefined)
    const attempt = rangesOf(statements, own).map((range) => removed(text, range))
    return Either.orElse(
      checked(text, [attempt], TextEdits.withMember(root, place.section, rest), own[0]?.from),
      // no table of the section is left
      (problem) =>
        Object.keys(rest).length > 0 ? Either.left(problem) : checked(text, [attempt], without, own[0]?.from)
    )
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const read = (text: string, section: string) =>
  Either.flatMap(TomlText.parse(text), (node) => {
    const root = TextEdits.isObject(node.value) ? node.value : {}
    const found = root[section]
    return found === undefined || TextEdits.isObject(found)
      ? Either.right({ root, entries: TextEdits.isObject(found) ? found : {} })
      : Either.left({
          line: node.members.find(({ name }) => name === section)?.line ?? 1,
          detail: `"${section}" is not a table.`
        })
  })

/** The first attempt whose result is what was wanted, and nothing else. */
const checked = (
  text: string,
  attempts: ReadonlyArray<ReadonlyArray<TextEdits.Edit>>,
  expected: unknown,
  offset: number | undefined
): Either.Either<TextEdits.Edited, Problem> => {
  for (const edits of attempts) {
    const edited = TextEdits.apply(text, edits)
    const again = TomlText.parse(edited.text)
    if (Either.isRight(again) && TextEdits.isSame(again.right.value, expected)) return Either.right(edited)
  }
  const line = text.slice(0, offset ?? 0).split("\n").length
  return Either.left({
    line,
    detail: "Its tables are written in a form that cannot be changed here: write [NAME] headers."
  })
}

/** A header or a `key = value`, by its whole lines. */
interface Statement {
  readonly isHeader: boolean
  /** From the root. */
  readonly path: ReadonlyArray<string>
  readonly from: number
  /** After the line break. */
  readonly to: number
  /** Of the value, without the comment behind it. */
  readonly value: { readonly from: number; readonly to: number }
}

/** The text is known to be valid. */
const statementsOf = (text: string): ReadonlyArray<Statement> => {
  const found: Array<Statement> = []
  let table: ReadonlyArray<string> = []
  let at = 0
  for (;;) {
    at = afterBlanks(text, at)
    if (at >= text.length) return found
    const from = TextEdits.lineStart(text, at)
    if (text[at] === "[") {
      const { end, keys } = keysAt(text, at + (text[at + 1] === "[" ? 2 : 1))
      const to = TextEdits.lineEnd(text, end)
      table = keys
      found.push({ isHeader: true, path: table, from, to, value: { from: to, to } })
      at = to
    } else {
      const { end, keys } = keysAt(text, at)
      const start = end + (/^[ \t]*/.exec(text.slice(end + 1))?.[0].length ?? 0) + 1
      const stop = valueEnd(text, start)
      const to = TextEdits.lineEnd(text, stop)
      found.push({ isHeader: false, path: [...table, ...keys], from, to, value: { from: start, to: stop } })
      at = to
    }
  }
}

const afterBlanks = (text: string, from: number) => {
  const blank = /(?:[\s\uFEFF]|#[^\n]*)*/y
  blank.lastIndex = from
  blank.exec(text)
  return blank.lastIndex
}

/** A dotted key, and the offset of the sign behind it. */
const keysAt = (text: string, from: number): { readonly keys: ReadonlyArray<string>; readonly end: number } => {
  const part = /[ \t]*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([\w-]+))[ \t]*/y
  const keys: Array<string> = []
  let end = from
  for (;;) {
    part.lastIndex = end
    const [, quoted, literal, bare] = part.exec(text) ?? []
    const key = bare ?? literal ?? (quoted === undefined ? undefined : unquoted(quoted))
    if (key === undefined) return { keys, end }
    keys.push(key)
    end = part.lastIndex
    if (text[end] !== ".") return { keys, end }
    end += 1
  }
}

const unquoted = (text: string) =>
  Either.getOrElse(
    Either.try(() => String(JSON.parse(`"${text}"`))),
    () => text
  )

/** Strings first, so that no bracket or line break in them counts. */
const piece =
  /"""[^]*?[^\\]?"{3,5}|'''[^]*?'{3,5}|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|#[^\n]*|[[\]{}]|\r?\n|[^"'#[\]{}\r\n]+|\r/y

const valueEnd = (text: string, from: number): number => {
  let depth = 0
  let end = from
  piece.lastIndex = from
  for (;;) {
    const start = piece.lastIndex
    const [found] = piece.exec(text) ?? []
    if (found === undefined) return end
    if (depth === 0 && (found.startsWith("#") || /^\r?\n$/.test(found))) return end
    if (found === "[" || found === "{") depth += 1
    if (found === "]" || found === "}") depth -= 1
    if (found.trim() !== "") end = start + found.trimEnd().length
  }
}

const startsWith = (path: ReadonlyArray<string>, head: ReadonlyArray<string>) =>
  head.every((key, index) => path[index] === key)

/** Tables of tables below, each with its header. */
const rendered = (path: ReadonlyArray<string>, value: Readonly<Record<string, unknown>>): ReadonlyArray<string> => {
  const members = Object.entries(value)
  const nested = members.filter(([, member]) => TextEdits.isObject(member))
  return [
    `[${path.map(key).join(".")}]`,
    ...members.flatMap(([name, member]) => (TextEdits.isObject(member) ? [] : [`${key(name)} = ${inline(member)}`])),
    ...nested.flatMap(([name, member]) =>
      TextEdits.isObject(member) ? ["", ...rendered([...path, name], member)] : []
    )
  ]
}

const key = (name: string) => (/^[\w-]+$/.test(name) ? name : inline(name))

const inline = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(inline).join(", ")}]`
  if (value instanceof Date) return value.toISOString()
  if (TextEdits.isObject(value)) {
    const members = Object.entries(value).map(([name, member]) => `${key(name)} = ${inline(member)}`)
    return members.length === 0 ? "{}" : `{ ${members.join(", ")} }`
  }
  return typeof value === "string" ? JSON.stringify(value).replaceAll("\u007F", "\\u007F") : String(value)
}

/** With an empty line above, unless the next line follows directly. */
const inserted = (text: string, offset: number, lines: ReadonlyArray<string>): ReadonlyArray<TextEdits.Edit> => {
  const newline = TextEdits.newlineOf(text)
  const block = lines.join(newline)
  const isEnd = offset === text.length
  if (isEnd && text.trim() !== "" && !text.endsWith("\n")) {
    return [{ offset, length: 0, content: `${newline}${newline}${block}` }]
  }
  const isApart = text.slice(0, offset).trim() !== "" && (isEnd || isBlank(text, offset))
  return [{ offset, length: 0, content: `${isApart ? newline : ""}${block}${newline}` }]
}

const isBlank = (text: string, offset: number) => text.slice(offset, TextEdits.lineEnd(text, offset)).trim() === ""

interface Range {
  readonly from: number
  readonly to: number
}

/** Runs of own statements with what is between them. */
const rangesOf = (statements: ReadonlyArray<Statement>, own: ReadonlyArray<Statement>): ReadonlyArray<Range> => {
  const ranges: Array<Range> = []
  for (const [index, one] of statements.entries()) {
    if (!own.includes(one)) continue
    const last = ranges.at(-1)
    const previous = statements[index - 1]
    if (last !== undefined && previous !== undefined && last.to === previous.to) {
      ranges[ranges.length - 1] = { from: last.from, to: one.to }
    } else {
      ranges.push({ from: one.from, to: one.to })
    }
  }
  return ranges
}

/** With the empty line above, if there is one below, too, or the end of the file. */
const removed = (text: string, { from, to }: Range): TextEdits.Edit => {
  const isEnd = to === text.length
  const above = TextEdits.lineStart(text, from - 1)
  const start = from > 0 && isBlank(text, above) && (isEnd || isBlank(text, to)) ? above : from
  const cut = isEnd && !text.endsWith("\n") ? start - (/\r?\n$/.exec(text.slice(0, start))?.[0].length ?? 0) : start
  return { offset: cut, length: to - cut, content: "" }
}

const replaced = (
  text: string,
  statements: ReadonlyArray<Statement>,
  own: ReadonlyArray<Statement>,
  lines: ReadonlyArray<string>
): ReadonlyArray<TextEdits.Edit> => {
  const newline = TextEdits.newlineOf(text)
  return rangesOf(statements, own).map(({ from, to }, index) => ({
    offset: from,
    length: to - from,
    content: index > 0 ? "" : `${lines.join(newline)}${text.slice(from, to).endsWith("\n") ? newline : ""}`
  }))
}

/** Each difference where it stands; a key that is missing comes after the last one of its table. */
const merged = (
  text: string,
  statements: ReadonlyArray<Statement>,
  path: ReadonlyArray<string>,
  before: unknown,
  wanted: Readonly<Record<string, unknown>>
): ReadonlyArray<TextEdits.Edit> => {
  const newline = TextEdits.newlineOf(text)
  const known = TextEdits.isObject(before) ? before : {}
  const inTable = statements.filter((one) => startsWith(one.path, path) && one.path.length === path.length + 1)
  const last = inTable.findLast((one) => !one.isHeader) ?? statements.find((one) => isSamePath(one.path, path))
  return Object.entries(wanted).flatMap(([name, value]): ReadonlyArray<TextEdits.Edit> => {
    if (TextEdits.isSame(known[name], value)) return []
    const own = inTable.find((one) => one.path.at(-1) === name)
    if (own?.isHeader === true && TextEdits.isObject(value)) {
      return merged(text, statements, [...path, name], known[name], value)
    }
    if (own?.isHeader === false) {
      return [{ offset: own.value.from, length: own.value.to - own.value.from, content: inline(value) }]
    }
    if (last === undefined) return []
    const indent = /^[ \t]*/.exec(text.slice(last.from))?.[0] ?? ""
    const line = `${indent}${key(name)} = ${inline(value)}`
    const isOpen = !text.slice(0, last.to).endsWith("\n")
    return [{ offset: last.to, length: 0, content: isOpen ? `${newline}${line}` : `${line}${newline}` }]
  })
}

const isSamePath = (one: ReadonlyArray<string>, other: ReadonlyArray<string>) =>
  one.length === other.length && startsWith(one, other)
