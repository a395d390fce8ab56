/**
 * `stats`: what the kept runs took, by day and model.
 */
import * as Command from "@effect/cli/Command"
import { RunAccount, RunJournal, RunTotals } from "@lms-bridge/core/RunJournal"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as SharedOptions from "../../options/SharedOptions.ts"
import { Screen } from "../../terminal/Screen.ts"
import * as Table from "../../views/Table.ts"
import * as Words from "../../views/Words.ts"

export const command = Command.make("stats", {
  days: SharedOptions.checked({
    name: "days",
    pseudoName: "N",
    description: "Only the runs of the last N days. Default: all kept runs.",
    decode: Schema.decodeUnknownOption(Schema.NumberFromString.pipe(Schema.int(), Schema.between(1, 100_000))),
    allowed: "a whole number from 1"
  }),
  json: SharedOptions.json("Print the totals as JSON.")
}).pipe(
  Command.withDescription("Show the tokens and the time of the kept runs, by day and model."),
  Command.withHandler(
    Effect.fnUntraced(function* ({ days, json }) {
      const screen = yield* Screen
      const journal = yield* RunJournal
      const now = yield* Clock.currentTimeMillis
      const oldest = Option.match(days, {
        onNone: () => Number.NEGATIVE_INFINITY,
        onSome: (days) => now - Duration.toMillis(Duration.days(days))
      })
      const wanted = (yield* journal.list).filter(({ startedAt }) => startedAt >= oldest)
      // one journal at a time: a long one is large
      const each = yield* Effect.forEach(wanted, ({ runId }) =>
        Effect.map(Effect.option(journal.read(runId)), (events) =>
          Option.map(Option.flatMap(events, RunAccount.of), (account) => RunTotals.of(account, dayOf))
        )
      )
      const totals = RunTotals.grouped(each.flatMap(Option.toArray).filter(({ requests }) => requests > 0))
      if (json) return yield* screen.out(encode(totals))
      if (totals.length === 0) return yield* screen.err("No kept run has asked a model in that time.")
      yield* screen.out(render(totals, screen.columns))
    })
  )
)

export const render = (totals: ReadonlyArray<RunTotals.RunTotal>, columns?: number): string => {
  const [first, ...rest] = totals
  const all =
    first === undefined || rest.length === 0 ? [] : [{ ...rest.reduce(RunTotals.sum, first), day: "all", model: "" }]
  return Table.render(
    ["DAY", "MODEL", "RUNS", "REQUESTS", "TOOL CALLS", "TOKENS READ", "WRITTEN", "TIME"],
    [...totals, ...all].map(({ day, model, requests, runs, seconds, tokensRead, tokensWritten, toolCalls }) => [
      day,
      model,
      String(runs),
      String(requests),
      String(toolCalls),
      String(tokensRead),
      String(tokensWritten),
      Words.duration(seconds * 1000)
    ]),
    columns
  )
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** In the zone of this machine. */
const dayOf = (at: number) =>
  DateTime.formatIsoDate(DateTime.unsafeMakeZoned(at, { timeZone: DateTime.zoneMakeLocal() }))

const encode = Schema.encodeSync(Schema.parseJson(Schema.Array(RunTotals.RunTotal)))
