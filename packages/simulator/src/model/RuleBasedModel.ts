/**
 * A deterministic stand-in for a language model. It picks tools by matching the words of the task with the words of
 * their names and descriptions, fills their required arguments from the task, and reports the results. If no tool
 * matches, it explores the folders.
 */
import * as Json from "../internal/json.ts"
import * as BoundSteps from "./rules/BoundSteps.ts"
import type { Call } from "./rules/Looking.ts"
import * as Looking from "./rules/Looking.ts"
import * as Reading from "./rules/Reading.ts"
import * as Report from "./rules/Report.ts"
import * as SchemaSample from "./rules/SchemaSample.ts"
import type { Situation } from "./rules/Situation.ts"
import * as Situations from "./rules/Situation.ts"
import * as ToolChoice from "./rules/ToolChoice.ts"
import type { TurnInput } from "./Script.ts"
import type { Prompt } from "./SimulatedModel.ts"
import * as SimulatedModel from "./SimulatedModel.ts"

/** Number of calls after which it answers with what it has. */
export const mostCalls = 8

/** How many files it reads after a listing when the task is about all of them. */
const mostFiles = 5

/** Its next message or calls; a pure function of the conversation. */
export const next = (prompt: Prompt): TurnInput => {
  if (prompt.answerSchema !== undefined) {
    const inSteps = BoundSteps.of(prompt)
    return inSteps === undefined
      ? { text: Json.stringify(SchemaSample.of(prompt.answerSchema)) }
      : BoundSteps.asStep(next(inSteps), prompt)
  }
  const read = prompt.tools.length === 0 ? Reading.of(prompt) : undefined
  if (read !== undefined) return { text: read }
  const situation = Situations.of(prompt)
  const calls =
    prompt.toolChoice === "none" || situation.tools.length === 0 || situation.steps.length >= mostCalls
      ? []
      : wanted(situation, prompt)
  if (calls.length > 0) return { toolCalls: calls.slice(0, mostCalls - situation.steps.length) }
  return {
    text: situation.steps.length === 0 ? Report.withoutTools(situation) : Report.of(situation, soughtIn(situation))
  }
}

export const ruleBased: SimulatedModel.SimulatedModel = SimulatedModel.fromFunction(
  next,
  "a rule-based stand-in, not a language model"
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

// The first unfinished clause decides; each is handled once.
const wanted = (situation: Situation, prompt: Prompt): ReadonlyArray<Call> => {
  for (const clause of situation.clauses) {
    const calls = forClause(situation, clause).filter(
      (call) => Situations.made(situation, call.name, call.arguments) === undefined
    )
    if (calls.length > 0) return calls
  }
  if (prompt.toolChoice === "required" && situation.steps.length === 0) {
    const anything = situation.tools.find((tool) => Json.arrayOf(tool.parameters["required"]).length === 0)
    return anything === undefined ? [] : [{ name: anything.name, arguments: {} }]
  }
  return []
}

const forClause = (situation: Situation, clause: string): ReadonlyArray<Call> => {
  const [best] = ToolChoice.ranked(situation, clause)
  if (best === undefined) return looking(situation, clause)
  const [choice] = ToolChoice.choices(situation, clause)
  const reads = /read/.test(ToolChoice.ownName(best.tool))
  const many = reads && /\b(all|every|each)\b/i.test(clause)
  if (reads && (many || choice?.tool !== best.tool)) {
    const listing = listTool(situation)
    const [list] = listing === undefined ? [] : listing.calls
    if (
      listing !== undefined &&
      list !== undefined &&
      Situations.made(situation, listing.tool.name, list) === undefined
    ) {
      return located(situation, { name: listing.tool.name, arguments: list })
    }
    if (many) {
      const reader = situation.tools.find((tool) => ToolChoice.ownName(tool) === "read_text_file") ?? best.tool
      return situation.listed.slice(0, mostFiles).map((path) => ({ name: reader.name, arguments: { path } }))
    }
  }
  if (choice === undefined || choice.score < best.score - 3) return looking(situation, clause)
  const calls = choice.calls.flatMap((call) => located(situation, { name: choice.tool.name, arguments: call }))
  return calls.filter((call, index) => calls.findIndex((other) => Situations.sameCall(other, call)) === index)
}

// The clauses that match no tool and ask for something: the read texts are searched for their words.
const soughtIn = (situation: Situation): ReadonlyArray<string> =>
  situation.clauses.filter(
    (clause) => Looking.seeks(situation, clause) && ToolChoice.choices(situation, clause).length === 0
  )

const looking = (situation: Situation, clause: string): ReadonlyArray<Call> => {
  const listing = listTool(situation)
  const [list] = listing?.calls ?? []
  const first = listing === undefined || list === undefined ? undefined : { name: listing.tool.name, arguments: list }
  return Looking.calls(situation, clause, first).flatMap((call) => located(situation, call))
}

// A server that only allows certain folders needs an absolute path: ask for them, once, if there is a tool for it.
const located = (situation: Situation, call: Call): ReadonlyArray<Call> => {
  const paths = [call.arguments["path"], ...Json.arrayOf(call.arguments["paths"])].filter(
    (path) => typeof path === "string"
  )
  const asker = situation.tools.find((tool) => ToolChoice.ownName(tool) === "list_allowed_directories")
  const relative = paths.some((path) => !/^(?:[\\/~]|[A-Za-z]:\\)/.test(path))
  return relative && asker !== undefined && situation.steps.every((step) => step.name !== asker.name)
    ? [{ name: asker.name, arguments: {} }]
    : [call]
}

const listTool = (situation: Situation) =>
  ToolChoice.choices(situation, `list the directory ${folderWords(situation)}`).find((choice) =>
    /list/.test(ToolChoice.ownName(choice.tool))
  )

const folderWords = (situation: Situation): string =>
  /([\p{L}\d_.-]+\s+(?:folder|directory))\b/iu.exec(situation.task)?.[1] ?? ""
