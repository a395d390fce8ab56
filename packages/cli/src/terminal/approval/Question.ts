/**
 * The question whether a tool may be called, as text, and what the person types, as an answer. Pure.
 */
import type { ApprovalRequest } from "@lms-bridge/core/AgentLoop"
import { fromJson } from "@lms-bridge/core/Json"
import * as Schema from "effect/Schema"
import type { Palette } from "../../views/Palette.ts"
import * as Words from "../../views/Words.ts"

/** `run`: yes, and for all calls of the tool in this run. `always`: in later runs too. */
export type Answer = "yes" | "no" | "run" | "always" | "details"

export interface Style {
  readonly palette: Palette
  /** Where an answer for later runs is written; undefined where it cannot be. */
  readonly policy: string | undefined
}

/** Undefined for anything that is no answer. */
export const answerOf = (typed: string, { policy }: Pick<Style, "policy">): Answer | undefined => {
  const answer = answers.get(typed.trim().toLowerCase())
  return answer === "always" && policy === undefined ? undefined : answer
}

/** The call, what it would change (`change`: lines of a diff), why the person is asked, and the answers. */
export const text = (request: ApprovalRequest, change: ReadonlyArray<string>, style: Style): string =>
  [
    `${called(request)}${change.length === 0 ? ` ${Words.json(request.arguments, 400)}` : ""}`,
    ...change.map((line) => `  ${painted(line, style.palette)}`),
    `  ${sentence(request.reason)}`,
    `  ${keys(style)}`
  ].join("\n")

/** All of the arguments. */
export const details = (request: ApprovalRequest): string =>
  `${called(request)}\n${Words.harmless(encode(request.arguments))}`

export const again = (typed: string, style: Style): string =>
  `${typed.trim() === "" ? "That is no answer" : `"${Words.oneLine(typed, 40)}" is no answer`}. ${keys(style)}`

/** A clause as a sentence. */
export const sentence = (clause: string): string => {
  const line = Words.oneLine(clause)
  return `${line.charAt(0).toUpperCase()}${line.slice(1)}`.replace(/[.!?]?$/, ".")
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const answers: ReadonlyMap<string, Answer> = new Map([
  ["y", "yes"],
  ["yes", "yes"],
  ["n", "no"],
  ["no", "no"],
  ["a", "run"],
  ["p", "always"],
  ["d", "details"],
  ["?", "details"]
])

const keys = ({ policy }: Style) =>
  `Allow it? y yes, n no, a this tool in this run, ${
    policy === undefined ? "" : `p this tool always (in ${Words.oneLine(policy)}), `
  }d details:`

const called = ({ server, tool }: ApprovalRequest) => `${Words.oneLine(server)} ${Words.oneLine(tool)}`

const painted = (line: string, palette: Palette): string => {
  const words = Words.oneLine(line.replaceAll("\t", "  "), Number.POSITIVE_INFINITY)
  // the blanks at the beginning of a line of code are part of it
  const kept = `${line[0] ?? ""}${/^[ \t]*/.exec(line.slice(1))?.[0].replaceAll("\t", "  ") ?? ""}`
  const shown = `${kept}${words.slice(1).trimStart()}`
  return line.startsWith("+") ? palette.good(shown) : line.startsWith("-") ? palette.bad(shown) : palette.quiet(shown)
}

const encode = Schema.encodeSync(fromJson(Schema.Unknown, 2))
