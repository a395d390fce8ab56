/** Totals over many runs, by day and model. Pure: made from the account of each run. */
import * as Schema from "effect/Schema"
import * as RunAccount from "./RunAccount.ts"

export const RunTotal = Schema.Struct({
  /** `2026-11-28`, in the zone of the reader. */
  day: Schema.String,
  model: Schema.String,
  runs: Schema.Int,
  requests: Schema.Int,
  toolCalls: Schema.Int,
  tokensRead: Schema.Int,
  tokensWritten: Schema.Int,
  seconds: Schema.Number
})
export type RunTotal = typeof RunTotal.Type

/** What one run adds. `dayOf` tells the day of a time in epoch milliseconds. */
export const of = (account: RunAccount.RunAccount, dayOf: (at: number) => string): RunTotal => {
  const { rounds, toolCalls, wallMillis } = RunAccount.used(account.state)
  const { inputTokens, outputTokens } = account.state.usage
  return {
    day: dayOf(account.startedAt),
    model: RunAccount.model(account) ?? "",
    runs: 1,
    requests: rounds,
    toolCalls,
    tokensRead: inputTokens,
    tokensWritten: outputTokens,
    seconds: Math.round(wallMillis / 100) / 10
  }
}

/** One total for each day and model, newest day first; within a day the most tokens first. */
export const grouped = (totals: ReadonlyArray<RunTotal>): ReadonlyArray<RunTotal> => {
  const groups = new Map<string, RunTotal>()
  for (const total of totals) {
    const key = `${total.day} ${total.model}`
    const before = groups.get(key)
    groups.set(key, before === undefined ? total : sum(before, total))
  }
  return [...groups.values()].toSorted(
    (one, other) =>
      other.day.localeCompare(one.day) || tokens(other) - tokens(one) || one.model.localeCompare(other.model)
  )
}

/** Day and model are those of the first. */
export const sum = (one: RunTotal, other: RunTotal): RunTotal => ({
  day: one.day,
  model: one.model,
  runs: one.runs + other.runs,
  requests: one.requests + other.requests,
  toolCalls: one.toolCalls + other.toolCalls,
  tokensRead: one.tokensRead + other.tokensRead,
  tokensWritten: one.tokensWritten + other.tokensWritten,
  seconds: Math.round((one.seconds + other.seconds) * 10) / 10
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const tokens = ({ tokensRead, tokensWritten }: RunTotal) => tokensRead + tokensWritten
