/**
 * A run in a list: its task, its times and its status. Read from a few lines of its journal, because there may be hundreds
 * of long ones.
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { optional, present } from "../schema/Fields.ts"
import type { ProcessIdentity } from "../machine/ProcessIdentity.ts"
import { RunId } from "../observability/Correlation.ts"
import { Usage } from "../lmstudio/Chat.ts"
import { AgentOutcome, Problem, type AgentEvent } from "../agent/rules/AgentEvent.ts"
import * as EventLine from "./EventLine.ts"
import * as RunAccount from "./RunAccount.ts"

/**
 * `unfinished`: it was stopped or killed, and can be resumed. On several machines, `queued` waits for a host and `waiting`
 * for a person's answer. Times are epoch milliseconds. */
export const RunSummary = Schema.Struct({
  runId: RunId,
  task: Schema.String,
  status: Schema.Union(AgentOutcome.fields.status, Schema.Literal("running", "queued", "waiting")),
  startedAt: Schema.Number,
  lastAt: Schema.Number,
  /** Requests to the model, not counting the final one for the answer. */
  rounds: Schema.NonNegativeInt,
  model: optional(Schema.String),
  /** What it used in all, once it has ended. */
  usage: optional(Usage),
  /** Why it failed. */
  problem: optional(Problem)
})
export type RunSummary = typeof RunSummary.Type

/** The summary, `unfinished` where there is no outcome yet, and the last process that carried out the run. */
export interface Found {
  readonly summary: RunSummary
  readonly process: ProcessIdentity | undefined
}

/** From the lines of a journal. None when the first is not the start of a run. */
export const ofLines = (lines: ReadonlyArray<string>): Option.Option<Found> => {
  const first = EventLine.read(lines[0] ?? "")
  if (first?._tag !== "RunStarted") return Option.none()
  let last: AgentEvent = first
  for (let index = lines.length - 1; index > 0; index--) {
    const event = EventLine.read(lines[index] ?? "")
    if (event === undefined) continue
    last = event
    break
  }
  const resumed = lines.findLast((line) => isOf(line, "RunResumed"))
  // one that was given up answers no longer
  const ready = lines.findLast((line) => isOf(line, "ModelReady") || isOf(line, "ModelGivenUp"))
  return Option.some(
    found({ first, last, resumed: EventLine.read(resumed ?? ""), ready: EventLine.read(ready ?? "") }, roundsIn(lines))
  )
}

/** From all events, with the same result as from the lines of the journal. */
export const ofEvents = (events: ReadonlyArray<AgentEvent>): Option.Option<Found> =>
  Option.map(RunAccount.of(events), (account) => {
    const outcome = RunAccount.outcome(account)
    const model = RunAccount.model(account)
    const problem = outcome === undefined ? account.failure : outcome.problem
    const taken = events.findLast(({ _tag }) => _tag === "RunResumed" || _tag === "RunStarted")
    return {
      summary: {
        runId: account.runId,
        task: account.state.task.task,
        status: outcome?.status ?? (account.failure === undefined ? "unfinished" : "failed"),
        startedAt: account.startedAt,
        lastAt: account.state.lastAt,
        rounds: account.state.rounds,
        ...present({ model, problem, usage: outcome?.usage })
      },
      process: taken !== undefined && "process" in taken ? taken.process : undefined
    }
  })

export const newestFirst = (summaries: ReadonlyArray<RunSummary>): ReadonlyArray<RunSummary> =>
  summaries.toSorted((a, b) => b.startedAt - a.startedAt)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Lines that we wrote begin with the tag. */
const isOf = (line: string, tag: AgentEvent["_tag"]) => line.startsWith(`{"_tag":"${tag}"`)

/** A request that is sent again in another shape keeps its number. */
const roundsIn = (lines: ReadonlyArray<string>): number => {
  const last = EventLine.read(
    lines.findLast((line) => isOf(line, "RoundStarted") && !line.includes('"final":true')) ?? ""
  )
  return last?._tag === "RoundStarted" ? last.round : 0
}

const found = (
  events: {
    readonly first: Extract<AgentEvent, { readonly _tag: "RunStarted" }>
    readonly last: AgentEvent
    readonly resumed: AgentEvent | undefined
    readonly ready: AgentEvent | undefined
  },
  rounds: number
): Found => {
  const { first, last, ready, resumed } = events
  const { problem, status, usage } = endOf(last)
  const { process, task } = resumed?._tag === "RunResumed" ? resumed : first
  const model = ready?._tag === "ModelReady" ? ready.ensured.model : task.model
  return {
    summary: {
      runId: first.runId,
      task: task.task,
      status,
      startedAt: first.at,
      lastAt: last.at,
      rounds,
      ...present({ model, problem, usage })
    },
    process
  }
}

const endOf = (last: AgentEvent): Pick<RunSummary, "status" | "problem" | "usage"> => {
  switch (last._tag) {
    case "RunFinished": {
      const { problem, status, usage } = last.outcome
      return { status, usage, ...present({ problem }) }
    }
    case "RunFailed":
      return { status: "failed", problem: last.problem }
    default:
      return { status: "unfinished" }
  }
}
