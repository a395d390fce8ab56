/**
 * `runs ls`: lists the kept runs, newest first.
 */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { RunJournal, RunSummary } from "@lms-bridge/core/RunJournal"
import { table } from "@lms-bridge/core/Settings"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Screen } from "../../terminal/Screen.ts"
import * as SharedOptions from "../../options/SharedOptions.ts"
import * as Table from "../../views/Table.ts"
import * as Words from "../../views/Words.ts"

const statuses = ["running", "queued", "waiting", "done", "budget", "stalled", "failed", "unfinished"] as const

export const command = Command.make("ls", {
  limit: SharedOptions.checked({
    name: "limit",
    pseudoName: "N",
    description: "Maximum number of runs to list. Default: 20, and no limit with --json.",
    decode: Schema.decodeUnknownOption(Schema.NumberFromString.pipe(Schema.int(), Schema.positive())),
    allowed: "a whole number from 1"
  }),
  status: Options.choice("status", statuses).pipe(
    Options.withDescription(
      "Only runs that ended so. `failed` also lists those that failed before their first request."
    ),
    Options.optional
  ),
  model: Options.text("model").pipe(
    Options.withDescription("Only runs of models with this text in their name."),
    Options.withPseudoName("NAME"),
    Options.optional
  ),
  since: since("Only runs that were active within this time"),
  json: SharedOptions.listingJson
}).pipe(
  Command.withDescription("List the kept runs, newest first."),
  Command.withHandler(
    Effect.fnUntraced(function* ({ json, limit, model, since, status }) {
      const screen = yield* Screen
      const { list, unkept } = yield* RunJournal
      const now = yield* Clock.currentTimeMillis
      const kept = yield* list
      const asked = kept.filter(
        (run) =>
          Option.match(status, { onNone: () => true, onSome: (wanted) => run.status === wanted }) &&
          Option.match(model, { onNone: () => true, onSome: (text) => isIn(run.model ?? "", text) }) &&
          Option.match(since, { onNone: () => true, onSome: (age) => now - run.lastAt <= Duration.toMillis(age) })
      )
      if (json)
        return yield* screen.out(
          encode(
            asked.slice(
              0,
              Option.getOrElse(limit, () => asked.length)
            )
          )
        )
      const why = yield* unkept
      if (Option.isSome(why)) return yield* screen.err(`Runs are not kept. ${Words.oneLine(why.value.message)}`)
      if (kept.length === 0) return yield* screen.err("There are no runs yet. `lms-bridge run` starts one.")
      const begun = Option.isSome(status) ? asked : asked.filter((run) => !hasNotBegun(run))
      const shown = begun.slice(
        0,
        Option.getOrElse(limit, () => usual)
      )
      if (shown.length > 0) yield* screen.out(render(shown, now, screen.columns))
      const more = begun.length - shown.length
      const hidden = asked.length - begun.length
      if (shown.length === 0 && hidden === 0) yield* screen.err("No run is like that.")
      if (more > 0) yield* screen.err(`${more} more; --limit ${begun.length} lists ${more === 1 ? "it" : "them"}, too.`)
      if (hidden > 0) {
        yield* screen.err(
          `${Words.count(hidden, "run")} that failed before the first request ${hidden === 1 ? "is" : "are"} not listed; --status failed lists ${hidden === 1 ? "it" : "them"}.`
        )
      }
    })
  )
)

/** `1d`, `12h`, `30m`. */
export function since(description: string) {
  return SharedOptions.checked({
    name: "since",
    pseudoName: "DURATION",
    description: `${description}: \`30m\`, \`12h\`, \`7d\`.`,
    decode: table.runTimeout.decode,
    allowed: "a duration such as 30m, 12h or 7d"
  })
}

export const render = (runs: ReadonlyArray<RunSummary.RunSummary>, now: number, columns?: number): string =>
  Table.render(
    ["ID", "STATUS", "LAST ACTIVE", "ROUNDS", "MODEL", "TASK"],
    runs.map(({ lastAt, model, rounds, runId, status, task }) => [
      runId,
      status,
      `${Words.duration(Math.max(0, now - lastAt))} ago`,
      String(rounds),
      model ?? "",
      Words.oneLine(task, 60)
    ]),
    columns
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const usual = 20

const isIn = (name: string, text: string) => name.toLowerCase().includes(text.toLowerCase())

/** It failed before its first request: a wrong name of a model, a server that does not start. */
const hasNotBegun = ({ rounds, status }: RunSummary.RunSummary) => status === "failed" && rounds === 0

const encode = Schema.encodeSync(Schema.parseJson(Schema.Array(RunSummary.RunSummary)))
