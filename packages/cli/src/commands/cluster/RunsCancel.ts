/**
 * `runs cancel`: ends a run of the queue, wherever it is.
 */
import * as Command from "@effect/cli/Command"
import { RunJournal } from "@lms-bridge/core/RunJournal"
import * as Effect from "effect/Effect"
import * as KeptRun from "../../options/KeptRun.ts"
import { Screen } from "../../terminal/Screen.ts"
import * as SharedRuns from "../../SharedRuns.ts"

export const command = Command.make("cancel", { id: KeptRun.id }).pipe(
  Command.withDescription("End a run that is queued, waits, or is under way on another machine."),
  Command.withHandler(
    Effect.fnUntraced(function* ({ id }) {
      const screen = yield* Screen
      const { cluster, context } = yield* SharedRuns.required
      const runId = yield* Effect.flatMap(RunJournal, ({ find }) => find(id))
      const result = yield* Effect.provide(cluster.Submissions.cancel(runId), context)
      yield* screen.out(
        result === "ended"
          ? `${runId} had ended.`
          : result === "cancelled"
            ? `${runId} is cancelled.`
            : `${runId} ends as soon as its host hears of it.`
      )
    })
  )
)
