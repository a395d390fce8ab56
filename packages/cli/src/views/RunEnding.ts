/**
 * The lines after the answer of a run: what ended it, what it could not do, and the exact command that continues it.
 * Reads only the account of the run.
 */
import { type AgentOutcome, type BudgetKind, OpenCalls } from "@lms-bridge/core/AgentEvent"
import type { Budgets } from "@lms-bridge/core/AgentLoop"
import { RunAccount, type RunExplanation } from "@lms-bridge/core/RunJournal"
import * as Words from "./Words.ts"

/** Sentences, one per line. `kept`: the run can be resumed. */
export const lines = (
  account: RunAccount.RunAccount,
  outcome: AgentOutcome,
  { kept }: { readonly kept: boolean }
): ReadonlyArray<string> => {
  const { runId, state } = account
  const { problem } = outcome
  const context = problem?.contextLength === undefined ? "" : ` --context-length ${problem.contextLength}`
  const resume = `lms-bridge runs resume ${runId}${more(RunAccount.used(state), state.task.budgets, outcome.budget)}${context}`
  const goOn = kept ? ` Continue with: ${resume}` : context === "" ? "" : ` A run with${context} gives it that.`
  return [
    ...ended(account, outcome, goOn),
    ...handedOver(account, outcome),
    ...cutOff(outcome),
    ...unfit(account, outcome),
    ...unasked(
      account,
      kept ? (outcome.status === "done" ? `lms-bridge runs follow ${runId} "TASK"` : resume) : undefined
    )
  ]
}

/** For the person who stopped the run. */
export const interrupted = (account: RunAccount.RunAccount): ReadonlyArray<string> => [
  ...OpenCalls.doubts(RunAccount.openCalls(account, 0)),
  ...(hasAsked(account) ? [`What was done is kept. Continue with: lms-bridge runs resume ${account.runId}`] : [])
]

/** Why a run cannot continue within these budgets, and what raises them; undefined if it can. */
export const spent = (used: RunExplanation.Explanation["used"], budgets: Budgets): string | undefined => {
  const [first] = reached(used, budgets)
  return first === undefined
    ? undefined
    : `${usedUp(first, used, budgets)}. Raise the limit, for example with${more(used, budgets)}.`
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Whether the model has received a request: before that there is nothing to resume. */
const hasAsked = ({ state }: RunAccount.RunAccount) => state.rounds > 0 || state.turn._tag === "Asking"

const ended = (account: RunAccount.RunAccount, outcome: AgentOutcome, goOn: string): ReadonlyArray<string> => {
  const { budgets } = account.state.task
  const used = RunAccount.used(account.state)
  switch (outcome.status) {
    case "done":
      return []
    case "budget": {
      const what = outcome.budget === undefined ? "a budget is used up" : usedUp(outcome.budget, used, budgets)
      return [`The run ended because ${what}; ${best(outcome)}.${goOn}`]
    }
    case "stalled":
      return [
        `The run ended because it went in circles; ${best(outcome)}. Another model or a more precise task may get further.`
      ]
    case "unfinished":
      return []
    case "failed":
      return [`${outcome.problem?.message ?? "The run failed."}${hasAsked(account) ? goOn : ""}`]
  }
}

const best = ({ answer }: AgentOutcome) =>
  answer.trim() === "" ? "there is no answer yet" : "this is the best answer so far"

/** A run that no model could end has said so already. */
const handedOver = ({ state }: RunAccount.RunAccount, { model, problem }: AgentOutcome): ReadonlyArray<string> =>
  state.passedOver.length === 0 || problem?.tag === "NoModelLeft"
    ? []
    : [
        ...state.passedOver.map(({ model, reason }) => `${model} was passed over: ${reason}`),
        ...(model === undefined ? [] : [`${model} went on in its place.`])
      ]

const cutOff = ({ cut, status }: AgentOutcome): ReadonlyArray<string> =>
  cut && status !== "failed" ? ["The answer was cut off at the token limit. --max-tokens N allows longer replies."] : []

const unfit = ({ state }: RunAccount.RunAccount, { answer, status, structured }: AgentOutcome): ReadonlyArray<string> =>
  state.task.outputSchema !== undefined &&
  structured === undefined &&
  answer !== "" &&
  (status === "budget" || status === "stalled")
    ? ["The answer is not the JSON that --output-schema asks for."]
    : []

/** `command` is what can still be done with this run. */
const unasked = ({ unasked }: RunAccount.RunAccount, command: string | undefined): ReadonlyArray<string> => {
  if (unasked.length === 0) return []
  const option = `--allow ${unasked.join(",")}`
  const further = command === undefined ? "" : ` To continue with it allowed: ${command} ${option}`
  return [
    `Not run, because nobody could be asked: ${unasked.join(", ")}. In a new \`lms-bridge run\`, ${option} allows it in advance.${further}`
  ]
}

/** Every budget that forbids to go on: not only the one that ended the run. */
const reached = (used: RunExplanation.Explanation["used"], budgets: Budgets): ReadonlyArray<BudgetKind> => {
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
const usedUp = (budget: BudgetKind, used: RunExplanation.Explanation["used"], budgets: Budgets): string => {
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
const more = (used: RunExplanation.Explanation["used"], budgets: Budgets, ended?: BudgetKind): string => {
  const kinds = reached(used, budgets)
  return (ended === undefined || kinds.includes(ended) ? kinds : [ended, ...kinds])
    .map((kind) => ` ${twice(kind, used, budgets)}`)
    .join("")
}

const twice = (budget: BudgetKind, used: RunExplanation.Explanation["used"], budgets: Budgets): string => {
  const { resultBytes = 0, rounds, tokens = 0, toolCalls, wallMillis } = budgets
  switch (budget) {
    case "rounds":
      return `--max-rounds ${Math.min(10_000, Math.max(rounds, used.rounds) * 2)}`
    case "wall-time":
      // the last answer has extra time, which may be longer than the limit
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
