/** What came of the tasks of the bench, model by model and form by form, and what of it is evidence. Pure. */
import * as Schema from "effect/Schema"
import { ToolForm } from "../../agent/ToolForm.ts"
import type { Evidence, FormsTried } from "../../registry/Evidence.ts"
import * as FormByEvidence from "../../registry/FormByEvidence.ts"
import { optional, present } from "../../schema/Fields.ts"
import * as Summary from "../Summary.ts"
import { type Planned, Trial } from "../Trial.ts"

export const BenchTrial = Schema.Struct({
  ...Trial.fields,
  /** What the task is for. */
  kind: Schema.String,
  /** The form of calls that the run got. */
  form: ToolForm,
  /** Tokens, and the time from the first to the last of each reply. */
  writing: Schema.Struct({ tokens: Schema.NonNegative, millis: Schema.NonNegative })
})
export type BenchTrial = typeof BenchTrial.Type

export const BenchRow = Schema.Struct({
  ...Summary.VariantSummary.fields,
  model: Schema.String,
  /** Undefined where no trial was made. */
  form: optional(ToolForm),
  /** Of several forms, the one with most tasks done. */
  best: optional(Schema.Literal(true)),
  tokensPerSecond: optional(Schema.Number),
  planned: Schema.NonNegativeInt
})
export type BenchRow = typeof BenchRow.Type

export const BenchReport = Schema.Struct({
  planned: Schema.NonNegativeInt,
  rows: Schema.Array(BenchRow),
  total: Summary.EvalReport.fields.total,
  trials: Schema.Array(BenchTrial),
  /** Models of which nothing could be tried. */
  failed: Schema.Array(Schema.Struct({ model: Schema.String, tag: Schema.String, message: Schema.String }))
})
export type BenchReport = typeof BenchReport.Type

export const of = (
  planned: ReadonlyArray<Planned>,
  trials: ReadonlyArray<BenchTrial>,
  failed: BenchReport["failed"]
): BenchReport => {
  const { total, variants } = Summary.of(planned, trials)
  const rows = variants.map((summary): BenchRow => {
    const own = trials.filter(({ variant }) => isSame(variant, summary.variant))
    const { model = "" } = summary.variant
    const form = summary.variant.toolForm ?? own[0]?.form
    return {
      ...summary,
      model,
      planned: planned.filter(({ variant }) => isSame(variant, summary.variant)).length,
      ...present({ form, tokensPerSecond: speedOf(own) })
    }
  })
  return {
    planned: planned.length,
    rows: rows.map((row) => (row.form === bestOf(rows, row.model) ? { ...row, best: true } : row)),
    total,
    trials,
    failed
  }
}

/**
 * The evidence of all trials of one model: undefined where some are left, or failed for no fault of the model. Of several
 * forms, the best one counts, as runs can take it.
 */
export const evidenceOf = (
  planned: ReadonlyArray<Planned>,
  trials: ReadonlyArray<BenchTrial>,
  at: number
): { readonly tasks: Evidence; readonly forms?: FormsTried } | undefined => {
  const { rows, total } = of(planned, trials, [])
  if (total.errors > 0 || total.trials < planned.length) return undefined
  const row = rows.find(({ best }) => best === true) ?? rows[0]
  if (row === undefined || row.trials === 0) return undefined
  const tasks: Evidence = {
    source: "verified",
    holds: row.passed * 2 > row.trials,
    value: row.passed,
    trials: row.trials,
    at,
    ...(row.wrong === 0 ? {} : { detail: `${row.wrong} called done but wrong` })
  }
  return rows.length < 2 ? { tasks } : { tasks, forms: { at, ...triedOf(rows) } }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const isSame = (one: Trial["variant"], other: Trial["variant"]) =>
  one.model === other.model && one.toolForm === other.toolForm

const speedOf = (trials: ReadonlyArray<BenchTrial>): number | undefined => {
  const tokens = trials.reduce((sum, { writing }) => sum + writing.tokens, 0)
  const millis = trials.reduce((sum, { writing }) => sum + writing.millis, 0)
  return millis === 0 ? undefined : (tokens * 1000) / millis
}

const triedOf = (rows: ReadonlyArray<BenchRow>): Omit<FormsTried, "at"> =>
  Object.fromEntries(
    rows.flatMap(({ form, millis, passed, trials, wrong }) =>
      form === undefined || trials === 0 ? [] : [[form, { done: passed, wrong, tasks: trials, seconds: millis / 1000 }]]
    )
  )

/** Only forms of which everything was tried are compared. */
const bestOf = (rows: ReadonlyArray<BenchRow>, model: string): ToolForm | undefined => {
  const own = rows.filter((row) => row.model === model)
  const whole = own.every(({ errors, planned, trials }) => errors === 0 && trials === planned)
  return own.length < 2 || !whole ? undefined : FormByEvidence.bestOf({ at: 0, ...triedOf(own) })
}
