/** The runs of some hours or days, by model, for the drawing of numbers. Pure. */
import type { RunLine } from "../Wire.ts"

export type Measure = "tokens" | "seconds" | "runs"

export const amount = (line: RunLine, measure: Measure): number =>
  measure === "runs"
    ? 1
    : measure === "seconds"
      ? line.millis / 1000
      : (line.inputTokens ?? 0) + (line.outputTokens ?? 0)

export interface Column {
  readonly from: number
  readonly to: number
  /** By model, in the order of `models`. */
  readonly values: ReadonlyArray<number>
}

export interface Totals {
  readonly models: ReadonlyArray<string>
  readonly columns: ReadonlyArray<Column>
  readonly lines: ReadonlyArray<RunLine>
}

/** The last `count` hours or days of local time, the present one last; models with the most first. */
export const of = (
  lines: Iterable<RunLine>,
  {
    count,
    measure,
    now,
    unit
  }: { readonly count: number; readonly measure: Measure; readonly now: number; readonly unit: "hour" | "day" }
): Totals => {
  const edges = Array.from({ length: count + 1 }, (_, index) => edge(now, unit, index - count + 1))
  const within = [...lines].filter(({ startedAt }) => startedAt >= (edges[0] ?? 0))
  const sums = new Map<string, number>()
  for (const line of within) sums.set(modelOf(line), (sums.get(modelOf(line)) ?? 0) + amount(line, measure))
  const models = [...sums].toSorted(([, a], [, b]) => b - a).map(([model]) => model)
  const columns = edges.slice(0, -1).map((from, index) => {
    const to = edges[index + 1] ?? from
    const inside = within.filter(({ startedAt }) => startedAt >= from && startedAt < to)
    return {
      from,
      to,
      values: models.map((model) =>
        inside.reduce((sum, line) => sum + (modelOf(line) === model ? amount(line, measure) : 0), 0)
      )
    }
  })
  return { models, columns, lines: within }
}

export const modelOf = ({ model = "no model" }: RunLine): string => model

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** By the calendar, because a day is not always 24 hours. */
const edge = (now: number, unit: "hour" | "day", steps: number): number => {
  const date = new Date(now)
  if (unit === "hour") date.setHours(date.getHours() + steps, 0, 0, 0)
  else {
    date.setHours(0, 0, 0, 0)
    date.setDate(date.getDate() + steps)
  }
  return date.getTime()
}
