/** What came of all trials. Pure. */
import * as Schema from "effect/Schema"
import { Usage } from "../lmstudio/Chat.ts"
import { label, type Planned, Trial, Variant, type Verdict } from "./Trial.ts"

const counts = {
  trials: Schema.NonNegativeInt,
  passed: Schema.NonNegativeInt,
  /** Of the passed ones, those that a model judged. */
  judged: Schema.NonNegativeInt,
  wrong: Schema.NonNegativeInt,
  notDone: Schema.NonNegativeInt,
  errors: Schema.NonNegativeInt,
  usage: Usage,
  millis: Schema.NonNegative
}

/** `models` are those that answered. */
export const VariantSummary = Schema.Struct({
  name: Schema.String,
  variant: Variant,
  models: Schema.Array(Schema.String),
  ...counts
})
export type VariantSummary = typeof VariantSummary.Type

/** `planned` is larger than `total.trials` where the eval was stopped. */
export const EvalReport = Schema.Struct({
  planned: Schema.NonNegativeInt,
  variants: Schema.Array(VariantSummary),
  total: Schema.Struct(counts),
  trials: Schema.Array(Trial)
})
export type EvalReport = typeof EvalReport.Type

export const of = (planned: ReadonlyArray<Planned>, trials: ReadonlyArray<Trial>): EvalReport => {
  const names = new Map(planned.map(({ variant }) => [label(variant), variant]))
  return {
    planned: planned.length,
    variants: [...names].map(([name, variant]) => {
      const own = trials.filter((trial) => label(trial.variant) === name)
      return { name, variant, models: [...new Set(own.flatMap(({ model }) => model ?? []))], ...count(own) }
    }),
    total: count(trials),
    trials
  }
}

/** How often each task passed with each variant. */
export const matrix = ({ trials, variants }: EvalReport) =>
  [...new Set(trials.map(({ task }) => task))].map((task) => ({
    task,
    cells: variants.map(({ name }) =>
      count(trials.filter((trial) => trial.task === task && label(trial.variant) === name))
    )
  }))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const count = (trials: ReadonlyArray<Trial>) => {
  const number = (verdict: Verdict) => trials.filter((trial) => trial.verdict === verdict).length
  const sum = (of: (trial: Trial) => number) => trials.reduce((before, trial) => before + of(trial), 0)
  return {
    trials: trials.length,
    passed: number("passed"),
    judged: trials.filter(({ judged, verdict }) => judged && verdict === "passed").length,
    wrong: number("wrong"),
    notDone: number("not-done"),
    errors: number("error"),
    usage: { inputTokens: sum(({ usage }) => usage.inputTokens), outputTokens: sum(({ usage }) => usage.outputTokens) },
    millis: sum(({ millis }) => millis)
  }
}
