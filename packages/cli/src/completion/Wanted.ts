/**
 * What can stand at the end of a line that is being typed: words that are known, files, or names that have to be looked up.
 * Pure.
 */
import { Imports } from "@lms-bridge/core/McpConfig"
import { table } from "@lms-bridge/core/Settings"
import type { Part } from "../options/CommandParts.ts"

/** A command or a group, with its options and arguments. */
export interface Command {
  readonly path: ReadonlyArray<string>
  readonly about: string
  readonly options: ReadonlyArray<Part>
  readonly args: ReadonlyArray<Part>
}

export interface Candidate {
  readonly value: string
  readonly about: string
}

/** `server` of `tools`: those of this one. `offers`: the servers of other programs. */
export type Names =
  | { readonly _tag: "models" | "servers" | "offers" | "runs" }
  | { readonly _tag: "tools"; readonly server: string | undefined }

export interface Wanted {
  readonly words: ReadonlyArray<Candidate>
  readonly names: Names | undefined
  readonly paths: "files" | "folders" | undefined
  /** Stands before each candidate: `--model=`, or the names before the last comma. */
  readonly before: string
  /** What has been typed of it. */
  readonly begun: string
}

/** `line`: the words after the program's name; the last one is being typed, and may be empty. */
export const of = (commands: ReadonlyArray<Command>, line: ReadonlyArray<string>): Wanted => {
  const before = read(commands, line.slice(0, -1))
  const last = line.at(-1) ?? ""
  const { args, command, ended, pending } = before
  if (pending !== undefined) return valueOf(pending, args, "", last)
  if (last.startsWith("-") && !ended) {
    const at = last.indexOf("=")
    const option = at === -1 ? undefined : optionsOf(command).find(({ name }) => name === last.slice(0, at))
    if (option !== undefined) return valueOf(option, args, last.slice(0, at + 1), last.slice(at + 1))
    const words = optionsOf(command).map(({ about, name }) => ({ value: name, about }))
    return { ...nothing, words, begun: last }
  }
  const inner = below(commands, command.path)
  if (inner.length > 0) {
    const words = inner.map(({ about, path }) => ({ value: path.at(-1) ?? "", about }))
    return { ...nothing, words, begun: last }
  }
  const part = command.args[args.length] ?? (command.args.at(-1)?.repeated === true ? command.args.at(-1) : undefined)
  return part === undefined ? { ...nothing, begun: last } : valueOf({ ...part, path: command.path }, args, "", last)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const nothing: Wanted = { words: [], names: undefined, paths: undefined, before: "", begun: "" }

type Place = Pick<Part, "name" | "value" | "kind"> & { readonly path: ReadonlyArray<string> }

const read = (commands: ReadonlyArray<Command>, words: ReadonlyArray<string>) => {
  let command: Command = commands.find(({ path }) => path.length === 0) ?? {
    path: [],
    about: "",
    options: [],
    args: []
  }
  const args: Array<string> = []
  let ended = false
  let pending: Place | undefined
  for (const word of words) {
    const inner = below(commands, command.path)
    const name = word === "list" ? "ls" : word
    const next = inner.find(({ path }) => path.at(-1) === name)
    if (pending !== undefined) pending = undefined
    else if (ended) args.push(word)
    else if (word === "--") ended = true
    else if (word.startsWith("-")) {
      const option = optionsOf(command).find(({ name }) => name === word)
      pending = option?.kind === "flag" ? undefined : option
    } else if (next !== undefined && args.length === 0) command = next
    else args.push(word)
  }
  return { command, args, ended, pending }
}

const below = (commands: ReadonlyArray<Command>, path: ReadonlyArray<string>) =>
  commands.filter((one) => one.path.length === path.length + 1 && path.every((word, at) => word === one.path[at]))

const optionsOf = ({ options, path }: Command): ReadonlyArray<Place & { readonly about: string }> => [
  ...options.map((option) => ({ ...option, path })),
  ...builtIns.map((option) => ({ ...option, path })),
  ...(path.length === 0 ? rootOptions.map((option) => ({ ...option, path })) : [])
]

const builtIns = [
  { name: "--help", kind: "flag", value: undefined, about: "Show the help." },
  {
    name: "--log-level",
    kind: "value",
    value: table.logLevel.allowed.replaceAll("`", "").replaceAll(", ", " | "),
    about: ""
  }
] as const

const rootOptions = [
  { name: "--version", kind: "flag", value: undefined, about: "Show the version." },
  { name: "--completions", kind: "value", value: "bash | zsh | fish", about: "Print a completion script." }
] as const

const valueOf = (
  { name, path, value = "" }: Place,
  args: ReadonlyArray<string>,
  attached: string,
  typed: string
): Wanted => {
  const wanted = { ...nothing, before: attached, begun: typed }
  const listed = (names: Names): Wanted => {
    const at = typed.lastIndexOf(",") + 1
    return { ...wanted, names, before: attached + typed.slice(0, at), begun: typed.slice(at) }
  }
  if (value.includes(" | ")) return { ...wanted, words: worded(value.split(" | ")) }
  switch (name) {
    case "--mcp":
      return listed({ _tag: "servers" })
    case "--tools":
    case "--exclude-tools":
    case "--allow":
      return listed({ _tag: "tools", server: undefined })
    case "--model":
    case "--fallback":
      return { ...wanted, names: { _tag: "models" } }
    case "--continue":
    case "ID":
      return { ...wanted, names: { _tag: "runs" } }
    case "--from":
      return { ...wanted, words: Imports.clients.map(([value, about]) => ({ value, about })) }
    case "--to":
      return { ...wanted, words: worded(["user", "project", "lmstudio"]), paths: "files" }
    case "--stand-in":
      return { ...wanted, words: worded(["never", "auto", "always"]) }
    case "--context-length":
      return { ...wanted, words: value.includes("auto") ? worded(["auto"]) : [] }
    case "TOOL":
      return { ...wanted, names: { _tag: "tools", server: args[0] } }
    case "NAME":
      return { ...wanted, names: namesIn(path) }
    case "KEY":
      return {
        ...wanted,
        words: Object.values(table).map(({ description, variable }) => ({ value: variable, about: description }))
      }
  }
  if (/^(?:FILE|PATH)$/.test(value) || name === "FILE") return { ...wanted, paths: "files" }
  return value === "DIR" || name === "DIR" ? { ...wanted, paths: "folders" } : wanted
}

const namesIn = ([group, command]: ReadonlyArray<string>): Names | undefined => {
  if (group === "models" && command !== "get") return { _tag: "models" }
  if (group === "mcp" && command === "import") return { _tag: "offers" }
  return group === "mcp" && command !== "add" ? { _tag: "servers" } : undefined
}

const worded = (values: ReadonlyArray<string>): ReadonlyArray<Candidate> =>
  values.map((value) => ({ value, about: "" }))
