/**
 * What is known of a model in words, for a table: one row for each ability and measure, how it is known, and what a weaker
 * source says against it. Pure.
 */
import * as DateTime from "effect/DateTime"
import { type Build, type Capability, type Evidence, isMeasure } from "./Evidence.ts"
import type { Known } from "./Known.ts"

export const headings = ["CAN", "", "KNOWN BY", "COUNTS", "ON"]

export const rows = (known: Known): ReadonlyArray<ReadonlyArray<string>> =>
  known.map(({ capability, evidence: [best, ...others] }) => [
    words[capability],
    valueOf(capability, best),
    sources[best.source],
    [
      ...(isMeasure(capability) || best.trials === 0 ? [] : [`${best.value ?? 0} of ${best.trials}`]),
      ...(best.detail === undefined ? [] : [best.detail.replace(/\.$/, "")]),
      ...others
        .filter((other) => !isMeasure(capability) && other.holds !== best.holds)
        .slice(0, 1)
        .map((other) => `${against[other.source]} ${other.holds ? "yes" : "no"}`)
    ].join(", "),
    best.at === 0 ? "" : DateTime.formatIsoDateUtc(DateTime.unsafeMake(best.at))
  ])

/** The same in Markdown. */
export const markdown = (known: Known): string =>
  [headings, headings.map(() => "---"), ...rows(known)]
    .map((row) => `| ${row.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`)
    .join("\n")

/** In a few words: what it can, without what nothing but the name suggests. */
export const brief = (known: Known): string =>
  known
    .flatMap(({ capability, evidence: [best] }) => {
      const word = short[capability]
      return word === undefined || !best.holds ? [] : [best.source === "named" ? `${word}?` : word]
    })
    .filter((word, index, all) => all.indexOf(word) === index)
    .join(", ")

/** Whether it was tried here, and how fast it was. */
export const tried = (known: Known): string =>
  known.some(({ evidence: [best] }) => best.source === "verified")
    ? [
        "yes",
        ...known.flatMap(({ capability, evidence: [best] }) =>
          capability === "tokensPerSecond" ? [valueOf(capability, best)] : []
        )
      ].join(", ")
    : ""

export const buildWords = ({ engine, quantization, template, variant }: Build): string => {
  const words = [variant ?? quantization, engine, ...(template === undefined ? [] : [`template ${template}`])]
    .filter((part) => part !== undefined)
    .join(", ")
  return words === "" ? "a build that is not known" : words
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const words: Readonly<Record<Capability, string>> = {
  toolsInTemplate: "be told of tools by its template",
  toolCalls: "call tools (native)",
  parallelToolCalls: "make two calls at once",
  callsInText: "call tools in its text (text)",
  boundSteps: "work in bound steps (bound)",
  tasks: "do the tasks of the bench",
  restraint: "leave tools alone that are not needed",
  jsonSchema: "answer by a JSON Schema",
  vision: "see images",
  reasoning: "think before it replies",
  reasoningSwitch: "think or not, as it is told",
  embeddings: "embed texts",
  context: "context that works",
  loadSeconds: "load",
  firstTokenSeconds: "first token after 500 tokens",
  tokensPerSecond: "speed after 500 tokens",
  tokensPerSecondLong: "speed after half of the context",
  dimensions: "length of its vectors",
  millisPerText: "time for a text"
}

const short: { readonly [K in Capability]?: string } = {
  toolCalls: "tools",
  callsInText: "tools",
  boundSteps: "tools",
  jsonSchema: "schema",
  vision: "vision",
  reasoning: "thinking",
  embeddings: "embeddings"
}

const rounded = (value: number) => Math.round(value * 10) / 10

const units: { readonly [K in Capability]?: (value: number) => string } = {
  context: (tokens) => `${Math.round(tokens)} tokens`,
  loadSeconds: (seconds) => `${rounded(seconds)} s`,
  firstTokenSeconds: (seconds) => `${rounded(seconds)} s`,
  tokensPerSecond: (speed) => `${rounded(speed)} tokens/s`,
  tokensPerSecondLong: (speed) => `${rounded(speed)} tokens/s`,
  dimensions: (numbers) => `${numbers} numbers`,
  millisPerText: (millis) => (millis < 1 ? "less than 1 ms" : `${Math.round(millis)} ms`)
}

const valueOf = (capability: Capability, { holds, source, value }: Evidence): string => {
  if (isMeasure(capability)) return value === undefined || !holds ? "no" : (units[capability]?.(value) ?? String(value))
  return source === "named" ? (holds ? "perhaps" : "hardly") : holds ? "yes" : "no"
}

const sources: Readonly<Record<Evidence["source"], string>> = {
  verified: "tried here",
  observed: "runs here",
  declared: "declared",
  named: "guess by its name"
}

const against: Readonly<Record<Evidence["source"], string>> = {
  verified: "trials say",
  observed: "runs say",
  declared: "declared",
  named: "its name says"
}
