/**
 * `runs rm`: removes kept runs. Active runs are left alone.
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { RunJournal } from "@lms-bridge/core/RunJournal"
import { table } from "@lms-bridge/core/Settings"
import * as Array from "effect/Array"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Ended, ofFailure, UsageError } from "../../ExitCode.ts"
import { Screen } from "../../terminal/Screen.ts"
import * as SharedOptions from "../../options/SharedOptions.ts"
import * as Words from "../../views/Words.ts"

export const command = Command.make("rm", {
  ids: Args.text({ name: "ID" }).pipe(
    Args.withDescription("The ids of runs, the beginnings of ids, or `last`."),
    Args.repeated
  ),
  all: Options.boolean("all").pipe(Options.withDescription("Remove every run that is not active; asks you first.")),
  yes: Options.boolean("yes").pipe(Options.withDescription("Remove without asking.")),
  olderThan: SharedOptions.setting(
    "older-than",
    "DURATION",
    table.runTimeout,
    "Remove every run that has not been active for this long."
  )
}).pipe(
  Command.withDescription("Remove kept runs."),
  Command.withHandler(
    Effect.fnUntraced(function* ({ all, ids, olderThan, yes }) {
      const ways = [ids.length > 0, all, Option.isSome(olderThan)].filter((given) => given).length
      if (ways !== 1) {
        return yield* new UsageError({
          problem: `Give ${ways === 0 ? "" : "only one of these: "}the IDs of runs, --all, or --older-than DURATION.`
        })
      }
      const screen = yield* Screen
      const journal = yield* RunJournal
      const now = yield* Clock.currentTimeMillis
      const age = Option.match(olderThan, { onNone: () => Number.NEGATIVE_INFINITY, onSome: Duration.toMillis })
      const named = yield* Effect.forEach(ids, (id) => Effect.either(journal.find(id)))
      const listed = ids.length > 0 ? [] : yield* journal.list
      const chosen = listed.filter(
        ({ lastAt, status }) => !["running", "queued", "waiting"].includes(status) && now - lastAt >= age
      )
      const [unknown, found] = Array.separate(named)
      if (all && !yes && chosen.length > 0) {
        const question = `Remove ${Words.count(chosen.length, "run")}? [y/N]`
        const isSure = Option.isSome(screen.ask) ? yield* screen.ask.value(question) : undefined
        if (isSure === undefined) {
          return yield* new UsageError({ problem: "--all removes every run, and nobody can be asked. Add --yes." })
        }
        if (!isSure) return yield* screen.err("Nothing was removed.")
      }
      const runs = new Set([...found, ...chosen.map(({ runId }) => runId)])
      const results = yield* Effect.forEach(runs, (runId) => Effect.either(Effect.as(journal.remove(runId), runId)))
      const [kept, removed] = Array.separate(results)
      const failures = [...unknown, ...kept]
      if (removed.length > many) yield* screen.out(`${removed.length} runs are removed.`)
      else for (const runId of removed) yield* screen.out(`${runId} is removed.`)
      for (const failure of failures) yield* screen.err(`lms-bridge: ${Words.oneLine(failure.message)}`)
      if (removed.length === 0 && failures.length === 0) yield* screen.out("There is nothing to remove.")
      const [failed] = failures
      if (failed !== undefined) return yield* new Ended({ code: ofFailure(failed) })
    })
  )
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** More than so many are told as a number. */
const many = 10
