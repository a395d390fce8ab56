/**
 * Sets or removes one member of an object in JSON with comments, without changing any other character. Pure.
 *
 * jsonc-parser's own `modify` does not know which comment belongs to which member: it puts a new member between the
 * last one and the comment on its line, and removes the comments between a member and the next.
 */
import * as Either from "effect/Either"
import * as Jsonc from "jsonc-parser"
import * as JsoncText from "../../json/JsoncText.ts"
import * as TextEdits from "./TextEdits.ts"

/** The members of a section, by their names. */
export const entries = (text: string, section: string): Either.Either<TextEdits.Entries, JsoncText.Problem> =>
  Either.map(read(text, section), ({ members }) =>
    (members?.children ?? []).map(nameOf).map((name) => {
      const value = valueOf(members, name)
      return [name, value === undefined ? undefined : (Jsonc.getNodeValue(value) as unknown)]
    })
  )

/** Sets a member. With `merge`, only the differences are changed in an existing object, and its other members stay. */
export const set = (
  text: string,
  place: TextEdits.Place,
  value: Readonly<Record<string, unknown>>,
  how: "merge" | "replace"
): Either.Either<TextEdits.Edited, JsoncText.Problem> =>
  Either.map(read(text, place.section, place.name), ({ members, root, section, source }) => {
    const style = styleOf(source, root)
    const present = valueOf(members, place.name)
    if (members === undefined) {
      const whole = { [place.name]: value }
      return apply(
        text,
        section === undefined
          ? inserted(source, root, place.section, whole, style)
          : [replaced(source, section, whole, style)]
      )
    }
    if (present === undefined) return apply(text, inserted(source, members, place.name, value, style))
    if (present.type !== "object" || how === "replace") return apply(text, [replaced(source, present, value, style)])
    const differing = Object.entries(value).filter(([key, wanted]) => {
      const node = valueOf(present, key)
      return node === undefined || !TextEdits.isSame(Jsonc.getNodeValue(node), wanted)
    })
    const nodes = differing.map(([key]) => valueOf(present, key))
    // a missing key makes one replacement of the whole object, so that no two edits meet in one place
    return nodes.includes(undefined)
      ? apply(text, [replaced(source, present, { ...Object(Jsonc.getNodeValue(present)), ...value }, style)])
      : apply(
          text,
          nodes.flatMap((node, index) =>
            node === undefined ? [] : [replaced(source, node, differing[index]?.[1], style)]
          )
        )
  })

/** Removes a member, and keeps the section even if it is empty. */
export const remove = (
  text: string,
  { name, section }: TextEdits.Place
): Either.Either<TextEdits.Edited, JsoncText.Problem> =>
  Either.map(read(text, section, name), ({ members, source }) => {
    const index = members?.children?.findIndex((member) => nameOf(member) === name) ?? -1
    return apply(text, members === undefined || index === -1 ? [] : removed(source, members, index))
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Read {
  readonly source: string
  readonly root: Jsonc.Node
  /** The value of the section; undefined when there is none. */
  readonly section: Jsonc.Node | undefined
  /** The same if it is an object. */
  readonly members: Jsonc.Node | undefined
}

/** Duplicate names elsewhere in the file do not matter. */
const read = (text: string, name: string, entry?: string): Either.Either<Read, JsoncText.Problem> => {
  const bare = JsoncText.withoutMark(text)
  // some clients create an empty file
  const source = bare.trim() === "" ? "{}\n" : bare
  return Either.flatMap(JsoncText.parse(source), (root) => {
    const section = valueOf(root, name)
    const twice =
      repeated(root).find((member) => nameOf(member) === name) ??
      (section?.type === "object" ? repeated(section) : []).find((member) => nameOf(member) === entry)
    if (twice !== undefined) {
      return Either.left({
        line: JsoncText.lineAt(source, twice.offset),
        detail: `"${nameOf(twice)}" occurs twice; keep one of them.`
      })
    }
    return section === undefined || section.type === "null" || section.type === "object"
      ? Either.right({ source, root, section, members: section?.type === "object" ? section : undefined })
      : Either.left({ line: JsoncText.lineAt(source, section.offset), detail: `"${name}" is not an object.` })
  })
}

const nameOf = (member: Jsonc.Node) => String(member.children?.[0]?.value)

const valueOf = (object: Jsonc.Node | undefined, name: string) =>
  // of two members with one name, the last counts for every client
  object?.children?.findLast((member) => nameOf(member) === name)?.children?.[1]

const repeated = (object: Jsonc.Node): ReadonlyArray<Jsonc.Node> => {
  const members = object.children ?? []
  return members.filter((member, index) => members.findIndex((other) => nameOf(other) === nameOf(member)) !== index)
}

interface Style {
  readonly indent: string
  readonly newline: string
}

const styleOf = (text: string, root: Jsonc.Node): Style => {
  const [first] = root.children ?? []
  const indent = first === undefined ? "" : indentAt(text, first.offset)
  return { indent: indent === "" ? "  " : indent, newline: TextEdits.newlineOf(text) }
}

const indentAt = (text: string, offset: number) =>
  /^[ \t]*/.exec(text.slice(TextEdits.lineStart(text, offset)))?.[0] ?? ""

const isFirstOnLine = (text: string, offset: number) =>
  text.slice(TextEdits.lineStart(text, offset), offset).trim() === ""

const endOf = ({ length, offset }: Jsonc.Node) => offset + length

const rendered = (value: unknown, base: string, { indent, newline }: Style) =>
  JSON.stringify(value, null, indent).replaceAll("\n", `${newline}${base}`)

const replaced = (text: string, node: Jsonc.Node, value: unknown, style: Style): Jsonc.Edit => ({
  offset: node.offset,
  length: node.length,
  content: text.includes("\n") ? rendered(value, indentAt(text, node.offset), style) : JSON.stringify(value)
})

/** Inserts after the last member, and after the comment on its line. */
const inserted = (
  text: string,
  object: Jsonc.Node,
  name: string,
  value: unknown,
  style: Style
): ReadonlyArray<Jsonc.Edit> => {
  const closing = endOf(object) - 1
  const last = object.children?.at(-1)
  const within = text.slice(object.offset, closing)
  const outer = indentAt(text, object.offset)
  if (!text.trim().includes("\n") || (last !== undefined && !within.includes("\n"))) {
    const [key, known] = last?.children ?? []
    const gap = key !== undefined && known !== undefined && /\s/.test(text.slice(endOf(key), known.offset)) ? " " : ""
    const member = `${JSON.stringify(name)}:${gap}${JSON.stringify(value)}`
    if (last !== undefined) return [{ offset: endOf(last), length: 0, content: `,${gap}${member}` }]
    if (text.trim() !== "{}") return [{ offset: closing, length: 0, content: member }]
  }
  const { newline } = style
  const member = (base: string) => `${newline}${base}${JSON.stringify(name)}: ${rendered(value, base, style)}`
  if (last === undefined) {
    const from = object.offset + text.slice(object.offset, closing).trimEnd().length
    return [{ offset: from, length: closing - from, content: `${member(`${outer}${style.indent}`)}${newline}${outer}` }]
  }
  const base = isFirstOnLine(text, last.offset) ? indentAt(text, last.offset) : `${outer}${style.indent}`
  const { comma, lineEnd } = after(text, endOf(last))
  const at = Math.max(lineEnd, comma === undefined ? 0 : comma + 1)
  const tail = text.slice(at, closing).includes("\n") ? "" : `${newline}${outer}`
  const content = `${member(base)}${comma === undefined ? "" : ","}${tail}`
  const separator = { offset: endOf(last), length: 0, content: "," }
  if (comma !== undefined) return [{ offset: at, length: 0, content }]
  return at === endOf(last)
    ? [{ offset: at, length: 0, content: `,${content}` }]
    : [separator, { offset: at, length: 0, content }]
}

const removed = (text: string, object: Jsonc.Node, index: number): ReadonlyArray<Jsonc.Edit> => {
  const members = object.children ?? []
  const member = members[index]
  if (member === undefined) return []
  const before = members[index - 1]
  const { comma } = after(text, endOf(member))
  const end = comma === undefined ? endOf(member) : comma + 1
  const wholeLines = isFirstOnLine(text, member.offset) && /^[ \t]*\r?\n/.test(text.slice(end))
  // removing the last member of an object without a trailing comma also removes the comma before it
  const separator =
    comma === undefined && index === members.length - 1 && before !== undefined
      ? after(text, endOf(before)).comma
      : undefined
  const [from, to] = wholeLines
    ? [TextEdits.lineStart(text, member.offset), text.indexOf("\n", end) + 1]
    : separator === undefined
      ? [member.offset, end + blanksAt(text.slice(end))]
      : [member.offset - blanksBefore(text.slice(0, member.offset)), end]
  const edit = { offset: from, length: to - from, content: "" }
  const closing = endOf(object) - 1
  const rest = text.slice(object.offset + 1, edit.offset) + text.slice(edit.offset + edit.length, closing)
  if (rest.trim() === "") return [{ offset: object.offset + 1, length: closing - object.offset - 1, content: "" }]
  return [...(separator === undefined ? [] : [{ offset: separator, length: 1, content: "" }]), edit]
}

const blanksAt = (text: string) => /^[ \t]*/.exec(text)?.[0].length ?? 0
const blanksBefore = (text: string) => /[ \t]*$/.exec(text)?.[0].length ?? 0

/** What follows a member: its comma, and the end of the last comment or comma on the same line. */
const after = (text: string, offset: number): { readonly comma: number | undefined; readonly lineEnd: number } => {
  const scanner = Jsonc.createScanner(text, false)
  scanner.setPosition(offset)
  let comma: number | undefined
  let lineEnd = offset
  let sameLine = true
  for (;;) {
    const kind: number = scanner.scan()
    if (kind === comments.line || kind === comments.block) {
      if (sameLine) lineEnd = scanner.getTokenOffset() + scanner.getTokenLength()
    } else if (kind === commaToken && comma === undefined) {
      comma = scanner.getTokenOffset()
      if (sameLine) lineEnd = comma + 1
    } else if (kind === lineBreak) {
      sameLine = false
    } else if (kind !== blank) {
      return { comma, lineEnd }
    }
  }
}

// jsonc-parser's `SyntaxKind` is a const enum, which cannot be used with isolated modules
const commaToken = 5
const comments = { line: 12, block: 13 } as const
const lineBreak = 14
const blank = 15

const apply = (text: string, edits: ReadonlyArray<Jsonc.Edit>): TextEdits.Edited => {
  if (edits.length === 0) return { text, changes: [] }
  const mark = text.startsWith("\uFEFF") ? "\uFEFF" : ""
  const bare = JsoncText.withoutMark(text)
  const edited = TextEdits.apply(bare.trim() === "" ? "{}\n" : bare, edits)
  return { ...edited, text: `${mark}${edited.text}` }
}
