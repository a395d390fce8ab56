/**
 * The last event of a run without an outcome, because it could not start or was interrupted: readers of the events
 * always find an outcome at their end.
 */
import { type AgentEvent, type AgentOutcome, type Problem, stamp } from "@lms-bridge/core/AgentEvent"
import { RunAccount } from "@lms-bridge/core/RunJournal"
import * as Cause from "effect/Cause"
import * as Option from "effect/Option"
import type { Failure } from "../ExitCode.ts"

/** None if there are no events, if they have an outcome, or if the output is closed. */
export const finish = (
  soFar: Option.Option<RunAccount.RunAccount>,
  cause: Cause.Cause<Failure & { readonly message: string }>,
  now: number
): Option.Option<AgentEvent> =>
  Option.flatMap(soFar, (account) => {
    const problem = problemOf(cause)
    if (RunAccount.outcome(account) !== undefined || problem.tag === "OutputClosed" || problem.tag === "OutputFailed") {
      return Option.none()
    }
    const done = RunAccount.soFar(account, now)
    const outcome: AgentOutcome = {
      ...done,
      status: problem.tag === interrupted.tag ? "unfinished" : "failed",
      problem,
      toolCalls: [...done.toolCalls, ...RunAccount.openCalls(account, now)]
    }
    return Option.some(stamp({ _tag: "RunFinished", outcome }, account.runId, account.seq + 1, now))
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const interrupted: Problem = { tag: "Interrupted", message: "The run was interrupted." }

const problemOf = (cause: Cause.Cause<Failure & { readonly message: string }>): Problem =>
  Option.match(Cause.failureOption(cause), {
    onSome: ({ _tag, message }) => ({ tag: _tag, message }),
    onNone: () =>
      Cause.isInterruptedOnly(cause)
        ? interrupted
        : { tag: "InternalError", message: "The run ended because of a bug in lms-bridge; stderr says more." }
  })
