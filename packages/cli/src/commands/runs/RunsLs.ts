/**
 * `runs ls`: lists the kept runs, newest first.
 */
import * as Command from "@effect/cli/Command"
import { RunJournal, RunSummary } from "@lms-bridge/core/RunJournal"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Screen } from "../../terminal/Screen.ts"
import * as SharedOptions from "../../options/SharedOptions.ts"
import * as Table from "../../views/Table.ts"
import * as Words from "../../views/Words.ts"

export const command = Command.make("ls", { json: SharedOptions.listingJson }).pipe(
  Command.withDescription("List the kept runs, newest first."),
  Command.withHandler(
    Effect.fnUntraced(function* ({ json }) {
      const screen = yield* Screen
      const { list, unkept } = yield* RunJournal
      const runs = yield* list
      if (json) return yield* screen.out(encode(runs))
      const why = yield* unkept
      if (Option.isSome(why)) return yield* screen.err(`Runs are not kept. ${Words.oneLine(why.value.message)}`)
      if (runs.length === 0) return yield* screen.err("There are no runs yet. `lms-bridge run` starts one.")
      yield* screen.out(render(runs, yield* Clock.currentTimeMillis, screen.columns))
    })
  )
)

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

const encode = Schema.encodeSync(Schema.parseJson(Schema.Array(RunSummary.RunSummary)))
