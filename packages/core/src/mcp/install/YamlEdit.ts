/**
 * Sets or removes one member of a mapping in YAML, without changing any other character. Pure. Loaded only for such a
 * file.
 */
import * as Either from "effect/Either"
import * as Yaml from "yaml"
import type { Problem } from "../../json/JsoncText.ts"
import * as YamlText from "../dialects/YamlText.ts"
import * as TextEdits from "./TextEdits.ts"

/** The members of a section, by their names. */
export const entries = (text: string, section: string): Either.Either<TextEdits.Entries, Problem> =>
  Either.map(read(text, section), ({ entries }) => Object.entries(entries))

/** Sets a member. With `merge`, only the differences are changed in an existing mapping, and its other keys stay. */
export const set = (
  text: string,
  place: TextEdits.Place,
  value: Readonly<Record<string, unknown>>,
  how: "merge" | "replace"
): Either.Either<TextEdits.Edited, Problem> =>
  Either.flatMap(read(text, place.section), ({ entries, map, root, section }) => {
    const before = entries[place.name]
    const wanted = TextEdits.isObject(before) && how === "merge" ? { ...before, ...value } : value
    if (TextEdits.isSame(before, wanted)) return Either.right({ text, changes: [] })
    const members = blockOf(section?.value)
    const own = pairOf(section?.value, place.name)
    const whole = { [place.name]: wanted }
    const attempts: ReadonlyArray<ReadonlyArray<TextEdits.Edit>> =
      own !== undefined
        ? [
            ...(how === "merge" ? [merged(text, own.value, wanted)] : []),
            [rewritten(text, own, wanted)],
            inBraces(own, wanted)
          ]
        : section === undefined
          ? [[appended(text, map, { [place.section]: whole })]]
          : members !== undefined
            ? [[appended(text, members, whole)]]
            : [inFlow(section, whole), [filled(text, section, whole)]]
    const expected = TextEdits.withMember(
      root,
      place.section,
      TextEdits.withMember(root[place.section], place.name, wanted)
    )
    return checked(text, attempts, expected, own ?? section)
  })

/** Removes a member, and keeps the section even if it is empty. */
export const remove = (text: string, place: TextEdits.Place): Either.Either<TextEdits.Edited, Problem> =>
  Either.flatMap(read(text, place.section), ({ entries, root, section }) => {
    const own = pairOf(section?.value, place.name)
    if (entries[place.name] === undefined || own === undefined || section === undefined) {
      return Either.right({ text, changes: [] })
    }
    const rest = TextEdits.withMember(entries, place.name, undefined)
    const attempts =
      blockOf(section.value) === undefined
        ? withoutFlow(section, own)
        : [[Object.keys(rest).length === 0 ? emptied(text, section, own) : cut(text, own)]]
    return checked(text, attempts, TextEdits.withMember(root, place.section, rest), own)
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** A member with the offsets of its parts. */
interface Pair {
  readonly key: Yaml.Scalar
  readonly value: Yaml.Node | null
}

const read = (text: string, name: string) =>
  Either.flatMap(YamlText.parse(text), (node) => {
    const { contents } = Yaml.parseDocument(text, { uniqueKeys: false, prettyErrors: false })
    const root = TextEdits.isObject(node.value) ? node.value : {}
    if (contents !== null && !Yaml.isMap(contents) && node.kind !== "null") {
      return Either.left({ line: 1, detail: "It is not a mapping of names and values." })
    }
    const map = Yaml.isMap(contents) ? contents : undefined
    const section = pairOf(map, name)
    const found = root[name]
    const twice = node.members.filter((member) => member.name === name)[1]
    if (twice !== undefined || pairsOf(map).filter(({ key }) => key.value === name).length > 1) {
      return Either.left({ line: twice?.line ?? 1, detail: `"${name}" occurs twice; keep one of them.` })
    }
    return found === undefined || found === null || TextEdits.isObject(found)
      ? Either.right({ root, map, section, entries: TextEdits.isObject(found) ? found : {} })
      : Either.left({ line: lineOf(text, section), detail: `"${name}" is not a mapping.` })
  })

const lineOf = (text: string, pair: Pair | undefined) => text.slice(0, pair?.key.range?.[0] ?? 0).split("\n").length

/** The first attempt whose result is what was wanted, and nothing else. */
const checked = (
  text: string,
  attempts: ReadonlyArray<ReadonlyArray<TextEdits.Edit>>,
  expected: unknown,
  near: Pair | undefined
): Either.Either<TextEdits.Edited, Problem> => {
  for (const edits of attempts) {
    const edited = TextEdits.apply(text, edits)
    const again = YamlText.parse(edited.text)
    if (Either.isRight(again) && TextEdits.isSame(again.right.value, expected)) return Either.right(edited)
  }
  return Either.left({ line: lineOf(text, near), detail: "It is written in a form that cannot be changed here." })
}

const pairsOf = (map: unknown): ReadonlyArray<Pair> =>
  !Yaml.isMap(map)
    ? []
    : map.items.flatMap(({ key, value }) =>
        Yaml.isScalar(key) ? [{ key, value: Yaml.isNode(value) ? value : null }] : []
      )

const pairOf = (map: unknown, name: string) => pairsOf(map).findLast(({ key }) => String(key.value) === name)

/** A mapping with one member a line. */
const blockOf = (node: unknown): Yaml.YAMLMap | undefined =>
  Yaml.isMap(node) && node.flow !== true && node.items.length > 0 ? node : undefined

const startOf = ({ key }: Pair) => key.range?.[0] ?? 0

/** The offset behind the last sign of a value. */
const endOf = (node: unknown): number | undefined => {
  if (Yaml.isCollection(node) && node.flow !== true) {
    const last = node.items.at(-1)
    const end = Yaml.isPair(last) ? (endOf(last.value) ?? endOf(last.key)) : endOf(last)
    if (end !== undefined) return end
  }
  return Yaml.isNode(node) ? node.range?.[1] : undefined
}

const pairEnd = ({ key, value }: Pair) => Math.max(endOf(key) ?? 0, endOf(value) ?? 0)

/** The offset after the last line of a member, with the comment in it. */
const lineAfter = (text: string, pair: Pair) => {
  const end = pairEnd(pair)
  return end > 0 && text[end - 1] === "\n" ? end : TextEdits.lineEnd(text, end)
}

const columnOf = (text: string, pair: Pair) => startOf(pair) - TextEdits.lineStart(text, startOf(pair))

/** The lines of a mapping, without the line break at the end. */
const rendered = (text: string, value: Readonly<Record<string, unknown>>, column: number) => {
  const lines = Yaml.stringify(value, { indent: 2, lineWidth: 0 }).trimEnd().split("\n")
  return lines.map((line) => `${" ".repeat(column)}${line}`).join(TextEdits.newlineOf(text))
}

/** After the last member of a mapping, or at the end of the file. */
const appended = (
  text: string,
  map: Yaml.YAMLMap | undefined,
  value: Readonly<Record<string, unknown>>
): TextEdits.Edit => {
  const last = pairsOf(map).at(-1)
  const offset = last === undefined ? text.length : lineAfter(text, last)
  const block = rendered(text, value, last === undefined ? 0 : columnOf(text, last))
  const newline = TextEdits.newlineOf(text)
  const isOpen = offset > 0 && text[offset - 1] !== "\n"
  return { offset, length: 0, content: isOpen ? `${newline}${block}` : `${block}${newline}` }
}

/** In place of nothing: `extensions:`, `extensions: {}`. */
const filled = (text: string, section: Pair, value: Readonly<Record<string, unknown>>): TextEdits.Edit => {
  const block = `${TextEdits.newlineOf(text)}${rendered(text, value, columnOf(text, section) + 2)}`
  const colon = text.indexOf(":", endOf(section.key) ?? 0) + 1
  const end = pairEnd(section)
  if (end > colon) return { offset: colon, length: end - colon, content: block }
  const line = /[^\r\n]*/.exec(text.slice(colon))?.[0].length ?? 0
  return { offset: colon + line, length: 0, content: block }
}

/** Within braces. */
const inFlow = (section: Pair, value: Readonly<Record<string, unknown>>): ReadonlyArray<TextEdits.Edit> => {
  const last = pairsOf(section.value).at(-1)
  if (last === undefined || !Yaml.isMap(section.value)) return []
  return [{ offset: pairEnd(last), length: 0, content: `, ${JSON.stringify(value).slice(1, -1)}` }]
}

/** Without the comma behind it, or without the one before it. */
const withoutFlow = ({ value }: Pair, own: Pair): ReadonlyArray<ReadonlyArray<TextEdits.Edit>> => {
  const all = pairsOf(value)
  const index = all.findIndex(({ key }) => key === own.key)
  const [before, next] = [all[index - 1], all[index + 1]]
  const from = next === undefined && before !== undefined ? pairEnd(before) : startOf(own)
  const to = next === undefined ? pairEnd(own) : startOf(next)
  return [[{ offset: from, length: to - from, content: "" }]]
}

const cut = (text: string, own: Pair): TextEdits.Edit => {
  const from = TextEdits.lineStart(text, startOf(own))
  const to = lineAfter(text, own)
  const start = text.slice(from, to).endsWith("\n")
    ? from
    : from - (/\r?\n$/.exec(text.slice(0, from))?.[0].length ?? 0)
  return { offset: start, length: to - start, content: "" }
}

/** The section is empty then. */
const emptied = (text: string, section: Pair, own: Pair): TextEdits.Edit => {
  const colon = text.indexOf(":", endOf(section.key) ?? 0) + 1
  const end = pairEnd(own)
  const to = end > 0 && text[end - 1] === "\n" ? end - 1 : end
  return { offset: colon, length: to - colon, content: " {}" }
}

/** The member in other words, at its place. */
const rewritten = (text: string, own: Pair, value: unknown): TextEdits.Edit => {
  const from = startOf(own)
  const end = pairEnd(own)
  const to = text[end - 1] === "\n" ? end - (text[end - 2] === "\r" ? 2 : 1) : end
  const block = rendered(text, { [String(own.key.value)]: value }, columnOf(text, own))
  return { offset: from, length: to - from, content: block.trimStart() }
}

/** The same within braces. */
const inBraces = ({ value }: Pair, wanted: unknown): ReadonlyArray<TextEdits.Edit> => {
  const [from, to] = value?.range ?? []
  return from === undefined || to === undefined
    ? []
    : [{ offset: from, length: to - from, content: JSON.stringify(wanted) }]
}

/** Each difference where it stands; a key that is missing comes after the last one. */
const merged = (
  text: string,
  node: unknown,
  wanted: Readonly<Record<string, unknown>>
): ReadonlyArray<TextEdits.Edit> => {
  const map = blockOf(node)
  if (map === undefined) return []
  const known = map.toJSON() as unknown
  const missing: Record<string, unknown> = {}
  const edits = Object.entries(wanted).flatMap(([name, value]): ReadonlyArray<TextEdits.Edit> => {
    const own = pairOf(map, name)
    if (own === undefined) {
      missing[name] = value
      return []
    }
    if (TextEdits.isSame(TextEdits.isObject(known) ? known[name] : undefined, value)) return []
    return TextEdits.isObject(value) && blockOf(own.value) !== undefined
      ? merged(text, own.value, value)
      : [rewritten(text, own, value)]
  })
  return Object.keys(missing).length === 0 ? edits : [...edits, appended(text, map, missing)]
}
