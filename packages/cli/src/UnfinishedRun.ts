/**
 * The last event of a run that did not come to an outcome, because it could not start or was interrupted: whoever reads
 * the events is to find an outcome at their end all the same.
 */
import { stamp, type AgentEvent, type AgentOutcome, type Problem } from "@lms-bridge/core/agent/AgentEvent"
import * as OpenCalls from "@lms-bridge/core/agent/OpenCalls"
import * as Cause from "effect/Cause"
import * as Option from "effect/Option"
import type { Failure } from "./ExitCode.ts"

/** What the events so far tell of the outcome. */
export interface SoFar {
  readonly last: AgentEvent
  readonly startedAt: number
  readonly rounds: number
  readonly toolCalls: AgentOutcome["toolCalls"]
  readonly open: ReadonlyArray<OpenCalls.OpenCall>
  readonly inputTokens: number
  readonly outputTokens: number
}

export const step = (before: Option.Option<SoFar>, event: AgentEvent): SoFar => {
  const known = Option.getOrElse(before, () => nothing(event))
  const soFar = { ...known, last: event, open: OpenCalls.step(known.open, event, known.rounds) }
  switch (event._tag) {
    case "RoundStarted":
      return { ...soFar, rounds: event.round }
    case "ModelReplied":
      return {
        ...soFar,
        inputTokens: soFar.inputTokens + (event.reply.usage?.inputTokens ?? 0),
        outputTokens: soFar.outputTokens + (event.reply.usage?.outputTokens ?? 0)
      }
    case "ToolCallFinished": {
      const { isError, millis, server, tool } = event
      return { ...soFar, toolCalls: [...soFar.toolCalls, { round: soFar.rounds, server, tool, isError, millis }] }
    }
    default:
      return soFar
  }
}

/** None when nothing was told, when the outcome was told already, and when nobody reads on. */
export const finish = (
  soFar: Option.Option<SoFar>,
  cause: Cause.Cause<Failure & { readonly message: string }>,
  now: number
): Option.Option<AgentEvent> =>
  Option.flatMap(soFar, ({ inputTokens, last, open, outputTokens, rounds, startedAt, toolCalls }) => {
    const problem = problemOf(cause)
    if (last._tag === "RunFinished" || problem.tag === "OutputClosed" || problem.tag === "OutputFailed") {
      return Option.none()
    }
    const outcome: AgentOutcome = {
      status: problem.tag === interrupted.tag ? "unfinished" : "failed",
      answer: "",
      cut: false,
      problem,
      rounds,
      toolCalls: [...toolCalls, ...OpenCalls.records(open, now)],
      usage: { inputTokens, outputTokens },
      millis: Math.max(0, now - startedAt),
      missingServers: []
    }
    return Option.some(stamp({ _tag: "RunFinished", outcome }, last.runId, last.seq + 1, now))
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const nothing = (first: AgentEvent): SoFar => ({
  last: first,
  startedAt: first.at,
  rounds: 0,
  toolCalls: [],
  open: [],
  inputTokens: 0,
  outputTokens: 0
})

const interrupted: Problem = { tag: "Interrupted", message: "The run was interrupted." }

const problemOf = (cause: Cause.Cause<Failure & { readonly message: string }>): Problem =>
  Option.match(Cause.failureOption(cause), {
    onSome: ({ _tag, message }) => ({ tag: _tag, message }),
    onNone: () =>
      Cause.isInterruptedOnly(cause)
        ? interrupted
        : { tag: "InternalError", message: "The run ended because of a bug in lms-bridge; stderr says more." }
  })
