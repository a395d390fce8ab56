/**
 * The pages of the help: the overview, with one line for each command, and the page of one command.
 */
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as Usage from "@effect/cli/Usage"
import type * as Arguments from "../options/Arguments.ts"
import { meanings } from "../ExitCode.ts"
import { version } from "../version.ts"
import * as Words from "./Words.ts"

export interface Entry extends Arguments.Entry {
  readonly help: HelpDoc.HelpDoc
}

/** All commands, each with its description. */
export const overview = (catalogue: ReadonlyArray<Entry>): string => {
  const named = catalogue.filter(({ path }) => path.length > 0)
  const isGroup = ({ path }: Entry) =>
    named.some((other) => other.path.length > path.length && other.path[0] === path[0])
  const rows = named
    .filter((entry) => !isGroup(entry))
    .map((entry) => [entry.path.join(" "), firstSentence(entry.help)] as const)
  const width = Math.max(...rows.map(([name]) => name.length))
  return [
    `lms-bridge ${version}: ${summary}`,
    "",
    "USAGE",
    "",
    "  lms-bridge COMMAND ...        lms-bridge COMMAND --help",
    "",
    "COMMANDS",
    "",
    ...rows.map(([name, sentence]) => `  ${name.padEnd(width)}  ${sentence}`),
    "",
    plain(footer)
  ].join("\n")
}

/** The page of one command: `@effect/cli`'s own with the whole usage, without the phrases that it repeats for every option. */
export const page = ({ help, path, usage }: Entry, isGroup: boolean): string => {
  const words = plain(Usage.getHelp(usage)).trim().replaceAll(repeatable, "[$1]...")
  return [
    `lms-bridge ${version}`,
    "",
    "USAGE",
    "",
    `  ${["lms-bridge", ...path.slice(0, -1), words].join(" ")}${isGroup ? " COMMAND ..." : ""}`,
    "",
    plain(help).replaceAll(boilerplate, "").replaceAll(repeatable, "[$1]...").trim(),
    "",
    plain(footer)
  ].join("\n")
}

/** The end of every page. */
export const footer = HelpDoc.blocks([
  HelpDoc.p(
    "Every command accepts --help, --version, --log-level LEVEL and --wizard; --completions SHELL prints a completion script."
  ),
  HelpDoc.h1("EXIT CODES"),
  HelpDoc.p(meanings.map(([code, meaning]) => `${String(code).padStart(3)}  ${meaning}`).join("\n"))
])

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** A repeatable option, which looks required without brackets. */
const repeatable = /(?<!\[)(--[a-z-]+ [A-Z]+)\.\.\.(?!\n)/g

const boilerplate =
  /^ *(?:A user-defined piece of text\.|A file\.|A true or false value\.|This setting is optional\.)\n*/gm

const summary = "gives tasks to a language model in LM Studio, and lets it use your MCP servers."

const plain = (doc: HelpDoc.HelpDoc) => Words.withoutStyle(HelpDoc.toAnsiText(doc)).trimEnd()

const firstSentence = (help: HelpDoc.HelpDoc): string => /DESCRIPTION\s+(.*)/.exec(plain(help))?.[1] ?? ""
