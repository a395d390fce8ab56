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
  all: Options.boolean("all").pipe(Options.withDescription("Remove every run that is not active.")),
  olderThan: SharedOptions.setting(
    "older-than",
    "DURATION",
    table.runTimeout,
    "Remove every run that has not been active for this long."
  )
}).pipe(
  Command.withDescription("Remove kept runs."),
  Command.withHandler(
    Effect.fnUntraced(function* ({ all, ids, olderThan }) {
      const ways = [ids.length > 0, all, Option.isSome(olderThan)].filter((given) => given).length
      if (ways !== 1) {
        return yield* new UsageError({ problem: "Give the IDs of runs, --all, or --older-than DURATION." })
      }
      const screen = yield* Screen
      const journal = yield* RunJournal
      const now = yield* Clock.currentTimeMillis
      const age = Option.match(olderThan, { onNone: () => Number.NEGATIVE_INFINITY, onSome: Duration.toMillis })
      const named = yield* Effect.forEach(ids, (id) => Effect.either(journal.find(id)))
      const listed = ids.length > 0 ? [] : yield* journal.list
      const chosen = listed.filter(({ lastAt, status }) => status !== "running" && now - lastAt >= age)
      const [unknown, found] = Array.separate(named)
      const runs = new Set([...found, ...chosen.map(({ runId }) => runId)])
      const results = yield* Effect.forEach(runs, (runId) => Effect.either(Effect.as(journal.remove(runId), runId)))
      const [kept, removed] = Array.separate(results)
      const failures = [...unknown, ...kept]
      for (const runId of removed) yield* screen.out(`${runId} is removed.`)
      for (const failure of failures) yield* screen.err(`lms-bridge: ${Words.oneLine(failure.message)}`)
      if (removed.length === 0 && failures.length === 0) yield* screen.out("There is nothing to remove.")
      const [failed] = failures
      if (failed !== undefined) return yield* new Ended({ code: ofFailure(failed) })
    })
  )
)
