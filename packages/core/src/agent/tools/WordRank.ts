/**
 * Ranks tools by the words of a text: BM25 over their names, descriptions and parameters, with what else people say for the
 * same (`Vocabulary`). A server whose tools match as a whole lifts all of its tools. Pure and deterministic.
 */
import MiniSearch from "minisearch"
import * as Predicate from "effect/Predicate"
import type { CatalogTool } from "./CatalogTool.ts"
import { meanings, shapes, stems } from "./Vocabulary.ts"

export interface WordRank {
  readonly ranked: (text: string) => {
    /** All tools, best first. */
    readonly all: ReadonlyArray<CatalogTool>
    /** Those that have a word of the text, or one that means the same. */
    readonly matching: ReadonlyArray<CatalogTool>
  }
}

export const make = (tools: ReadonlyArray<CatalogTool>): WordRank => {
  const index = indexOf(tools)
  const scoresOf = (text: string): ReadonlyMap<number, number> => {
    const own = stems(text)
    const other = own.flatMap(meanings)
    const shaped = shapes(text)
    const search = (terms: ReadonlyArray<string>, weight: number) =>
      terms.length === 0
        ? []
        : index.search([...new Set(terms)].join(" ")).map(({ id, score }) => [Number(id), score * weight] as const)
    const scores = new Map<number, number>()
    for (const [id, score] of [...search(own, 1), ...search(other, ofMeaning), ...search(shaped, ofShape)]) {
      scores.set(id, (scores.get(id) ?? 0) + score)
    }
    return scores
  }
  return {
    ranked: (text) => {
      const scores = scoresOf(text)
      const ofServers = new Map<string, Array<number>>()
      for (const [id, { tool }] of tools.entries()) {
        ofServers.set(tool.server, [...(ofServers.get(tool.server) ?? []), id])
      }
      const entries = [...ofServers.values()].flatMap((ids) => {
        const best = ids.map((id) => scores.get(id) ?? 0).toSorted((a, b) => b - a)
        const lift = best.slice(0, bestOfServer).reduce((sum, score) => sum + score, 0) / bestOfServer
        return ids.map((id, turn) => ({ id, turn, score: (scores.get(id) ?? 0) + ofServer * lift }))
      })
      // where nothing matches, one of each server in turn
      const order = entries.toSorted((a, b) => b.score - a.score || a.turn - b.turn || a.id - b.id)
      return {
        all: order.flatMap(({ id }) => tools[id] ?? []),
        matching: order.flatMap(({ id }) => (scores.has(id) ? (tools[id] ?? []) : []))
      }
    }
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Beside a word itself: one that means the same, what the form of the text says, and how well the server matches. */
const ofMeaning = 1
const ofShape = 0.5
const ofServer = 0.3

/** A server is judged by its best tools. */
const bestOfServer = 3

const indexOf = (tools: ReadonlyArray<CatalogTool>): MiniSearch => {
  const index = new MiniSearch({
    fields: ["name", "server", "description", "parameters", "told"],
    tokenize: (text) => text.split(" ").filter((term) => term !== ""),
    processTerm: (term) => term,
    searchOptions: { boost: { name: 3, server: 1, description: 1, parameters: 0.5, told: 0.3 } }
  })
  index.addAll(
    tools.map(({ tool }, id) => {
      const properties = Predicate.isRecord(tool.inputSchema["properties"]) ? tool.inputSchema["properties"] : {}
      return {
        id,
        name: terms(tool.name),
        server: terms(tool.server),
        description: terms(`${tool.title ?? ""} ${tool.description}`),
        parameters: terms(Object.keys(properties).join(" ")),
        told: terms(Object.values(properties).map(toldOf).join(" "))
      }
    })
  )
  return index
}

/** What a parameter's schema says in words. */
const toldOf = (schema: unknown): string => {
  if (!Predicate.isRecord(schema)) return ""
  const { description, enum: values } = schema
  return [
    typeof description === "string" ? description : "",
    ...(Array.isArray(values) ? values.map(String) : [])
  ].join(" ")
}

/** The stems of a text and what they mean. */
const terms = (text: string): string =>
  stems(text)
    .flatMap((one) => [one, ...meanings(one)])
    .join(" ")
