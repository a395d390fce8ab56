/**
 * Chooses the tools to offer when there are more than the model can distinguish or its context can hold. They are ranked
 * against the task by BM25, and by semantic rank where available; deterministic. The others can be found with
 * `find_tools`.
 */
import MiniSearch from "minisearch"
import * as Predicate from "effect/Predicate"
import { signature } from "../shapes/Signature.ts"
import { slim } from "../schema/SlimSchema.ts"
import * as TokenCount from "../../lmstudio/TokenCount.ts"
import type { CatalogTool } from "./CatalogTool.ts"

export interface Toolbox {
  /** All tools, the best match for the task first. */
  readonly ranked: ReadonlyArray<CatalogTool>
  /** Tools that match a query, best first. */
  readonly search: (query: string) => ReadonlyArray<CatalogTool>
}

/** Most tools to offer, and most tokens of their (slim) definitions; undefined means no limit. */
export interface Limits {
  readonly count: number
  /** So many may be offered where none has to be left out and they are known to fit. */
  readonly together?: number
  readonly tokens: number | undefined
  /** Tools are told in one line each, and where not all fit, by their names: so many tokens of names at most. */
  readonly inLines: boolean
  readonly nameTokens: number
  /** Tokens that the model was loaded with at first, where that is known. */
  readonly contextLength: number | undefined
}

/** `near` are names of tools, the nearest to the task in meaning first (`SemanticRank`). */
export const make = (tools: ReadonlyArray<CatalogTool>, task: string, near: ReadonlyArray<string> = []): Toolbox => {
  let index: MiniSearch | undefined
  const matching = (query: string): ReadonlyArray<CatalogTool> => {
    index ??= indexOf(tools)
    return index
      .search(query)
      .toSorted((a, b) => b.score - a.score || a.id - b.id)
      .flatMap(({ id }) => tools[id] ?? [])
  }
  let ranked: ReadonlyArray<CatalogTool> | undefined
  return {
    get ranked() {
      return (ranked ??= withRest(fuse([matching(task), named(tools, near)]), tools))
    },
    search: (query) => matching(query).slice(0, mostFound)
  }
}

/**
 * Merges several orders by reciprocal rank fusion: each order that contains an item adds 1 / (10 + its place, from 1) to
 * its score. Items near the head of several orders come first. Equals stay in the order in which they are met.
 */
export const fuse = <A>(orders: ReadonlyArray<ReadonlyArray<A>>): ReadonlyArray<A> => {
  const scores = new Map<A, number>()
  for (const order of orders) {
    order.forEach((item, index) => scores.set(item, (scores.get(item) ?? 0) + 1 / (fusionConstant + index + 1)))
  }
  return [...scores].toSorted(([, a], [, b]) => b - a).map(([item]) => item)
}

/**
 * Whether all tools may be offered, so that none has to be chosen: a choice by the task gives each task another prompt, of
 * which the engine has kept nothing.
 */
export const fits = (tools: ReadonlyArray<CatalogTool>, limits: Limits): boolean =>
  tools.length <= Math.max(limits.count, limits.tokens === undefined ? 0 : (limits.together ?? 0)) &&
  (limits.tokens === undefined || tools.reduce((sum, tool) => sum + cost(tool, limits), 0) <= limits.tokens)

/** Whether the names of all tools may be told, where not all of them can be told with their parameters. */
export const namesFit = (tools: ReadonlyArray<CatalogTool>, { inLines, nameTokens }: Limits): boolean =>
  inLines && TokenCount.ofText(tools.map(({ name }) => name).join(", ")) <= nameTokens

/**
 * All tools when they are within the limits, else the best of them. Both in the order in which their servers list them, so
 * that the prompt stays the same and comes from the engine's cache.
 */
export const choose = (
  toolbox: Toolbox,
  tools: ReadonlyArray<CatalogTool>,
  limits: Limits
): ReadonlyArray<CatalogTool> => {
  if (fits(tools, limits)) return tools
  const chosen = new Set<CatalogTool>()
  let tokens = 0
  for (const tool of toolbox.ranked) {
    if (chosen.size >= limits.count) break
    if (limits.tokens !== undefined && tokens + cost(tool, limits) > limits.tokens) continue
    chosen.add(tool)
    tokens += cost(tool, limits)
  }
  return tools.filter((tool) => chosen.has(tool))
}

/** How many tools a model can distinguish, by the size in billions of parameters that its name states. */
export const countFor = (
  model: string,
  limits: ReadonlyArray<{ readonly billions: number; readonly tools: number }>,
  otherwise: number
): number => {
  const size = /(?:^|[^\w.])(?:\d+x)?(\d+(?:\.\d+)?)b(?![a-z\d])/i.exec(model)?.[1]
  const billions = size === undefined ? undefined : Number(size)
  return billions === undefined ? otherwise : (limits.find((limit) => billions <= limit.billions)?.tools ?? otherwise)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const mostFound = 8

/** 60 is usual for lists of thousands; among a hundred tools, it would hardly favour the first over the tenth. */
const fusionConstant = 10

const cost = ({ definition }: CatalogTool, { inLines }: Limits) =>
  inLines ? TokenCount.ofText(signature(definition)) + 1 : TokenCount.ofJson(slim(definition))

const named = (tools: ReadonlyArray<CatalogTool>, names: ReadonlyArray<string>): ReadonlyArray<CatalogTool> => {
  const byName = new Map(tools.map((tool) => [tool.name, tool]))
  return names.flatMap((name) => byName.get(name) ?? [])
}

/** The words of a text, split in names like `readTextFile` and `read_text_file`, and roughly stemmed. */
const words = (text: string): Array<string> =>
  text
    .replaceAll(/(\p{Ll})(\p{Lu})/gu, "$1 $2")
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== "" && !common.has(word))
    .map((word) => (word.length > 4 ? word.replace(/(?:ies|es|s|ing|ed)$/, "") : word))

const common = new Set(
  "a an and are as at be by can do for from has have how in into is it its me of on or please that the then there this to use was what when where which who will with you your".split(
    " "
  )
)

const indexOf = (tools: ReadonlyArray<CatalogTool>): MiniSearch => {
  const index = new MiniSearch({
    fields: ["name", "server", "description", "parameters"],
    tokenize: words,
    processTerm: (term) => term,
    searchOptions: { boost: { name: 3, server: 2 }, prefix: (term) => term.length > 3 }
  })
  index.addAll(
    tools.map(({ tool }, id) => ({
      id,
      name: tool.name,
      server: tool.server,
      description: `${tool.title ?? ""} ${tool.description}`,
      parameters: Predicate.isRecord(tool.inputSchema["properties"])
        ? Object.keys(tool.inputSchema["properties"]).join(" ")
        : ""
    }))
  )
  return index
}

/** Tools that match nothing come last, one of each server in turn. */
const withRest = (first: ReadonlyArray<CatalogTool>, tools: ReadonlyArray<CatalogTool>): ReadonlyArray<CatalogTool> => {
  const seen = new Set(first)
  const turns = new Map<string, number>()
  const rest = tools
    .filter((tool) => !seen.has(tool))
    .map((tool, place) => {
      const turn = turns.get(tool.tool.server) ?? 0
      turns.set(tool.tool.server, turn + 1)
      return { tool, turn, place }
    })
    .toSorted((a, b) => a.turn - b.turn || a.place - b.place)
  return [...first, ...rest.map(({ tool }) => tool)]
}
