/**
 * The only account of a run: its id, its state by its events, and how it ended. Progress, status, listings, views and
 * endings read it and count nothing themselves.
 */
import * as Option from "effect/Option"
import { present } from "../schema/Fields.ts"
import type { RunId } from "../observability/Correlation.ts"
import type { AgentEvent, AgentOutcome, CallRecord, Problem } from "../agent/rules/AgentEvent.ts"
import { evolve } from "../agent/rules/Evolve.ts"
import { initial, type AgentState } from "../agent/rules/AgentState.ts"
import * as OpenCalls from "../agent/rules/OpenCalls.ts"

export interface RunAccount {
  readonly runId: RunId
  /** Time of the first event, in epoch milliseconds. */
  readonly startedAt: number
  /** Number of the last event. */
  readonly seq: number
  readonly state: AgentState
  /** Names of the tools that were not run because nobody could be asked, since the run was last started or resumed. */
  readonly unasked: ReadonlyArray<string>
  /** Why the run has no outcome; undefined once it is resumed. */
  readonly failure: Problem | undefined
}

export const begin = (event: Extract<AgentEvent, { readonly _tag: "RunStarted" }>): RunAccount => ({
  runId: event.runId,
  startedAt: event.at,
  seq: event.seq,
  state: initial(event),
  unasked: [],
  failure: undefined
})

/** The account after an event. */
export const step = (account: RunAccount, event: AgentEvent): RunAccount => {
  const next = { ...account, seq: event.seq, state: evolve(account.state, event) }
  switch (event._tag) {
    case "RunResumed":
      // a resumed run may now be allowed to run them
      return { ...next, unasked: [], failure: undefined }
    case "RunFailed":
      return { ...next, failure: event.problem }
    case "ToolCallRefused":
      return event.by === "nobody" && !account.unasked.includes(event.name)
        ? { ...next, unasked: [...account.unasked, event.name] }
        : next
    default:
      return next
  }
}

/** None when the first event is not the start of a run. */
export const of = ([first, ...rest]: ReadonlyArray<AgentEvent>): Option.Option<RunAccount> =>
  first?._tag === "RunStarted" ? Option.some(rest.reduce(step, begin(first))) : Option.none()

/** How the run ended; undefined while its events contain no outcome. */
export const outcome = ({ state }: RunAccount): AgentOutcome | undefined =>
  state.turn._tag === "Ended" ? state.turn.outcome : undefined

/** The model that answers, else the requested one. */
export const model = ({ state }: RunAccount): string | undefined => state.ensured?.model ?? state.task.model

/** What the run has done so far, in the form of an outcome. `toolCalls` are those that have ended. */
export const soFar = (account: RunAccount, now: number): Omit<AgentOutcome, "status"> => {
  const { calls, missingServers, rounds, startedAt, usage } = account.state
  const known = model(account)
  return {
    answer: "",
    cut: false,
    rounds,
    toolCalls: calls,
    usage,
    millis: Math.max(0, now - startedAt),
    missingServers,
    ...present({ model: known })
  }
}

/** The calls that were running when the run was stopped. */
export const openCalls = ({ state }: RunAccount, stoppedAt: number): ReadonlyArray<CallRecord> =>
  OpenCalls.records(OpenCalls.of(state), stoppedAt)

/** What a run has used of its budgets: milliseconds of wall time, tokens, bytes of results. */
export const used = (state: AgentState) => ({
  rounds: state.rounds,
  wallMillis: state.turn._tag === "Ended" ? state.turn.outcome.millis : Math.max(0, state.lastAt - state.startedAt),
  toolCalls: state.callsStarted,
  tokens: state.usage.inputTokens + state.usage.outputTokens,
  resultBytes: state.resultBytes
})
