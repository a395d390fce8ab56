/**
 * Makes the command line unambiguous before `@effect/cli` reads it, which takes an unknown option for an argument, and
 * ignores an option without a value and a repeatable option with an empty one.
 */
import type * as Usage from "@effect/cli/Usage"
import { nearest } from "@lms-bridge/core/McpRegistry"
import { table, type Values } from "@lms-bridge/core/Settings"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { UsageError } from "../ExitCode.ts"
import * as CommandParts from "./CommandParts.ts"
import * as Words from "../views/Words.ts"

/** A command or a group of commands, with the words that name it: `[]` for the program itself. */
export interface Entry {
  readonly path: ReadonlyArray<string>
  readonly usage: Usage.Usage
}

/** A command and its line in order: names, options with their values, `--`, arguments. */
export interface Normalized {
  readonly path: ReadonlyArray<string>
  readonly args: ReadonlyArray<string>
  /** From --log-level, which is not among `args`. */
  readonly logLevel: LogLevel | undefined
}

type LogLevel = Values["logLevel"]

/** `args`: without the program's name. */
export const normalize = (
  catalogue: ReadonlyArray<Entry>,
  args: ReadonlyArray<string>
): Either.Either<Normalized, UsageError> => {
  const path: Array<string> = []
  const given: Array<string> = []
  const rest: Array<string> = []
  let logLevel: LogLevel | undefined
  let options = optionsOf(catalogue, path)
  const refuse = (problem: string) =>
    Either.left(
      new UsageError({ problem: `${Words.oneLine(problem)} See \`${["lms-bridge", ...path, "--help"].join(" ")}\`.` })
    )

  for (let index = 0; index < args.length; index++) {
    const word = commandOf(catalogue, path, args[index] ?? "")
    if (word === "--") {
      rest.push(...args.slice(index + 1))
      break
    }
    if (!isOption(word)) {
      if (rest.length > 0 || !hasCommands(catalogue, path)) {
        rest.push(word)
        continue
      }
      if (!catalogue.some((entry) => isSame(entry.path, [...path, word]))) {
        return refuse(`There is no command "${[...path, word].join(" ")}"${meant(catalogue, path, word)}`)
      }
      path.push(word)
      options = optionsOf(catalogue, path)
      continue
    }
    const [name, attached] = split(word)
    const kind = options.get(name)
    // the words of a program are its own, also without `--` before them
    if (kind === undefined && isSame(path, ["mcp", "add"]) && rest.length > 1) {
      rest.push(...args.slice(index))
      break
    }
    if (kind === undefined) return refuse(`There is no option ${name}${similar(name, options)}`)
    if (kind === "flag") {
      if (attached !== undefined && attached !== "true" && attached !== "false") {
        return refuse(`${name} takes no value.`)
      }
      // explicit, because a flag would otherwise take an argument such as "yes" or "1" as its value
      given.push(name, attached ?? "true")
      continue
    }
    const next = args[index + 1]
    const value = attached ?? (next === undefined || next === "--" || options.has(split(next)[0]) ? undefined : next)
    if (value === undefined) return refuse(`${name} needs a value.`)
    if (kind === "list" && value === "") return refuse(`${name} is empty. Give it a value, or leave it out.`)
    if (attached === undefined) index++
    if (name === logLevelOption) {
      logLevel = Option.getOrUndefined(table.logLevel.decode(value))
      if (logLevel === undefined) return refuse(`${name} is "${value}", but must be one of ${table.logLevel.allowed}.`)
      continue
    }
    given.push(name, value)
  }
  return Either.right({ path, logLevel, args: [...path, ...given, ...(rest.length > 0 ? ["--", ...rest] : [])] })
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Kind = CommandParts.Part["kind"]

/** Ours, although `@effect/cli` has one of that name: the level is set where the logger is built. */
const logLevelOption = "--log-level"

/** The options of every command. */
const builtIns: ReadonlyArray<readonly [string, Kind]> = [
  ["--help", "flag"],
  ["-h", "flag"],
  ["--version", "flag"],
  [logLevelOption, "value"],
  ["--completions", "value"]
]

/** A lone dash, a negative number, and text that begins like a Markdown list are arguments. */
const isOption = (word: string) => /^-\D/.test(word) && !/^--?\s/.test(word)

const isSame = (left: ReadonlyArray<string>, right: ReadonlyArray<string>) =>
  left.length === right.length && left.every((word, index) => word === right[index])

const hasCommands = (catalogue: ReadonlyArray<Entry>, path: ReadonlyArray<string>) =>
  catalogue.some((entry) => entry.path.length === path.length + 1 && isSame(entry.path.slice(0, -1), path))

const optionsOf = (catalogue: ReadonlyArray<Entry>, path: ReadonlyArray<string>): ReadonlyMap<string, Kind> =>
  new Map([
    ...builtIns,
    ...catalogue.filter((entry) => isSame(entry.path, path)).flatMap((entry) => CommandParts.optionsIn(entry.usage))
  ])

const split = (word: string): readonly [name: string, attached: string | undefined] => {
  const at = word.indexOf("=")
  return at === -1 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)]
}

/** The options that begin with the same letters. */
const similar = (name: string, options: ReadonlyMap<string, Kind>) => {
  const stem = (option: string) => option.replace(/^-+/, "").slice(0, 3)
  const found = [...options.keys()].filter((option) => stem(option) === stem(name))
  return question(found)
}

const question = (found: ReadonlyArray<string>) => (found.length === 0 ? "." : `; did you mean ${found.join(" or ")}?`)

const below = (catalogue: ReadonlyArray<Entry>, path: ReadonlyArray<string>): ReadonlyArray<string> =>
  catalogue.flatMap((entry) => {
    const last = entry.path.at(-1)
    return last !== undefined && isSame(entry.path.slice(0, -1), path) ? [last] : []
  })

/** Commands with nearly that name, here or in a group: `model`, `ls`. */
const meant = (catalogue: ReadonlyArray<Entry>, path: ReadonlyArray<string>, word: string): string => {
  const here = nearest(word, below(catalogue, path))
  const groups = below(catalogue, path).filter((group) => below(catalogue, [...path, group]).includes(word))
  return question(
    here.length > 0
      ? here.map((name) => `"${[...path, name].join(" ")}"`)
      : groups.slice(0, 3).map((group) => `"${[...path, group, word].join(" ")}"`)
  )
}

/** What people type out of habit: `list` for `ls`, `help` and `version` as words. */
const commandOf = (catalogue: ReadonlyArray<Entry>, path: ReadonlyArray<string>, word: string): string => {
  const names = below(catalogue, path)
  if (names.length === 0 || names.includes(word)) return word
  if (word === "list" && names.includes("ls")) return "ls"
  if (word === "help") return "--help"
  return word === "version" && path.length === 0 ? "--version" : word
}
