/** What is known of a model on this machine, and how it is known. One record for each model, one row for each build of it. */
import * as Schema from "effect/Schema"
import { optional } from "../schema/Fields.ts"

/** Strongest first: tried here, a tally over finished runs, the server's word, a pattern in the name. */
export const EvidenceSource = Schema.Literal("verified", "observed", "declared", "named")

/** `value` of `trials` succeeded. */
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
 */
export const Capability = Schema.Literal(
  "toolsInTemplate",
  "toolCalls",
  "parallelToolCalls",
  "callsInText",
  "boundSteps",
  "reasoning"
)
export type Capability = typeof Capability.Type

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

/** By the names of capabilities; those that this version does not know are kept as they are. */
export const EvidenceRow = Schema.Struct({
  build: Build,
  /** When it was tried last, in epoch milliseconds. */
  at: Schema.Number,
  /** Why the last attempt to find out did not end. */
  unfinished: optional(Schema.String),
  evidence: Schema.Record({ key: Schema.String, value: Evidence })
})
export type EvidenceRow = typeof EvidenceRow.Type

export const ModelRecord = Schema.Struct({
  version: Schema.Literal(1),
  model: Schema.String,
  /** The newest first. */
  rows: Schema.Array(EvidenceRow)
})
export type ModelRecord = typeof ModelRecord.Type

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
