/**
 * `approve`: answers the question of a run that waits on another machine.
 */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import { RunJournal } from "@lms-bridge/core/RunJournal"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { UsageError } from "../../ExitCode.ts"
import * as KeptRun from "../../options/KeptRun.ts"
import { Screen } from "../../terminal/Screen.ts"
import * as SharedRuns from "../../SharedRuns.ts"
import * as Question from "../../terminal/approval/Question.ts"
import * as Words from "../../views/Words.ts"

export const command = Command.make("approve", {
  id: KeptRun.id,
  answer: Args.text({ name: "yes|no" }).pipe(
    Args.withDescription("Whether the call may run. Without it the question is shown, and asked at a terminal."),
    Args.optional
  )
}).pipe(
  Command.withDescription("Answer the question of a run that waits for a person."),
  Command.withHandler(
    Effect.fnUntraced(function* ({ answer, id }) {
      const screen = yield* Screen
      const { cluster, context } = yield* SharedRuns.required
      const journal = yield* RunJournal
      if (Option.isSome(answer) && !["yes", "no"].includes(answer.value)) {
        return yield* new UsageError({ problem: `The answer is "${answer.value}", but must be yes or no.` })
      }
      const runId = yield* journal.find(id)
      const { asked, state } = yield* Effect.provide(cluster.Submissions.find(runId), context)
      const question = (yield* journal.read(runId)).find(({ seq }) => seq === asked)
      if (state !== "waiting" || question?._tag !== "ApprovalAsked") {
        return yield* new cluster.Submissions.NothingAsked({ runId, state })
      }
      const { arguments: args, reason, server, tool } = question
      yield* screen.err(
        `${Words.oneLine(server)} ${Words.oneLine(tool)} ${Words.json(args, 2000)}\n  ${Question.sentence(reason)}`
      )
      const approved = Option.isSome(answer)
        ? answer.value === "yes"
        : Option.isSome(screen.ask)
          ? yield* screen.ask.value("Allow it? [y/N]")
          : undefined
      if (approved === undefined) {
        return yield* new UsageError({ problem: `Nobody can be asked here. Say it: lms-bridge approve ${runId} yes` })
      }
      yield* Effect.provide(cluster.Submissions.approve(runId, approved), context)
      yield* screen.out(`${runId} ${approved ? "goes on with the call" : "goes on without the call"}.`)
    })
  )
)
