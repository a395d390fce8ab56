/** What is known of a model on this machine, and how it is known. One record for each model, one row for each build of it. */
import * as Schema from "effect/Schema"
import type { EmbeddingUse } from "../models/catalog/ModelEvidence.ts"
import { optional, present } from "../schema/Fields.ts"

/** Strongest first: tried here, a tally over finished runs, the server's word, a pattern in the name. */
export const EvidenceSource = Schema.Literal("verified", "observed", "declared", "named")

/** Of an ability, `value` of `trials` succeeded; of a measure, `value` is what was measured, the median of `trials`. */
export const Evidence = Schema.Struct({
  source: EvidenceSource,
  holds: Schema.Boolean,
  value: optional(Schema.Number),
  trials: Schema.NonNegativeInt,
  /** Epoch milliseconds. */
  at: Schema.Number,
  detail: optional(Schema.String)
})
export type Evidence = typeof Evidence.Type

/**
 * What evidence can be about. `toolsInTemplate`: the chat template tells the model of its tools. `toolCalls`,
 * `callsInText`, `boundSteps`: calls in the three forms (`ToolForm`), a result that ends in an answer among the trials.
 * `reasoningSwitch`: it thinks, or does not, as a request says. `embeddings`: vectors of texts. `restraint`: no call where none is needed. `tasks`: the tasks of the bench.
 */
export const Ability = Schema.Literal(
  "toolsInTemplate",
  "toolCalls",
  "parallelToolCalls",
  "callsInText",
  "boundSteps",
  "restraint",
  "tasks",
  "jsonSchema",
  "vision",
  "reasoning",
  "reasoningSwitch",
  "embeddings"
)
export type Ability = typeof Ability.Type

/** What has a value: tokens of context from whose every part it answers, seconds, tokens a second, numbers in a vector. */
export const Measure = Schema.Literal(
  "context",
  "loadSeconds",
  "firstTokenSeconds",
  "tokensPerSecond",
  "tokensPerSecondLong",
  "dimensions",
  "millisPerText"
)
export type Measure = typeof Measure.Type

export const Capability = Schema.Union(Ability, Measure)
export type Capability = typeof Capability.Type

export const isMeasure = Schema.is(Measure)

/** What a model is run from, as far as the server tells. Evidence of one build says nothing of another. */
export const Build = Schema.Struct({
  variant: optional(Schema.String),
  quantization: optional(Schema.String),
  /** A fingerprint of the chat template. */
  template: optional(Schema.String),
  /** The engine with its version. */
  engine: optional(Schema.String)
})
export type Build = typeof Build.Type

/** Whether two builds may be the same: what one of them does not say cannot differ. */
export const sameBuild = (left: Build, right: Build): boolean =>
  (["variant", "quantization", "template", "engine"] as const).every(
    (field) => left[field] === undefined || right[field] === undefined || left[field] === right[field]
  )

const Counted = Schema.Struct({ valid: Schema.NonNegativeInt, refused: Schema.NonNegativeInt })

/** What finished runs have shown, counted. */
export const Tally = Schema.Struct({
  runs: Schema.NonNegativeInt,
  /** Those that ended with an answer. */
  done: Schema.NonNegativeInt,
  /** Calls that could be made, and calls that could not, by the form in which they came. */
  native: Counted,
  text: Counted,
  bound: Counted,
  /** Answers that had to fit a schema. */
  schemaMet: Schema.NonNegativeInt,
  schemaMissed: Schema.NonNegativeInt,
  /** How often a run went in circles. */
  stalls: Schema.NonNegativeInt,
  /** Replies that would have ended a run and were no answer. */
  falseEnds: Schema.NonNegativeInt,
  /** The end of the last of them, in epoch milliseconds. */
  at: Schema.Number
})
export type Tally = typeof Tally.Type

/** What uses of an embedding model have shown: at most one in a process, and one more where the next showed otherwise. */
export const EmbeddingTally = Schema.Struct({
  answered: Schema.NonNegativeInt,
  refused: Schema.NonNegativeInt,
  /** Of the last that answered. */
  dimensions: optional(Schema.NonNegativeInt),
  millisPerText: optional(Schema.NonNegative),
  /** What the server said, where the last one refused. */
  said: optional(Schema.String),
  at: Schema.Number
})
export type EmbeddingTally = typeof EmbeddingTally.Type

/** Whole tasks of the bench with one form of calls. */
export const FormTried = Schema.Struct({
  done: Schema.NonNegativeInt,
  wrong: Schema.NonNegativeInt,
  tasks: Schema.NonNegativeInt,
  seconds: Schema.NonNegative
})
export type FormTried = typeof FormTried.Type

/** Where several forms were tried with the same tasks. */
export const FormsTried = Schema.Struct({
  at: Schema.Number,
  native: optional(FormTried),
  text: optional(FormTried),
  bound: optional(FormTried)
})
export type FormsTried = typeof FormsTried.Type

/** By the names of capabilities; those that this version does not know are kept as they are. */
export const EvidenceRow = Schema.Struct({
  build: Build,
  /** When it was tried last, in epoch milliseconds. */
  at: Schema.Number,
  /** Why the last attempt to find out did not end. */
  unfinished: optional(Schema.String),
  evidence: Schema.Record({ key: Schema.String, value: Evidence }),
  observed: optional(Tally),
  embedded: optional(EmbeddingTally),
  forms: optional(FormsTried)
})
export type EvidenceRow = typeof EvidenceRow.Type

export const ModelRecord = Schema.Struct({
  version: Schema.Literal(1),
  model: Schema.String,
  /** The newest first. */
  rows: Schema.Array(EvidenceRow)
})
export type ModelRecord = typeof ModelRecord.Type

/** The row with what was tried now in place of what was tried before; what was not tried now stays. */
export const withEvidence = (
  row: EvidenceRow | undefined,
  tried: Omit<EvidenceRow, "observed" | "embedded" | "forms">
): EvidenceRow => ({
  ...tried,
  evidence: { ...row?.evidence, ...tried.evidence },
  ...present({ observed: row?.observed, embedded: row?.embedded, forms: row?.forms })
})

/** The row with what came of the tasks of the bench. When its calls were tried last stays. */
export const withTasks = (
  row: EvidenceRow | undefined,
  build: Build,
  tasks: Evidence,
  forms?: FormsTried
): EvidenceRow => ({
  at: tasks.at,
  ...row,
  build: { ...row?.build, ...build },
  evidence: { ...row?.evidence, tasks },
  ...present({ forms: forms ?? row?.forms })
})

/** The row with one more tally. */
export const withTally = (row: EvidenceRow | undefined, build: Build, tally: Tally): EvidenceRow => ({
  ...(row ?? { at: tally.at, evidence: {} }),
  build: { ...row?.build, ...build },
  observed: row?.observed === undefined ? tally : sum(row.observed, tally)
})

/** The row with one more use of an embedding model. */
export const withEmbedding = (
  row: EvidenceRow | undefined,
  build: Build,
  use: EmbeddingUse,
  at: number
): EvidenceRow => {
  const { said: _, ...before } = row?.embedded ?? { answered: 0, refused: 0 }
  return {
    ...(row ?? { at, evidence: {} }),
    build: { ...row?.build, ...build },
    embedded:
      use._tag === "Refused"
        ? { ...before, refused: before.refused + 1, said: use.said, at }
        : {
            ...before,
            answered: before.answered + 1,
            dimensions: use.dimensions,
            millisPerText: use.millisPerText,
            at
          }
  }
}

export const noTally: Tally = {
  runs: 0,
  done: 0,
  native: { valid: 0, refused: 0 },
  text: { valid: 0, refused: 0 },
  bound: { valid: 0, refused: 0 },
  schemaMet: 0,
  schemaMissed: 0,
  stalls: 0,
  falseEnds: 0,
  at: 0
}

export const sum = (one: Tally, other: Tally): Tally => ({
  runs: one.runs + other.runs,
  done: one.done + other.done,
  native: both(one.native, other.native),
  text: both(one.text, other.text),
  bound: both(one.bound, other.bound),
  schemaMet: one.schemaMet + other.schemaMet,
  schemaMissed: one.schemaMissed + other.schemaMissed,
  stalls: one.stalls + other.stalls,
  falseEnds: one.falseEnds + other.falseEnds,
  at: Math.max(one.at, other.at)
})

/** Whether its calls were tried, or the attempt to try them ended early. */
export const isTried = ({ evidence, forms, unfinished }: EvidenceRow): boolean =>
  unfinished !== undefined || forms !== undefined || calling.some((ability) => evidence[ability] !== undefined)

/** The row of this build among these. */
export const rowOf = (rows: ReadonlyArray<EvidenceRow>, build: Build): EvidenceRow | undefined =>
  rows.find((row) => sameBuild(row.build, build))

/** The record with this row in place of an older one of the same build. */
export const withRow = (model: string, rows: ReadonlyArray<EvidenceRow>, row: EvidenceRow): ModelRecord => ({
  version: 1,
  model,
  rows: [row, ...rows.filter(({ build }) => !sameBuild(build, row.build))].slice(0, mostRows)
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const mostRows = 20

/** In the three forms. */
const calling: ReadonlyArray<Ability> = ["toolCalls", "boundSteps", "callsInText"]

const both = (one: typeof Counted.Type, other: typeof Counted.Type) => ({
  valid: one.valid + other.valid,
  refused: one.refused + other.refused
})
