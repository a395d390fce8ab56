/** Which tool a clause means: matches the words of the clause with those of each tool's name and description. */
import * as Json from "../../internal/json.ts"
import type { PromptTool } from "../SimulatedModel.ts"
import * as Arguments from "./Arguments.ts"
import * as Language from "./Language.ts"
import type { Situation } from "./Situation.ts"

export interface Choice {
  readonly tool: PromptTool
  readonly calls: ReadonlyArray<Json.JsonObject>
  readonly score: number
}

/** Below this score there are too few words for a match. */
const least = 2

/** Tools that match the clause and whose required arguments can be filled, the best first. */
export const choices = (situation: Situation, clause: string): ReadonlyArray<Choice> =>
  ranked(situation, clause).flatMap(({ score, tool }) => {
    const calls = Arguments.fill(situation, clause, tool)
    return calls.length === 0 ? [] : [{ tool, calls, score }]
  })

/** Tools by words alone, whether or not their arguments can be filled. */
export const ranked = (
  situation: Situation,
  clause: string
): ReadonlyArray<{ readonly tool: PromptTool; readonly score: number }> =>
  situation.tools
    .map((tool) => ({ tool, score: scoreOf(situation, clause, tool) }))
    .filter(({ score }) => score >= least)
    .toSorted((left, right) => right.score - left.score)

/** The name without the server's prefix, which ends with two underscores. */
export const ownName = (tool: { readonly name: string }): string => tool.name.replace(/^.*?__/, "")

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Words of a name that need not be mentioned. */
const understood = new Set(["file", "text", "content"])

// A word that only one tool has is more significant than one that many have.
const weightOf = (word: string, tools: ReadonlyArray<PromptTool>): number =>
  2 + 1 / Math.max(1, tools.filter((tool) => Language.words(ownName(tool)).includes(word)).length)

const scoreOf = ({ tools }: Situation, clause: string, tool: PromptTool): number => {
  const paths = Language.paths(clause)
  const files = paths.filter(Language.isFile)
  const withoutPaths = paths.reduce((text, path) => text.replace(path, " "), clause)
  const said = new Set([...Language.words(withoutPaths), ...(files.length > 0 ? ["file", "text"] : [])])
  if (/\d\s*(?:\+|and|plus)\s*\d/i.test(clause)) said.add("sum")
  const name = [...new Set(Language.words(ownName(tool)))]
  const changes = name.filter((word) => Language.changing.has(word))
  if (changes.some((word) => !said.has(word))) return 0
  const hits = name.filter((word) => said.has(word))
  const unsaid = name.filter((word) => !said.has(word) && !understood.has(word))
  const description = new Set(Language.words(tool.description.slice(0, 300)))
  const spoken = [...said].filter((word) => description.has(word) && !name.includes(word)).length
  const properties = Object.entries(Json.objectOf(tool.parameters["properties"]))
  const takesMany = properties.some(
    ([key, schema]) => Json.objectOf(schema)["type"] === "array" && Arguments.takesPath(key, Json.objectOf(schema))
  )
  return (
    hits.reduce((total, word) => total + weightOf(word, tools), 0) -
    unsaid.length +
    Math.min(spoken, 4) * 0.5 +
    (files.length > 0 && name.includes("directory") ? -3 : 0) +
    // which folders are allowed does not say which files there are
    (said.has("file") && name.includes("allow") ? -4 : 0) +
    (takesMany ? (files.length > 1 ? 3 : -2) : 0) +
    (tool.name.includes("__") && said.has(Language.stem(tool.name.replace(/__.*$/, ""))) ? 0.5 : 0) -
    (/deprecated/i.test(tool.description) ? 3 : 0)
  )
}
