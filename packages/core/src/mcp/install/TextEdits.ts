/** Edits of a configuration file's text, and how they are shown. Pure. */
import * as Either from "effect/Either"
import * as JsoncText from "../../json/JsoncText.ts"

/** A change in a form that may be shown: the added lines, and the first of the removed ones. */
export interface Change {
  /** 1-based, in the text before. */
  readonly line: number
  readonly removed: ReadonlyArray<string>
  readonly added: ReadonlyArray<string>
}

export interface Edited {
  readonly text: string
  /** Empty when the text is already as wanted. */
  readonly changes: ReadonlyArray<Change>
}

/** A member of an object that is itself a member of the text's object. */
export interface Place {
  readonly section: string
  readonly name: string
}

export type Entries = ReadonlyArray<readonly [name: string, value: unknown]>

export interface Edit {
  readonly offset: number
  readonly length: number
  readonly content: string
}

/** The text with all edits, which must not overlap. */
export const apply = (text: string, edits: ReadonlyArray<Edit>): Edited => ({
  text: edits
    .toReversed()
    .toSorted((one, other) => other.offset - one.offset)
    .reduce((now, { content, length, offset }) => now.slice(0, offset) + content + now.slice(offset + length), text),
  changes: edits
    .toSorted((one, other) => one.offset - other.offset)
    .flatMap(({ content, length, offset }) => {
      const gone = linesOf(text.slice(offset, offset + length))
      const added = linesOf(content.replace(/^,/, ""))
      const line = JsoncText.lineAt(text, offset) + (/^,?\r?\n/.test(content) ? 1 : 0)
      return (gone.length === 0 || gone.join("") === ",") && added.length === 0
        ? []
        : [{ line, removed: short(gone), added }]
    })
})

/** One edit after the other; the lines of all changes are those of the text before. */
export const inTurn = (
  text: string,
  edits: ReadonlyArray<(text: string) => Either.Either<Edited, JsoncText.Problem>>
): Either.Either<Edited, JsoncText.Problem> => {
  const grown: Array<{ readonly line: number; readonly by: number }> = []
  return edits.reduce<Either.Either<Edited, JsoncText.Problem>>(
    (before, edit) =>
      Either.flatMap(before, (done) =>
        Either.map(edit(done.text), (next) => {
          const changes = next.changes.map((change) => {
            const above = grown.reduce((sum, { by, line }) => (line <= change.line ? sum + by : sum), 0)
            return { ...change, line: Math.max(1, change.line - above) }
          })
          const by = next.text.split("\n").length - done.text.split("\n").length
          grown.push(...next.changes.slice(0, 1).map(({ line }) => ({ line, by })))
          return { text: next.text, changes: [...done.changes, ...changes] }
        })
      ),
    Either.right({ text, changes: [] })
  )
}

/** The line break that the text uses. */
export const newlineOf = (text: string): string => (text.includes("\r\n") ? "\r\n" : "\n")

/** The offset at which the line of this offset begins. */
export const lineStart = (text: string, offset: number): number => text.lastIndexOf("\n", offset - 1) + 1

/** The offset after the line break that ends the line of this offset. */
export const lineEnd = (text: string, offset: number): number => {
  const at = text.indexOf("\n", offset)
  return at === -1 ? text.length : at + 1
}

/** Whether two parsed values are the same; the order of members does not count. */
export const isSame = (one: unknown, other: unknown): boolean => {
  if (Object.is(one, other)) return true
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false
  if (Array.isArray(one) !== Array.isArray(other)) return false
  if (one instanceof Date || other instanceof Date) return String(one) === String(other)
  const [left, right] = [new Map(Object.entries(one)), new Map(Object.entries(other))]
  return left.size === right.size && [...left].every(([key, value]) => right.has(key) && isSame(value, right.get(key)))
}

/** An object with one member set or, if the value is undefined, removed; without a prototype, so that no name is special. */
export const withMember = (object: unknown, name: string, value: unknown): Readonly<Record<string, unknown>> => {
  const others = Object.entries(isObject(object) ? object : {}).filter(([key]) => key !== name)
  return Object.fromEntries(value === undefined ? others : [...others, [name, value]])
}

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const linesOf = (text: string) => text.split(/\r?\n/).filter((line) => line.trim() !== "")

/** Removed lines may contain secrets of an entry that is not ours: of an object only the beginning is shown. */
const short = (lines: ReadonlyArray<string>) => {
  const [first = ""] = lines
  const cut = first.replace(/\{.*$/, "{ …")
  return lines.length === 0 ? [] : [lines.length === 1 || cut.endsWith("…") ? cut : `${cut} …`]
}
