/**
 * What is said once a run is over and its answer is out: what ended it, what it could not do, and the exact command that
 * goes on. Reads nothing but events.
 */
import type { AgentEvent, AgentOutcome, BudgetKind } from "@lms-bridge/core/agent/AgentEvent"
import type { Budgets } from "@lms-bridge/core/agent/AgentTask"
import type { Explanation } from "@lms-bridge/core/agent/RunExplanation"
import * as Words from "./Words.ts"

export interface State {
  readonly runId: string
  readonly budgets: Budgets | undefined
  /** Requests to the model that were begun. */
  readonly requests: number
  /** Tools that were not run because nobody could be asked. */
  readonly unasked: ReadonlyArray<string>
  readonly wantsJson: boolean
}

export const initial: State = { runId: "", budgets: undefined, requests: 0, unasked: [], wantsJson: false }

export const step = (state: State, event: AgentEvent): State => {
  switch (event._tag) {
    case "RunStarted":
    case "RunResumed":
      return {
        ...state,
        runId: event.runId,
        budgets: event.task.budgets,
        wantsJson: event.task.outputSchema !== undefined
      }
    case "RoundStarted":
      return { ...state, requests: state.requests + 1 }
    case "ToolCallRefused":
      return event.by === "nobody" && !state.unasked.includes(event.name)
        ? { ...state, unasked: [...state.unasked, event.name] }
        : state
    default:
      return state
  }
}

export const of = (events: ReadonlyArray<AgentEvent>): State => events.reduce(step, initial)

/** Sentences, each on its own line. `kept`: the run can be taken up again. */
export const lines = (
  state: State,
  outcome: AgentOutcome,
  { kept }: { readonly kept: boolean }
): ReadonlyArray<string> => {
  const goOn = (options: string) => (kept ? ` Go on with: lms-bridge runs resume ${state.runId}${options}` : "")
  return [...ended(state, outcome, goOn), ...cutOff(outcome), ...unfit(state, outcome), ...unasked(state)]
}

/** For whoever stopped a run that had begun. */
export const interrupted = ({ requests, runId }: State): ReadonlyArray<string> =>
  requests === 0 ? [] : [`What was done is kept. Go on with: lms-bridge runs resume ${runId}`]

/** Why a run cannot go on within these budgets, and what gives it more; undefined when it can. */
export const spent = (used: Explanation["used"], budgets: Budgets): string | undefined => {
  const { resultBytes = Number.POSITIVE_INFINITY, tokens = Number.POSITIVE_INFINITY } = budgets
  const reached: ReadonlyArray<readonly [BudgetKind, boolean]> = [
    ["rounds", used.rounds >= budgets.rounds],
    ["wall-time", used.wallMillis >= budgets.wallMillis],
    ["tool-calls", used.toolCalls >= budgets.toolCalls],
    ["tokens", used.tokens >= tokens],
    ["result-bytes", used.resultBytes >= resultBytes]
  ]
  const first = reached.find(([, isReached]) => isReached)
  if (first === undefined) return undefined
  const { more, what } = usedUp(first[0], budgets)
  return `${what}. Give it more, for example${more}.`
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const ended = (
  { budgets, requests }: State,
  outcome: AgentOutcome,
  goOn: (options: string) => string
): ReadonlyArray<string> => {
  switch (outcome.status) {
    case "done":
      return []
    case "budget": {
      const { more, what } =
        outcome.budget === undefined || budgets === undefined
          ? { what: "a budget is used up", more: "" }
          : usedUp(outcome.budget, budgets)
      return [`The run was ended because ${what}; ${best(outcome)}.${goOn(more)}`]
    }
    case "stalled":
      return [
        `The run was ended because it went round in circles; ${best(outcome)}. Another model, or a more precise task, may get further.`
      ]
    case "failed":
      return [`${outcome.problem?.message ?? "The run failed."}${requests === 0 ? "" : goOn("")}`]
  }
}

const best = ({ answer }: AgentOutcome) =>
  answer.trim() === "" ? "there is no answer yet" : "this is the best answer so far"

const cutOff = ({ cut, status }: AgentOutcome): ReadonlyArray<string> =>
  cut && status !== "failed" ? ["The answer was cut by the token limit. --max-tokens N allows longer replies."] : []

const unfit = ({ wantsJson }: State, { answer, status, structured }: AgentOutcome): ReadonlyArray<string> =>
  wantsJson && structured === undefined && answer !== "" && (status === "budget" || status === "stalled")
    ? ["The answer is not the JSON that --output-schema asks for."]
    : []

const unasked = ({ unasked }: State): ReadonlyArray<string> =>
  unasked.length === 0
    ? []
    : [
        `Not run, because nobody could be asked: ${unasked.join(", ")}. --allow ${unasked.join(",")} allows it beforehand.`
      ]

/** What there is no more of, and the option that gives twice as much. */
const usedUp = (budget: BudgetKind, budgets: Budgets): { readonly what: string; readonly more: string } => {
  const { resultBytes = 0, rounds, tokens = 0, toolCalls, wallMillis } = budgets
  switch (budget) {
    case "rounds":
      return { what: `${its(rounds, "round")} used up`, more: ` --max-rounds ${Math.min(10_000, rounds * 2)}` }
    case "wall-time":
      return {
        what: `its time of ${Words.duration(wallMillis)} is up`,
        more: ` --timeout ${Math.ceil((wallMillis * 2) / 1000)}s`
      }
    case "tool-calls":
      return {
        what: `${its(toolCalls, "tool call")} used up`,
        more: ` --max-tool-calls ${Math.min(100_000, toolCalls * 2)}`
      }
    case "tokens":
      return { what: `${its(tokens, "token")} used up`, more: ` --max-total-tokens ${tokens * 2}` }
    case "result-bytes":
      return {
        what: `its tools have returned the ${resultBytes} bytes that they may`,
        more: ` --max-total-bytes ${resultBytes * 2}`
      }
  }
}

const its = (number: number, what: string) => `its ${Words.count(number, what)} ${number === 1 ? "is" : "are"}`
