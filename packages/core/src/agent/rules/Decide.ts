/**
 * The rules of the loop: what comes next, given the state of the run and the time. Pure. Every run ends, because each
 * request counts against the rounds, and nothing follows the final one.
 */
import * as Either from "effect/Either"
import type { AgentEventBody, AgentOutcome, BudgetKind } from "./AgentEvent.ts"
import type { AgentState, Demand, TurnCall } from "./AgentState.ts"
import { wordsBeforeCalls } from "../forms/FoundCalls.ts"
import * as Problems from "./Problems.ts"
import * as HandingOver from "./HandingOver.ts"
import * as Narrowing from "./Narrowing.ts"
import * as NoAnswer from "./NoAnswer.ts"
import * as ModelReply from "./ModelReply.ts"
import * as Refusals from "./Refusals.ts"
import * as StallGuard from "./StallGuard.ts"
import * as StructuredAnswer from "../schema/StructuredAnswer.ts"

/**
 * What the shell must do. `Emit` is messages and bookkeeping without I/O. `CallTools` names the calls that may run now;
 * each must end in `ToolCallFinished` or `ToolCallRefused`. A step that exceeds its limit, in milliseconds, is stopped, and
 * `late` says what that means; the final reply has a limit of its own.
 */
export type Decision =
  | { readonly _tag: "Emit"; readonly events: ReadonlyArray<AgentEventBody> }
  | { readonly _tag: "Finish"; readonly outcome: AgentOutcome }
  | (Step & { readonly limit: number | "wrap-up" })

type Step =
  | { readonly _tag: "Prepare"; readonly final: boolean }
  | { readonly _tag: "AskModel"; readonly round: number; readonly final: boolean; readonly shape: Shape }
  | { readonly _tag: "CallTools"; readonly calls: ReadonlyArray<TurnCall>; readonly whole: boolean }

/**
 * What the reply must be: anything, the answer by the task's schema, or arguments for one tool. With a schema no tools are
 * offered, because LM Studio's grammar supports only one of the two.
 */
export type Shape = undefined | "answer" | { readonly tool: string }

/** The next step of a run. */
export const decide = (state: AgentState, now: number): Decision => {
  const next = decided(state, now)
  if (next._tag === "Emit" || next._tag === "Finish") return next
  const final = next._tag !== "CallTools" && next.final
  const limit = final ? "wrap-up" : remainingMillis(state, now)
  // a resumed run must first get its model and servers back
  return state.ready ? { ...next, limit } : { _tag: "Prepare", final, limit }
}

/** The events after a step was stopped at its limit. */
export const late = (state: AgentState, step: Step): ReadonlyArray<AgentEventBody> => {
  const { turn } = state
  const final = step._tag !== "CallTools" && step.final
  const failed = (round: number, partial: string): AgentEventBody => ({
    _tag: "ModelFailed",
    round,
    problem: { tag: "TimeIsUp", message: "The model did not finish its reply before the time of the run was over." },
    repeatable: false,
    partial
  })
  const round = state.rounds + 1
  return [
    ...(turn._tag === "Asking" ? [failed(turn.round, turn.text)] : []),
    // time may be over before the final request is sent
    ...(final && isAsked(turn) ? [{ _tag: "RoundStarted" as const, round, final }, failed(round, "")] : []),
    // a reply that has just arrived is used
    ...(final || state.ending !== undefined || turn._tag === "Replied"
      ? []
      : [{ _tag: "BudgetReached" as const, budget: "wall-time" as const }])
  ]
}

/** Whether the next request would be sent from this turn. */
const isAsked = (turn: AgentState["turn"]): boolean => turn._tag === "Ask" || (turn._tag === "Failed" && !turn.final)

/** Whether the wall time is used up. */
export const timeIsUp = (state: AgentState, now: number): boolean => remainingMillis(state, now) <= 0

/** The remaining wall time in milliseconds, at least 0. */
export const remainingMillis = (state: AgentState, now: number): number =>
  Math.max(0, state.startedAt + state.task.budgets.wallMillis - now)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type TurnOf<Tag> = Extract<AgentState["turn"], { readonly _tag: Tag }>

type Untimed = Extract<Decision, { readonly _tag: "Emit" | "Finish" }> | Step

const decided = (state: AgentState, now: number): Untimed => {
  const { turn } = state
  switch (turn._tag) {
    case "Preparing":
      if (state.ending !== undefined) return finish(state, now, endedBy(state))
      return timeIsUp(state, now)
        ? emit({ _tag: "BudgetReached", budget: "wall-time" })
        : { _tag: "Prepare", final: false }
    case "Ask":
      return ask(state, now)
    case "Asking":
      // every request is answered or late before the next decision, so this one was never sent
      return emit({
        _tag: "ModelFailed",
        round: turn.round,
        problem: { tag: "Interrupted", message: "The run stopped while it waited for the model." },
        repeatable: true,
        partial: ""
      })
    case "Replied":
      return afterReply(state, turn, now)
    case "Failed":
      return afterFailure(state, turn, now)
    case "Calling":
      return calling(state, turn, now)
    case "Ended":
      return { _tag: "Finish", outcome: turn.outcome }
  }
}

const emit = (...events: ReadonlyArray<AgentEventBody>): Untimed => ({ _tag: "Emit", events })

const ask = (state: AgentState, now: number): Untimed => {
  if (state.ending !== undefined) {
    return state.ending.told
      ? {
          _tag: "AskModel",
          round: state.rounds + 1,
          final: true,
          shape: state.task.outputSchema === undefined ? undefined : "answer"
        }
      : emit({ _tag: "WrapUp", text: wrapUp[state.ending.by] })
  }
  const budget = spent(state, now)
  if (budget !== undefined) return emit({ _tag: "BudgetReached", budget })
  const stall = StallGuard.assess(state)
  if (stall !== undefined) return emit(stall)
  const { demand } = state.attempt
  const mistakes = demand._tag === "Anything" ? demand.mistakes : undefined
  if (mistakes !== undefined && mistakes.count >= 2 && !state.argumentsAskedFor.includes(mistakes.tool)) {
    const { tool } = mistakes
    const text = `Now write only the arguments for "${tool}", as one JSON object.`
    return emit({ _tag: "ArgumentsAskedFor", tool, text })
  }
  // without tools, the first reply is already the answer
  const direct = state.task.outputSchema !== undefined && state.offered.length === 0
  return { _tag: "AskModel", round: nextRound(state), final: false, shape: direct ? "answer" : shapes(demand) }
}

const shapes = (demand: Demand): Shape => {
  switch (demand._tag) {
    case "Anything":
      return undefined
    case "Arguments":
      return { tool: demand.tool }
    case "Answer":
      return "answer"
  }
}

const nextRound = ({ rounds, turn }: AgentState): number =>
  turn._tag === "Ask" && turn.reshaped === true ? rounds : rounds + 1

/** The budget that forbids another ordinary request. The budget of tool calls is checked when the model requests one. */
const spent = (state: AgentState, now: number): BudgetKind | undefined => {
  const { budgets } = state.task
  if (timeIsUp(state, now)) return "wall-time"
  if (nextRound(state) > budgets.rounds) return "rounds"
  if (budgets.tokens !== undefined && state.usage.inputTokens + state.usage.outputTokens >= budgets.tokens) {
    return "tokens"
  }
  if (budgets.resultBytes !== undefined && state.resultBytes >= budgets.resultBytes) return "result-bytes"
  return undefined
}

const lastRequest = "This is the last reply you can give, and no tools can be called any more."
const bestAnswer = "Answer the task now as well as you can from what you have found out, and say what is still open."

const wrapUp: Readonly<Record<NonNullable<AgentState["ending"]>["by"], string>> = {
  stalled: `You are going round in circles. ${lastRequest} ${bestAnswer}`,
  rounds: `The limit of rounds is reached. ${lastRequest} ${bestAnswer}`,
  "wall-time": `The time for this task is over. ${lastRequest} ${bestAnswer}`,
  "tool-calls": `The limit of tool calls is reached. ${lastRequest} ${bestAnswer}`,
  tokens: `The limit of tokens is reached. ${lastRequest} ${bestAnswer}`,
  "result-bytes": `The limit of tool results is reached. ${lastRequest} ${bestAnswer}`
}

const afterReply = (
  state: AgentState,
  { final, mayBeAnswer, reply, unread }: TurnOf<"Replied">,
  now: number
): Untimed => {
  const blank = reply.content.trim() === ""
  const answer = state.attempt.said + reply.content
  const { outputSchema } = state.task
  // under a schema, engines let thinking models write the answer in their reasoning (contract J)
  const thought =
    outputSchema !== undefined && answer.trim() === ""
      ? StructuredAnswer.thought(outputSchema, reply.reasoning)
      : undefined
  if (thought !== undefined) {
    return finish(state, now, { ...(final ? endedBy(state) : { status: "done" }), ...thought })
  }
  if (final) {
    return finish(state, now, {
      ...endedBy(state),
      answer: blank ? NoAnswer.best(state) : answer,
      cut: ModelReply.isCut(reply),
      ...structuredIn(state, answer)
    })
  }
  const dropped = Refusals.toolsDropped(state, reply.usage, reply.toolCalls.length)
  if (dropped !== undefined) return emit({ _tag: "ToolFormChosen", form: "bound", text: dropped })
  if (unread !== undefined && !state.attempt.corrected)
    return emit({ _tag: "AskedAgain", why: "call-in-text", text: unread })
  if (unread !== undefined && mayBeAnswer !== true) {
    const words = wordsBeforeCalls(reply.content)
    return finish(state, now, {
      status: "failed",
      answer: words === reply.content ? "" : words,
      problem: Problems.callNotRead
    })
  }
  if (reply.finishReason === "length") {
    return state.attempt.continued
      ? answer.trim() === ""
        ? finish(state, now, { status: "failed", problem: Problems.onlyThought })
        : answered(state, now, answer, true)
      : emit({ _tag: "AskedAgain", why: "cut", text: blank ? NoAnswer.answerBriefly : NoAnswer.continueText })
  }
  // blank, or a stream that ended without a reason: no tool has run for it, so it may be asked for again
  if (blank || reply.finishReason === "") {
    const thought = blank && reply.reasoning.trim() !== ""
    const what = thought ? "The reply was only reasoning." : blank ? "The reply was empty." : "The reply had no end."
    if (!state.attempt.repeated) {
      // the same request would come to the same nothing
      return blank
        ? emit({ _tag: "AskedAgain", why: "empty", text: thought ? NoAnswer.answerNow : NoAnswer.saySomething })
        : emit({ _tag: "RequestRepeated", why: "no-answer", text: what })
    }
    if (answer.trim() === "") {
      return finish(state, now, { status: "failed", problem: thought ? Problems.noAnswer : Problems.emptyReply })
    }
    return answered(state, now, answer, true)
  }
  const narrowed = Narrowing.ofAnswer(state, reply.content)
  if (narrowed !== undefined) return emit(narrowed)
  const objected = NoAnswer.objection(state, reply.content)
  if (objected !== undefined) return emit({ _tag: "AskedAgain", why: "no-answer", text: objected })
  return answered(state, now, answer)
}

/** The answer, when it fits what the task demands of it; else it is asked for again, at most twice, unless it is cut. */
const answered = (state: AgentState, now: number, answer: string, cut = false): Untimed => {
  const { outputSchema } = state.task
  if (outputSchema === undefined) {
    const problem = state.adapted.form === "bound" ? Problems.ofAnswer(state, answer) : undefined
    if (problem !== undefined) return finish(state, now, { status: "failed", answer, cut, problem })
    return finish(state, now, { status: "done", answer, cut })
  }
  const checked = StructuredAnswer.check(outputSchema, answer)
  if (Either.isRight(checked)) {
    const problem = state.adapted.form === "bound" ? Problems.ofStructured(state, checked.right) : undefined
    const end = problem === undefined ? { status: "done" as const } : { status: "failed" as const, problem }
    return finish(state, now, { ...end, answer, cut, structured: checked.right })
  }
  const problems = checked.left.join("; ")
  if (!cut && isIgnored(state, checked.left)) {
    return emit({ _tag: "RequestRepeated", why: "schema-ignored", text: schemaIgnored })
  }
  const { demand } = state.attempt
  if (!cut && (demand._tag !== "Answer" || demand.refused < 2)) {
    const text = `The answer must be JSON that fits the schema, but ${problems}. Give only the JSON.`
    return emit({ _tag: "AskedAgain", why: "answer-not-valid", text })
  }
  const message = cut
    ? `The answer does not fit the output schema, because it was cut by the token limit: ${problems}. Allow longer replies.`
    : `The answer does not fit the output schema, also after it was asked for again: ${problems}.`
  return finish(state, now, { status: "failed", answer, cut, problem: { tag: "AnswerNotValid", message } })
}

/** LM Studio ignores the schema of the first structured request after a plain one (contract J). */
const isIgnored = ({ adapted, attempt, offered }: AgentState, problems: ReadonlyArray<string>): boolean =>
  problems.includes(StructuredAnswer.notJson) &&
  (attempt.demand._tag === "Answer" || offered.length === 0) &&
  !adapted.plainSchemas &&
  !adapted.schemaIgnored

const schemaIgnored = "The answer is not JSON, although its schema was sent, so the request is retried once."

const structuredIn = ({ task }: AgentState, answer: string): Partial<AgentOutcome> => {
  const checked = task.outputSchema === undefined ? undefined : StructuredAnswer.check(task.outputSchema, answer)
  return checked !== undefined && Either.isRight(checked) ? { structured: checked.right } : {}
}

const afterFailure = (state: AgentState, turn: TurnOf<"Failed">, now: number): Untimed => {
  const partial = state.attempt.said + turn.partial
  const reshaped = turn.final || !timeIsUp(state, now) ? Refusals.remedy(state, turn) : []
  if (reshaped.length > 0) return emit(...reshaped)
  if (turn.final) {
    return finish(state, now, {
      ...endedBy(state),
      answer: partial.trim() === "" ? NoAnswer.best(state) : partial,
      cut: partial.trim() !== "",
      problem: turn.problem
    })
  }
  if (timeIsUp(state, now)) {
    return state.ending === undefined ? emit({ _tag: "BudgetReached", budget: "wall-time" }) : ask(state, now)
  }
  if (turn.repeatable && !state.attempt.repeated)
    return emit({ _tag: "RequestRepeated", why: "no-answer", text: turn.problem.message })
  const next = HandingOver.next(state, turn.problem)
  if (next !== undefined) return emit(next)
  return finish(state, now, {
    status: "failed",
    answer: partial.trim() === "" ? NoAnswer.best(state) : partial,
    problem: HandingOver.problemOf(state, turn.problem)
  })
}

const calling = (state: AgentState, turn: TurnOf<"Calling">, now: number): Untimed => {
  const open = turn.calls.filter(({ told }) => told === undefined)
  if (state.ending === undefined && timeIsUp(state, now)) return emit({ _tag: "BudgetReached", budget: "wall-time" })
  const withheld = open.filter(({ call }) => StallGuard.isWithheld(state, call.name))
  if (state.ending === undefined && withheld.length > 0) {
    return emit(
      ...withheld.map(({ call }): AgentEventBody => ({
        _tag: "ToolCallRefused",
        callId: call.id,
        name: call.name,
        reason: "Withheld",
        told: `"${call.name}" cannot be called in this round, because it gave the same result again and again. Use what you already have.`
      }))
    )
  }
  if (state.ending === undefined) {
    const narrowed = Narrowing.ofCall(state, open)
    if (narrowed !== undefined) return emit(narrowed)
    const repeated = StallGuard.repeated(state, open)
    if (repeated.length > 0) return emit(...repeated)
  }
  const left = state.task.budgets.toolCalls - state.callsStarted
  if (state.ending === undefined && left > 0) {
    return { _tag: "CallTools", calls: open.slice(0, left), whole: turn.whole }
  }
  if (state.ending === undefined) return emit({ _tag: "BudgetReached", budget: "tool-calls" })
  return emit(
    ...open.map(({ call, started }): AgentEventBody =>
      started === undefined
        ? {
            _tag: "ToolCallRefused",
            callId: call.id,
            name: call.name,
            reason: "Budget",
            told: "This call was not run, because a limit of the run was reached."
          }
        : {
            _tag: "ToolCallFinished",
            callId: call.id,
            server: started.server,
            tool: started.tool,
            told: "The time for this task ended while the tool was running. Whether it took effect is not known.",
            isError: true,
            bytes: 0,
            millis: Math.max(0, now - started.at)
          }
    )
  )
}

const endedBy = (state: AgentState): Pick<AgentOutcome, "status" | "budget"> =>
  state.ending === undefined
    ? { status: "failed" }
    : state.ending.by === "stalled"
      ? { status: "stalled" }
      : { status: "budget", budget: state.ending.by }

const finish = (
  state: AgentState,
  now: number,
  end: Pick<AgentOutcome, "status"> & Partial<AgentOutcome>
): Untimed => ({
  _tag: "Finish",
  outcome: {
    answer: "",
    cut: false,
    ...(state.ensured === undefined ? {} : { model: state.ensured.model }),
    rounds: state.rounds,
    toolCalls: state.calls,
    usage: state.usage,
    millis: Math.max(0, now - state.startedAt),
    missingServers: state.missingServers,
    ...end
  }
})
