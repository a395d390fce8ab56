/**
 * What is said once a run is over and its answer is out: what ended it, what it could not do, and the exact command that
 * goes on. Reads nothing but events.
 */
import type { AgentEvent, AgentOutcome, BudgetKind } from "@lms-bridge/core/agent/AgentEvent"
import type { Budgets } from "@lms-bridge/core/agent/AgentTask"
import type { Explanation } from "@lms-bridge/core/agent/RunExplanation"
import * as OpenCalls from "@lms-bridge/core/agent/OpenCalls"
import * as Words from "./Words.ts"

export interface State {
  readonly runId: string
  readonly budgets: Budgets | undefined
  /** Requests to the model that were begun. */
  readonly requests: number
  /** Tool calls that were begun, and what tools have returned. */
  readonly calls: number
  readonly resultBytes: number
  /** Tools that were not run because nobody could be asked. */
  readonly unasked: ReadonlyArray<string>
  readonly wantsJson: boolean
  readonly open: ReadonlyArray<OpenCalls.OpenCall>
}

export const initial: State = {
  runId: "",
  budgets: undefined,
  requests: 0,
  calls: 0,
  resultBytes: 0,
  unasked: [],
  wantsJson: false,
  open: []
}

export const step = (before: State, event: AgentEvent): State => {
  const state = { ...before, open: OpenCalls.step(before.open, event, before.requests) }
  switch (event._tag) {
    case "RunStarted":
    case "RunResumed":
      return {
        ...state,
        runId: event.runId,
        // one that is taken up again may now have been allowed to run them
        unasked: [],
        budgets: event.task.budgets,
        wantsJson: event.task.outputSchema !== undefined
      }
    case "RoundStarted":
      return { ...state, requests: state.requests + 1 }
    case "ToolCallStarted":
      return { ...state, calls: state.calls + 1 }
    case "ToolCallFinished":
      return { ...state, resultBytes: state.resultBytes + event.bytes }
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
  const { budgets, runId } = state
  const resume = `lms-bridge runs resume ${runId}${budgets === undefined ? "" : more(usedIn(state, outcome), budgets, outcome.budget)}`
  return [
    ...ended(state, outcome, kept ? ` Go on with: ${resume}` : ""),
    ...cutOff(outcome),
    ...unfit(state, outcome),
    ...unasked(
      state,
      kept ? (outcome.status === "done" ? `lms-bridge runs follow ${runId} "TASK"` : resume) : undefined
    )
  ]
}

/** For whoever stopped a run that had begun. */
export const interrupted = ({ open, requests, runId }: State): ReadonlyArray<string> => [
  ...OpenCalls.doubts(OpenCalls.records(open, 0)),
  ...(requests === 0 ? [] : [`What was done is kept. Go on with: lms-bridge runs resume ${runId}`])
]

/** Why a run cannot go on within these budgets, and what gives it more; undefined when it can. */
export const spent = (used: Explanation["used"], budgets: Budgets): string | undefined => {
  const [first] = reached(used, budgets)
  return first === undefined
    ? undefined
    : `${usedUp(first, used, budgets)}. Give it more, for example${more(used, budgets)}.`
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const ended = (state: State, outcome: AgentOutcome, goOn: string): ReadonlyArray<string> => {
  const { budgets, requests } = state
  const used = usedIn(state, outcome)
  switch (outcome.status) {
    case "done":
      return []
    case "budget": {
      const what =
        outcome.budget === undefined || budgets === undefined
          ? "a budget is used up"
          : usedUp(outcome.budget, used, budgets)
      return [`The run was ended because ${what}; ${best(outcome)}.${goOn}`]
    }
    case "stalled":
      return [
        `The run was ended because it went round in circles; ${best(outcome)}. Another model, or a more precise task, may get further.`
      ]
    case "unfinished":
      return []
    case "failed":
      return [`${outcome.problem?.message ?? "The run failed."}${requests === 0 ? "" : goOn}`]
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

/** `command` is what can still be done with this run. */
const unasked = ({ unasked }: State, command: string | undefined): ReadonlyArray<string> => {
  if (unasked.length === 0) return []
  const option = `--allow ${unasked.join(",")}`
  const further = command === undefined ? "" : ` To go on with it allowed: ${command} ${option}`
  return [
    `Not run, because nobody could be asked: ${unasked.join(", ")}. In a new \`lms-bridge run\`, ${option} allows it beforehand.${further}`
  ]
}

const usedIn = ({ calls, resultBytes }: State, { millis, rounds, usage }: AgentOutcome): Explanation["used"] => ({
  rounds,
  wallMillis: millis,
  toolCalls: calls,
  tokens: usage.inputTokens + usage.outputTokens,
  resultBytes
})

/** Every budget that forbids to go on: not only the one that ended the run. */
const reached = (used: Explanation["used"], budgets: Budgets): ReadonlyArray<BudgetKind> => {
  const { resultBytes = Number.POSITIVE_INFINITY, tokens = Number.POSITIVE_INFINITY } = budgets
  const all: ReadonlyArray<readonly [BudgetKind, boolean]> = [
    ["rounds", used.rounds >= budgets.rounds],
    ["wall-time", used.wallMillis >= budgets.wallMillis],
    ["tool-calls", used.toolCalls >= budgets.toolCalls],
    ["tokens", used.tokens >= tokens],
    ["result-bytes", used.resultBytes >= resultBytes]
  ]
  return all.flatMap(([kind, isReached]) => (isReached ? [kind] : []))
}

/** What there is no more of. One request or result can go far beyond the limit, so those tell what was used. */
const usedUp = (budget: BudgetKind, used: Explanation["used"], budgets: Budgets): string => {
  const { resultBytes = 0, rounds, tokens = 0, toolCalls, wallMillis } = budgets
  switch (budget) {
    case "rounds":
      return `${its(rounds, "round")} used up`
    case "wall-time":
      return `its time of ${Words.duration(wallMillis)} is up`
    case "tool-calls":
      return `${its(toolCalls, "tool call")} used up`
    case "tokens":
      return `it has used ${Words.count(used.tokens, "token")} and may use ${tokens}`
    case "result-bytes":
      return `its tools have returned ${Words.count(used.resultBytes, "byte")} and may return ${resultBytes}`
  }
}

/** The options that give enough to go on. */
const more = (used: Explanation["used"], budgets: Budgets, ended?: BudgetKind): string => {
  const kinds = reached(used, budgets)
  return (ended === undefined || kinds.includes(ended) ? kinds : [ended, ...kinds])
    .map((kind) => ` ${twice(kind, used, budgets)}`)
    .join("")
}

const twice = (budget: BudgetKind, used: Explanation["used"], budgets: Budgets): string => {
  const { resultBytes = 0, rounds, tokens = 0, toolCalls, wallMillis } = budgets
  switch (budget) {
    case "rounds":
      return `--max-rounds ${Math.min(10_000, Math.max(rounds, used.rounds) * 2)}`
    case "wall-time":
      // the last answer has time of its own, which may be longer than the limit
      return `--timeout ${Math.ceil((wallMillis * 2 > used.wallMillis ? wallMillis * 2 : used.wallMillis * 2) / 1000)}s`
    case "tool-calls":
      return `--max-tool-calls ${Math.min(100_000, Math.max(toolCalls, used.toolCalls) * 2)}`
    case "tokens":
      return `--max-total-tokens ${Math.min(1_000_000_000, Math.max(tokens, used.tokens) * 2)}`
    case "result-bytes":
      return `--max-total-bytes ${Math.min(1_000_000_000_000, Math.max(resultBytes, used.resultBytes) * 2)}`
  }
}

const its = (number: number, what: string) => `its ${Words.count(number, what)} ${number === 1 ? "is" : "are"}`
