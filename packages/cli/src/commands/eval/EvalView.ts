/**
 * What a person reads of an eval: a line for each trial, tables at the end, and the same as Markdown. Pure.
 */
import { EvalSummary, EvalTrial } from "@lms-bridge/core/AgentLoop"
import { ModelName } from "@lms-bridge/core/ModelCatalog"
import * as Table from "../../views/Table.ts"
import * as Words from "../../views/Words.ts"

/** `port · qwen2.5, bound · 2 of 3`. */
export const nameOf = (
  trial: { readonly task: string; readonly variant: EvalTrial.Variant; readonly number: number },
  times: number
): string =>
  [trial.task, EvalTrial.label(trial.variant), ...(times === 1 ? [] : [`${trial.number} of ${times}`])].join(" · ")

/** The line of a trial that has ended. */
export const line = (trial: EvalTrial.Trial, times: number): string =>
  `${marks[trial.verdict]} ${nameOf(trial, times)}: ${verdicts[trial.verdict]}${trial.judged ? " by a judge" : ""} in ${Words.duration(trial.millis)}${trial.why === undefined ? "" : `: ${trial.why}`}`

/** The tables at the end. */
export const text = (report: EvalSummary.EvalReport, columns?: number): string =>
  [
    Table.render(headings, rows(report), columns),
    ...(report.variants.length > 1 && report.trials.length > 0
      ? ["", Table.render(["TASK", ...report.variants.map(({ name }) => name)], byTask(report), columns)]
      : []),
    "",
    cost(report),
    ...notes(report)
  ].join("\n")

/** The report as Markdown. `source` says where the trials come from. */
export const markdown = (
  report: EvalSummary.EvalReport,
  {
    date,
    source,
    times,
    version
  }: { readonly date: string; readonly source: string; readonly times: number; readonly version: string }
): string => {
  const failed = report.trials.filter(({ verdict }) => verdict !== "passed")
  return [
    "# Eval",
    "",
    `${date}, lms-bridge ${version}, ${source}. ${Words.count(new Set(report.trials.map(({ task }) => task)).size, "task")}, each tried ${times === 1 ? "once" : `${times} times`}.`,
    "",
    ...markdownTable(headings.map(sentence), rows(report)),
    "",
    cost(report),
    ...notes(report),
    "",
    "## By task",
    "",
    ...markdownTable(["Task", ...report.variants.map(({ name }) => name)], byTask(report)),
    ...(failed.length === 0
      ? []
      : [
          "",
          "## Not passed",
          "",
          ...failed.map(
            (trial) =>
              `- ${cell(nameOf(trial, times))}: **${verdicts[trial.verdict]}**${trial.judged ? " by a judge" : ""}${trial.why === undefined ? "" : `: ${cell(trial.why)}`}${trial.runId === undefined ? "" : ` (\`runs show ${trial.runId}\`)`}`
          )
        ]),
    ""
  ].join("\n")
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const verdicts: Readonly<Record<EvalTrial.Verdict, string>> = {
  passed: "passed",
  wrong: "called done but wrong",
  "not-done": "not done",
  error: "error of the eval"
}

const marks: Readonly<Record<EvalTrial.Verdict, string>> = { passed: "✓", wrong: "✗", "not-done": "✗", error: "!" }

const headings = [
  "MODEL",
  "PASSED",
  "BY A JUDGE",
  "CALLED DONE BUT WRONG",
  "NOT DONE",
  "ERRORS",
  "TIME",
  "TOKENS READ",
  "WRITTEN"
]

const sentence = (heading: string) => heading.charAt(0) + heading.slice(1).toLowerCase()

/** Which models it was, where the name leaves that open. */
const withModels = (name: string, model: string | undefined, models: ReadonlyArray<string>) => {
  const open = model === undefined ? "default model" : ModelName.isAuto(model) ? model : undefined
  return open === undefined || models.length === 0 ? name : name.replace(open, () => `${open} ${models.join(", ")}`)
}

const some = (number: number) => (number === 0 ? "" : String(number))

const rows = ({ variants }: EvalSummary.EvalReport): ReadonlyArray<ReadonlyArray<string>> =>
  variants.map(({ errors, judged, millis, models, name, notDone, passed, trials, usage, variant, wrong }) => [
    withModels(name, variant.model, models),
    `${passed} of ${trials}`,
    some(judged),
    some(wrong),
    some(notDone),
    some(errors),
    Words.duration(millis),
    String(usage.inputTokens),
    String(usage.outputTokens)
  ])

const byTask = (report: EvalSummary.EvalReport): ReadonlyArray<ReadonlyArray<string>> =>
  EvalSummary.matrix(report).map(({ cells, task }) => [
    task,
    ...cells.map(({ errors, judged, notDone, passed, trials, wrong }) => {
      if (trials === 0) return "not tried"
      const parts = [
        ...(judged === 0 ? [] : [`${judged} by a judge`]),
        ...(wrong === 0 ? [] : [`${wrong} wrong`]),
        ...(notDone === 0 ? [] : [`${notDone} not done`]),
        ...(errors === 0 ? [] : [Words.count(errors, "error")])
      ]
      return `${passed} of ${trials}${parts.length === 0 ? "" : ` (${parts.join(", ")})`}`
    })
  ])

const cost = ({ total: { millis, usage } }: EvalSummary.EvalReport) =>
  `Cost: ${(millis / 1000).toFixed(1)} s, ${usage.inputTokens} tokens read, ${usage.outputTokens} written.`

const notes = ({ planned, total }: EvalSummary.EvalReport): ReadonlyArray<string> => [
  ...(total.judged === 0
    ? []
    : [`${total.judged} of ${total.passed} passed because a model judged so, which may be wrong.`]),
  ...(total.errors === 0
    ? []
    : [`${Words.count(total.errors, "error")} of the eval itself: they say nothing of a model.`]),
  ...(total.trials < planned ? [`Stopped after ${total.trials} of ${planned} trials.`] : [])
]

const cell = (text: string) => Words.oneLine(text).replaceAll(/[|<>*_`\\[\]]/g, (mark) => `\\${mark}`)

const markdownTable = (titles: ReadonlyArray<string>, lines: ReadonlyArray<ReadonlyArray<string>>) => {
  const used = titles.map((_, column) => lines.some((line) => (line[column] ?? "") !== ""))
  const row = (cells: ReadonlyArray<string>) =>
    `| ${cells
      .filter((_, column) => used[column])
      .map(cell)
      .join(" | ")} |`
  return [row(titles), row(titles.map(() => "---")).replaceAll("\\", ""), ...lines.map(row)]
}
