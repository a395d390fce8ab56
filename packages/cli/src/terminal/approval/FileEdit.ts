/**
 * What a call would do to a file, by the shape of its arguments and the name of its tool, as the lines of a diff.
 */
import type { ApprovalRequest } from "@lms-bridge/core/AgentLoop"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"

export interface FileEdit {
  readonly path: string
  /** The new content of the whole file. */
  readonly content: string | undefined
  /** Or texts of it that are replaced. */
  readonly edits: ReadonlyArray<Edit>
}

interface Edit {
  readonly before: string
  readonly after: string
}

/** Undefined for a call that writes no file. */
export const of = ({ arguments: args, tool }: Pick<ApprovalRequest, "arguments" | "tool">): FileEdit | undefined => {
  const path = first(args, paths)
  if (path === undefined || !writes.test(tool) || extends_.test(tool)) return undefined
  const list: ReadonlyArray<unknown> = edited.map((name) => args[name]).find(isList) ?? [args]
  const edits = list.flatMap((entry) => editOf(entry) ?? [])
  if (edits.length > 0) return edits.length === list.length ? { path, content: undefined, edits } : undefined
  const content = first(args, contents)
  return content === undefined ? undefined : { path, content, edits: [] }
}

/**
 * The lines of the change, at most `most` and then their number. `before`: the file as it is; undefined where there is no
 * such file, or where it is not read.
 */
export const lines = Effect.fnUntraced(function* (edit: FileEdit, before: string | undefined, most = 40) {
  const after = afterOf(edit, before)
  const all =
    after === undefined
      ? edit.edits.flatMap((one) => [...marked("-", one.before), ...marked("+", one.after)])
      : before === undefined
        ? marked("+", after)
        : yield* difference(before, after)
  const shown = all.slice(0, most)
  const more = all.length - shown.length
  return [
    `${edit.path}${before === undefined && after !== undefined ? " (new)" : ""}`,
    ...(all.length === 0 ? ["  nothing changes"] : shown),
    ...(more === 0 ? [] : [`  … ${more} more ${more === 1 ? "line" : "lines"}; d shows the whole`])
  ]
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const paths = ["path", "file_path", "filePath", "file", "filename", "target_file"]
const contents = ["content", "contents", "text", "file_text", "new_content", "data"]
const edited = ["edits", "changes", "replacements"]
const olds = ["oldText", "old_text", "old_string", "old_str", "oldString", "search"]
const news = ["newText", "new_text", "new_string", "new_str", "newString", "replace"]

/** The tool's name, in words of `snake_case` or `camelCase`. */
const writes = /write|edit|create|save|overwrite|replace|update|patch|modify|put/i
/** What it is given goes into the file beside what is there. */
const extends_ = /append|insert|prepend|add/i

const isList = (value: unknown): value is ReadonlyArray<unknown> => Array.isArray(value)

const first = (args: Readonly<Record<string, unknown>>, names: ReadonlyArray<string>): string | undefined =>
  names.map((name) => args[name]).find(Predicate.isString)

const editOf = (entry: unknown): Edit | undefined => {
  if (!Predicate.isReadonlyRecord(entry)) return undefined
  const before = first(entry, olds)
  const after = first(entry, news)
  return before === undefined || after === undefined ? undefined : { before, after }
}

/** Undefined where an edit does not fit what is there. */
const afterOf = ({ content, edits }: FileEdit, before: string | undefined): string | undefined =>
  content ??
  edits.reduce<string | undefined>((text, edit) => {
    const at = text?.indexOf(edit.before) ?? -1
    return text === undefined || at === -1
      ? undefined
      : `${text.slice(0, at)}${edit.after}${text.slice(at + edit.before.length)}`
  }, before)

const marked = (mark: string, text: string): ReadonlyArray<string> =>
  text === ""
    ? []
    : text
        .replace(/\n$/, "")
        .split("\n")
        .map((line) => `${mark}${line}`)

/** Loads the diff library on first use: few runs need it. */
const difference = (before: string, after: string) =>
  Effect.promise(() => import("diff")).pipe(
    Effect.map(
      ({ structuredPatch }) => structuredPatch("", "", before, after, "", "", { context: 2, timeout: 500 })?.hunks ?? []
    ),
    Effect.map((hunks) =>
      hunks.flatMap(({ lines }, index) => [
        ...(index === 0 ? [] : [" …"]),
        ...lines.filter((line) => !line.startsWith("\\"))
      ])
    )
  )
