/**
 * What a person reads of the bench: a line for each trial, a table of models and forms, and one of what the tasks are for.
 * Pure.
 */
import { type BenchReport, EvalTrial } from "@lms-bridge/core/AgentLoop"
import * as Table from "../../views/Table.ts"
import * as Words from "../../views/Words.ts"

/** `rename · qwen2.5, bound · 2 of 3`. */
export const nameOf = (
  trial: { readonly task: string; readonly variant: EvalTrial.Variant; readonly number: number },
  times: number
): string =>
  [trial.task, EvalTrial.label(trial.variant), ...(times === 1 ? [] : [`${trial.number} of ${times}`])].join(" · ")

/** The line of a trial that has ended. */
export const line = (trial: BenchReport.BenchTrial, times: number): string =>
  `${marks[trial.verdict]} ${nameOf(trial, times)}: ${verdicts[trial.verdict]} in ${Words.duration(trial.millis)}${trial.why === undefined ? "" : `: ${trial.why}`}`

/** The tables at the end. `forms`: which form runs of each model take, and how that is known. */
export const text = (report: BenchReport.BenchReport, forms: ReadonlyMap<string, string>, columns?: number): string => {
  const rows = report.rows.filter(({ trials }) => trials > 0)
  return [
    Table.render(headings, rows.map(rowOf), columns),
    ...(rows.length === 0 ? [] : ["", Table.render(["DONE", ...rows.map(shortOf)], byKind(report), columns)]),
    "",
    ...[...forms].map(([model, why]) => `Calls of ${model}: ${why}`),
    cost(report),
    ...notes(report)
  ].join("\n")
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const verdicts: Readonly<Record<EvalTrial.Verdict, string>> = {
  passed: "done",
  wrong: "called done but wrong",
  "not-done": "not done",
  error: "error of the bench"
}

const marks: Readonly<Record<EvalTrial.Verdict, string>> = { passed: "✓", wrong: "✗", "not-done": "✗", error: "!" }

const headings = [
  "MODEL",
  "CALLS",
  "DONE",
  "CALLED DONE BUT WRONG",
  "NOT DONE",
  "ERRORS",
  "TIME",
  "TOKENS/S",
  "TOKENS READ",
  "WRITTEN"
]

const some = (number: number) => (number === 0 ? "" : String(number))

const rowOf = (row: BenchReport.BenchRow): ReadonlyArray<string> => [
  row.model,
  `${row.form ?? ""}${row.best === true ? ", best" : ""}`,
  `${row.passed} of ${row.trials}`,
  some(row.wrong),
  some(row.notDone),
  some(row.errors),
  Words.duration(row.millis),
  row.tokensPerSecond === undefined ? "" : row.tokensPerSecond.toFixed(1),
  String(row.usage.inputTokens),
  String(row.usage.outputTokens)
]

const shortOf = ({ name }: BenchReport.BenchRow) => name

const byKind = ({ rows, trials }: BenchReport.BenchReport): ReadonlyArray<ReadonlyArray<string>> =>
  [...new Set(trials.map(({ kind }) => kind))].map((kind) => [
    kind,
    ...rows
      .filter((row) => row.trials > 0)
      .map(({ name }) => {
        const own = trials.filter((trial) => trial.kind === kind && EvalTrial.label(trial.variant) === name)
        return own.length === 0
          ? "not tried"
          : `${own.filter(({ verdict }) => verdict === "passed").length} of ${own.length}`
      })
  ])

const cost = ({ total: { millis, usage } }: BenchReport.BenchReport) =>
  `Cost: ${(millis / 1000).toFixed(1)} s, ${usage.inputTokens} tokens read, ${usage.outputTokens} written.`

const notes = ({ planned, total }: BenchReport.BenchReport): ReadonlyArray<string> => [
  ...(total.errors === 0
    ? []
    : [`${Words.count(total.errors, "error")} of the bench itself: they say nothing of a model.`]),
  ...(total.trials < planned ? [`Stopped after ${total.trials} of ${planned} trials.`] : [])
]
