/**
 * The pages of the help: the overview, with one line for each command, and the page of one command or group.
 */
import type * as HelpDoc from "@effect/cli/HelpDoc"
import { meanings } from "../ExitCode.ts"
import type * as Arguments from "../options/Arguments.ts"
import * as CommandParts from "../options/CommandParts.ts"
import { version } from "../version.ts"
import * as HelpTexts from "./HelpTexts.ts"

export interface Entry extends Arguments.Entry {
  readonly help: HelpDoc.HelpDoc
}

/** All commands, each with its description, and the exit codes. */
export const overview = (catalogue: ReadonlyArray<Entry>, columns?: number): string => {
  const named = catalogue.filter(({ path }) => path.length > 0)
  const commands = named.filter((entry) => below(named, entry.path).length === 0)
  return [
    `lms-bridge ${version}: ${summary}`,
    "",
    "USAGE",
    "",
    "  lms-bridge COMMAND ...        lms-bridge COMMAND --help",
    "",
    "COMMANDS",
    "",
    ...table(
      commands.map((entry) => [entry.path.join(" "), firstSentence(CommandParts.of(entry).about)]),
      columns
    ),
    "",
    ...wrapped(builtIns, widthOf(columns)),
    "`--completions bash|zsh|fish` prints a completion script.",
    "",
    "EXIT CODES",
    "",
    ...meanings.map(([code, meaning]) => `${String(code).padStart(3)}  ${meaning}`)
  ].join("\n")
}

/** The page of one command, or of a group with a line for each of its commands. */
export const page = (entry: Entry, catalogue: ReadonlyArray<Entry>, columns?: number): string => {
  const { about, args, options } = CommandParts.of(entry)
  const name = entry.path.join(" ")
  const inner = below(catalogue, entry.path)
  const example = HelpTexts.examples[name]
  return [
    ...wrapped(`lms-bridge ${name}: ${about}`, widthOf(columns)),
    ...section("USAGE", [`  ${usage(name, options, args, inner.length > 0)}`]),
    ...section("EXAMPLE", example === undefined ? [] : [`  ${example}`]),
    ...section(
      "COMMANDS",
      table(
        inner.map((one) => [one.path.at(-1) ?? "", firstSentence(CommandParts.of(one).about)]),
        columns
      )
    ),
    ...section("ARGUMENTS", table(args.map(row), columns)),
    ...(options.length <= few
      ? section("OPTIONS", table(options.map(row), columns))
      : grouped(options).flatMap(([title, members]) => section(title, table(members.map(row), columns)))),
    "",
    ...wrapped(inner.length > 0 ? `\`lms-bridge ${name} COMMAND --help\` tells more.` : builtIns, widthOf(columns))
  ].join("\n")
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Part = CommandParts.Part
type Row = readonly [name: string, about: string]

const summary = "gives tasks to a language model in LM Studio, and lets it use your MCP servers."

const builtIns = "Every command also accepts --help and --log-level LEVEL; `lms-bridge --help` has the exit codes."

/** So many options need no groups. */
const few = 8

/** The most columns of a page, and of its usage line. */
const most = 100

const widthOf = (columns: number | undefined) => Math.max(40, Math.min(most, columns ?? most))

const section = (title: string, lines: ReadonlyArray<string>): ReadonlyArray<string> =>
  lines.length === 0 ? [] : ["", title, "", ...lines]

const below = (catalogue: ReadonlyArray<Entry>, path: ReadonlyArray<string>) =>
  catalogue.filter((one) => one.path.length === path.length + 1 && path.every((word, at) => word === one.path[at]))

/** The whole usage, or `[OPTIONS]` in place of so many that they would not be read. */
const usage = (name: string, options: ReadonlyArray<Part>, args: ReadonlyArray<Part>, isGroup: boolean): string => {
  const given = args.map(({ name, repeated, required }) => `${required ? name : `[${name}]`}${repeated ? "..." : ""}`)
  const line = (shown: ReadonlyArray<string>) =>
    ["lms-bridge", name, ...(isGroup ? ["COMMAND ..."] : []), ...shown, ...given].join(" ")
  const whole = line(
    options.map(({ repeated, required, ...option }) => {
      const text = optionText(option)
      return `${required ? text : `[${text}]`}${repeated ? "..." : ""}`
    })
  )
  return whole.length <= most - 2 ? whole : line(["[OPTIONS]"])
}

const optionText = ({ name, value }: Pick<Part, "name" | "value">) =>
  value === undefined ? name : `${name} ${value.replaceAll(" | ", "|")}`

const row = ({ about, kind, name, repeated, value }: Part): Row => {
  const choices = kind === "argument" ? CommandParts.choices(value) : []
  return [
    `${kind === "argument" ? name : optionText({ name, value })}${repeated ? "..." : ""}`,
    choices.length === 0 ? about : `${about === "" ? "" : `${about} `}One of ${choices.join(", ")}.`
  ]
}

const grouped = (options: ReadonlyArray<Part>): ReadonlyArray<readonly [string, ReadonlyArray<Part>]> => {
  const named = HelpTexts.groups.map(([title, names]) => {
    const members = names.flatMap((name) => options.filter((option) => option.name === name))
    return [`OPTIONS: ${title.toUpperCase()}`, members] as const
  })
  const listed = new Set(named.flatMap(([, members]) => members))
  return [...named, ["OPTIONS: MORE", options.filter((option) => !listed.has(option))] as const]
}

/** Names, and what they are beside them; a long name has a line of its own. */
const table = (rows: ReadonlyArray<Row>, columns: number | undefined): ReadonlyArray<string> => {
  const width = Math.min(longestName, Math.max(0, ...rows.map(([name]) => name.length)))
  return rows.flatMap(([name, about]) => {
    const lines = wrapped(about, widthOf(columns) - width - 4)
    const first = name.length > width ? [`  ${name}`] : []
    return [
      ...first,
      ...lines.map((line, at) => `  ${(at === 0 && first.length === 0 ? name : "").padEnd(width)}  ${line}`.trimEnd())
    ]
  })
}

const longestName = 26

const wrapped = (text: string, width: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  for (const word of text.split(" ")) {
    const last = lines.at(-1)
    if (last === undefined || `${last} ${word}`.length > width) lines.push(word)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines.length === 0 ? [""] : lines
}

const firstSentence = (about: string): string => /^.*?\.(?= |$)/.exec(about)?.[0] ?? about
