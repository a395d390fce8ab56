/**
 * How the stand-in handles a clause that matches no tool: it explores the folders and, if the clause asks for
 * something, reads a few files and keeps the lines with the clause's words.
 */
import * as Json from "../../internal/json.ts"
import type { PromptTool } from "../SimulatedModel.ts"
import * as Language from "./Language.ts"
import type { Situation, Step } from "./Situation.ts"
import { entriesOf, join, made } from "./Situation.ts"
import * as ToolChoice from "./ToolChoice.ts"

export interface Call {
  readonly name: string
  readonly arguments: Json.JsonObject
}

/** Limits of the exploration, so that it stays within the calls of one task. */
const mostFolders = 2
const mostFiles = 4
const mostLines = 6

/** Whether the clause asks for something that a file may contain. */
export const seeks = ({ clauses }: Situation, clause: string): boolean => {
  const terms = Language.terms(clause).length
  return !changes(clause) && (Language.isQuestion(clause) ? terms > 0 : clauses.length === 1 && terms > 1)
}

/** The next calls; none when there is nothing to explore or everything has been seen. `listing` lists the folder. */
export const calls = (situation: Situation, clause: string, listing: Call | undefined): ReadonlyArray<Call> => {
  const asked = seeks(situation, clause)
  if (!asked && !(situation.clauses.length === 1 || Language.asksForListing(clause))) return []
  if (changes(clause)) return []
  const stages = [
    [...(asked ? searches(situation, clause) : []), ...(listing === undefined ? [] : [listing])],
    asked && listing !== undefined ? below(situation, listing) : [],
    asked && listing !== undefined ? reads(situation, clause) : []
  ]
  return stages.find((stage) => stage.some((call) => made(situation, call.name, call.arguments) === undefined)) ?? []
}

/** The lines in the read texts with most of the clause's words, the best first. */
export const lines = (
  situation: Situation,
  clause: string
): ReadonlyArray<{ readonly source: string; readonly line: string }> => {
  const terms = Language.terms(clause)
  const scored = situation.steps.filter(isContent).flatMap((step) => {
    const source = pathOf(step) ?? step.name
    const [head = "", ...rest] = step.result.split("\n")
    const table = /\.[ct]sv$/i.test(source)
    const columns = table ? Language.bareWords(head) : new Set<string>()
    return (table ? rest : [head, ...rest]).flatMap((line) => {
      const words = Language.bareWords(line)
      const hits = terms.filter((term) => words.has(term))
      const named = terms.filter((term) => columns.has(term) && !words.has(term))
      return hits.length === 0
        ? []
        : [{ source, line: table ? `${line.trim()} (${head.trim()})` : line.trim(), score: hits.length + named.length }]
    })
  })
  const best = Math.max(0, ...scored.map(({ score }) => score))
  return scored
    .filter(({ score }) => score * 2 >= best)
    .toSorted((left, right) => right.score - left.score)
    .slice(0, mostLines)
}

/** Whether a result has content, and does not just list files. */
export const isContent = (step: Step): boolean => {
  const { files, folders } = entriesOf(step.result)
  return !step.failed && files.length + folders.length === 0 && !/allowed_directories/.test(step.name)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const changes = (clause: string): boolean => {
  const [first = ""] = Language.words(clause)
  return Language.changing.has(first)
}

const requiredOf = (tool: PromptTool): ReadonlyArray<unknown> => Json.arrayOf(tool.parameters["required"])

// A tool that only takes a query is called with the clause's words; a memory is read as a whole.
const searches = ({ tools }: Situation, clause: string): ReadonlyArray<Call> => {
  const graph = tools.find((tool) => ToolChoice.ownName(tool) === "read_graph")
  if (graph !== undefined) return [{ name: graph.name, arguments: {} }]
  return tools
    .filter((tool) => /search|find|query/i.test(ToolChoice.ownName(tool)))
    .flatMap((tool) => {
      const [only, ...others] = requiredOf(tool)
      return typeof only === "string" && others.length === 0 && /^(q|query|search|text|terms?|keywords?)$/i.test(only)
        ? [{ name: tool.name, arguments: { [only]: Language.spokenTerms(clause).join(" ") } }]
        : []
    })
    .slice(0, 1)
}

const below = (situation: Situation, listing: Call): ReadonlyArray<Call> => {
  const [key] = Object.keys(listing.arguments)
  const listed = made(situation, listing.name, listing.arguments)
  const folder = key === undefined ? undefined : Json.stringOf(listing.arguments[key])
  if (key === undefined || folder === undefined || listed === undefined || listed.failed) return []
  return entriesOf(listed.result)
    .folders.filter((name) => !/^(\.|node_modules$)/.test(name))
    .slice(0, mostFolders)
    .map((name) => ({ name: listing.name, arguments: { ...listing.arguments, [key]: join(folder, name) } }))
}

const binary = /\.(png|jpe?g|gif|webp|ico|pdf|zip|gz|tgz|exe|bin|gguf|mp[34]|wav|mov|docx?|xlsx?|pptx?|sqlite|db)$/i

const reads = (situation: Situation, clause: string): ReadonlyArray<Call> => {
  const reader =
    situation.tools.find((tool) => ToolChoice.ownName(tool) === "read_text_file") ??
    situation.tools.find((tool) => ToolChoice.ownName(tool).startsWith("read") && requiredOf(tool).join() === "path")
  if (reader === undefined) return []
  const wanted = new Set(Language.terms(clause))
  const named = (path: string) => [...Language.bareWords(path)].some((word) => wanted.has(word))
  const texts = situation.listed.filter((path) => !binary.test(path))
  return [...texts.filter(named), ...texts.filter((path) => !named(path))]
    .slice(0, mostFiles)
    .map((path) => ({ name: reader.name, arguments: { path } }))
}

const pathOf = (step: Step): string | undefined => Json.stringOf(step.arguments["path"])?.replace(/^.*[\\/]/, "")
