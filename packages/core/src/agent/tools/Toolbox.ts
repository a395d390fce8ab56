/**
 * Chooses the tools to offer when there are more than the model can distinguish or its context can hold. They are ranked
 * against the task by words, and by semantic rank where available; deterministic. The others are told by name where there
 * is room for that, and can be found with `find_tools`.
 */
import { listOfNames, signature } from "../shapes/Signature.ts"
import { slim } from "../schema/SlimSchema.ts"
import * as ModelName from "../../lmstudio/ModelName.ts"
import * as TokenCount from "../../lmstudio/TokenCount.ts"
import type { CatalogTool } from "./CatalogTool.ts"
import * as WordRank from "./WordRank.ts"

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
  /** Tools are told in one line each, and so many at most beside the names of all. */
  readonly inLines: boolean
  readonly lines: number
  /** Where not all tools fit, most tokens of the names of all. */
  readonly nameTokens: number
  /** Tokens that the model was loaded with at first, where that is known. */
  readonly contextLength: number | undefined
}

/** `near` are names of tools, the nearest to the task in meaning first (`SemanticRank`). */
export const make = (tools: ReadonlyArray<CatalogTool>, task: string, near: ReadonlyArray<string> = []): Toolbox => {
  let words: WordRank.WordRank | undefined
  const byWords = () => (words ??= WordRank.make(tools))
  let ranked: ReadonlyArray<CatalogTool> | undefined
  return {
    get ranked() {
      if (ranked !== undefined) return ranked
      const { all, matching } = byWords().ranked(task)
      // a tool that matches no word is not last for that, where its meaning is near
      const first = near.length === 0 ? all : fuse([matching, withNames(tools, near)])
      return (ranked = [...first, ...all.filter((tool) => !first.includes(tool))])
    },
    search: (query) => byWords().ranked(query).matching.slice(0, mostFound)
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
export const namesFit = (tools: ReadonlyArray<CatalogTool>, { nameTokens }: Limits): boolean =>
  TokenCount.ofText(listOfNames(tools.map(({ name }) => name))) <= nameTokens

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
  const most = limits.inLines && namesFit(tools, limits) ? Math.min(limits.count, limits.lines) : limits.count
  let tokens = 0
  for (const tool of toolbox.ranked) {
    if (chosen.size >= most) break
    if (limits.tokens !== undefined && tokens + cost(tool, limits) > limits.tokens) continue
    chosen.add(tool)
    tokens += cost(tool, limits)
  }
  return tools.filter((tool) => chosen.has(tool))
}

/** How many tools a model can distinguish, by its billions of parameters: what its server states, else its name. */
export const countFor = (
  { name, params }: { readonly name: string; readonly params?: string | undefined },
  limits: ReadonlyArray<{ readonly billions: number; readonly tools: number }>,
  otherwise: number
): number => {
  const billions = (ModelName.sizeIn(params ?? "") ?? ModelName.sizeIn(name))?.billions
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

const withNames = (tools: ReadonlyArray<CatalogTool>, names: ReadonlyArray<string>): ReadonlyArray<CatalogTool> => {
  const byName = new Map(tools.map((tool) => [tool.name, tool]))
  return names.flatMap((name) => byName.get(name) ?? [])
}
