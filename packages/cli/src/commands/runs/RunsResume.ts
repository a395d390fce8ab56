/**
 * `runs resume`: continues a run that was stopped, killed, or ended by a budget.
 */
import * as Command from "@effect/cli/Command"
import { AgentLoop } from "@lms-bridge/core/AgentLoop"
import { RunAccount } from "@lms-bridge/core/RunJournal"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { UsageError } from "../../ExitCode.ts"
import * as KeptRun from "../../options/KeptRun.ts"
import * as RunEnding from "../../views/RunEnding.ts"
import * as RunOptions from "../../options/RunOptions.ts"
import * as ShownRun from "../../views/ShownRun.ts"

export const command = Command.make("resume", {
  id: KeptRun.id,
  ...RunOptions.limits,
  contextLength: RunOptions.making.contextLength,
  allow: RunOptions.allow(
    "Run these tools, besides those allowed before, without asking you: `tool` or `server__tool`, comma-separated, `*` for anything. What your policy refuses stays refused."
  ),
  ...RunOptions.showing
}).pipe(
  Command.withDescription(
    "Continue a run that was stopped, killed, or ended by a budget. Limits apply to the run as a whole."
  ),
  Command.withHandler(
    Effect.fnUntraced(function* ({ id, ...options }) {
      const { account, events, runId } = yield* KeptRun.find(id)
      if (RunAccount.outcome(account)?.status === "done") {
        return yield* new UsageError({
          problem: `The run ${runId} is done. Follow up with: lms-bridge runs follow ${runId} "TASK"`
        })
      }
      const budgets = RunOptions.budgetsOf(options, account.state.task.budgets)
      const spent = RunEnding.spent(RunAccount.used(account.state), budgets)
      if (spent !== undefined) {
        return yield* new UsageError({ problem: `The run ${runId} cannot continue, because ${spent}` })
      }
      const allowed = Option.getOrElse(RunOptions.names(options.allow), () => [])
      const { contextLength } = yield* RunOptions.contextOf(options, RunAccount.model(account))
      yield* ShownRun.show((yield* AgentLoop).resume(runId, { budgets, approved: allowed, contextLength }), {
        ...options,
        past: events
      })
    })
  )
)
