/**
 * The options and arguments of a command, from the usage and the help of `@effect/cli`: for the help, for completions and
 * for reading the line.
 */
import * as HelpDoc from "@effect/cli/HelpDoc"
import type * as Usage from "@effect/cli/Usage"
import * as Option from "effect/Option"
import * as Words from "../views/Words.ts"

export interface Part {
  /** `--mcp`, or `NAME` for an argument. */
  readonly name: string
  /** `list`: it may be repeated. */
  readonly kind: "flag" | "value" | "list" | "argument"
  /** What stands for the value of an option: `NAME`, or all values: `user | project`. */
  readonly value: string | undefined
  readonly required: boolean
  readonly repeated: boolean
  readonly about: string
}

export interface CommandParts {
  /** What the command does. */
  readonly about: string
  readonly options: ReadonlyArray<Part>
  readonly args: ReadonlyArray<Part>
}

export const of = ({ help, usage }: { readonly usage: Usage.Usage; readonly help: HelpDoc.HelpDoc }): CommandParts => {
  const lines = sections(help)
  const about = new Map(
    lines.flatMap((part) =>
      part._tag === "DescriptionList"
        ? part.definitions.map(
            ([name, text]) => [nameOf(plain(HelpDoc.descriptionList([[name, HelpDoc.empty]]))), told(text)] as const
          )
        : []
    )
  )
  const parts = partsIn(usage, { required: true, repeated: false }).map((part) => ({
    ...part,
    about: about.get(part.name) ?? ""
  }))
  const first = lines.find(({ _tag }) => _tag === "Paragraph")
  return {
    about: first === undefined ? "" : plain(first),
    options: parts.filter(({ kind }) => kind !== "argument"),
    args: parts.filter(({ kind }) => kind === "argument")
  }
}

/** The names of the options, and what they take. */
export const optionsIn = (usage: Usage.Usage): ReadonlyArray<readonly [name: string, kind: Part["kind"]]> =>
  partsIn(usage, { required: true, repeated: false }).flatMap(({ kind, name }) =>
    kind === "argument" ? [] : [[name, kind] as const]
  )

/** All values of an option or argument, where it has only these. */
export const choices = (value: string | undefined): ReadonlyArray<string> =>
  value?.includes(" | ") === true ? value.split(" | ") : []

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const plain = (doc: HelpDoc.HelpDoc) => Words.withoutStyle(HelpDoc.toAnsiText(doc)).trim()

const sections = (doc: HelpDoc.HelpDoc): ReadonlyArray<HelpDoc.HelpDoc> =>
  doc._tag === "Sequence" ? [...sections(doc.left), ...sections(doc.right)] : [doc]

/** `--mcp NAME...` and `<TASK>` without what is around the name. */
const nameOf = (text: string) => /^(--?[a-z-]+|<[^>]+>)/.exec(text)?.[1]?.replaceAll(/[<>]/g, "") ?? text

/** The description without the phrases that `@effect/cli` adds to every option. */
const told = (doc: HelpDoc.HelpDoc): string =>
  Words.oneLine(
    plain(doc).replaceAll(
      /(?:A user-defined piece of text\.|A file\.|A true or false value\.|This setting is optional\.|This (?:option|argument) may be repeated zero or more times\.|One of the following: [^\n]*)\s*/g,
      ""
    )
  )

type Read = Omit<Part, "about">

const partsIn = (
  usage: Usage.Usage,
  around: { readonly required: boolean; readonly repeated: boolean }
): ReadonlyArray<Read> => {
  switch (usage._tag) {
    case "Named": {
      const value = Option.getOrUndefined(usage.acceptedValues)
      return usage.names.flatMap((name): ReadonlyArray<Read> => {
        if (name.startsWith("<")) {
          return [{ ...around, name: name.replaceAll(/[<>]/g, ""), kind: "argument", value }]
        }
        if (!name.startsWith("-")) return []
        const kind = value === undefined ? "flag" : around.repeated ? "list" : "value"
        return [{ ...around, name, kind, value }]
      })
    }
    case "Optional":
      return partsIn(usage.usage, { ...around, required: false })
    case "Repeated":
      return partsIn(usage.usage, { required: false, repeated: true })
    case "Alternation":
    case "Concat":
      return [...partsIn(usage.left, around), ...partsIn(usage.right, around)]
    default:
      return []
  }
}
