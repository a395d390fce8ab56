/**
 * A model that keeps failing hands the run over to the next one that its task names. Each is given up once, so the number of
 * times is limited by the task.
 */
import { isOfTheModel } from "../../models/Faults.ts"
import type { AgentTask } from "../AgentTask.ts"
import { NoModelLeft } from "../NoModelLeft.ts"
import type { AgentEventBody, Problem } from "./AgentEvent.ts"
import type { AgentState } from "./AgentState.ts"

type PassedOver = AgentState["passedOver"]

/** The models of a task, in the order in which they are tried. */
export const chainOf = ({ fallback = [], model }: AgentTask): ReadonlyArray<string | undefined> => [model, ...fallback]

/** Those that the run may still take: what was given up stays so, also when the run is resumed. */
export const left = ({ passedOver, task }: AgentState): ReadonlyArray<string | undefined> => {
  const chain = chainOf(task)
  return chain.slice(Math.min(passedOver.length, chain.length - 1))
}

/** The event by which the model is given up, after a failure for which there is no other remedy; undefined to end the run. */
export const next = (state: AgentState, problem: Problem): AgentEventBody | undefined => {
  if (!isOfTheModel(problem.tag)) return undefined
  const passedOver = passed(state, problem)
  const to = chainOf(state.task)[passedOver.length]
  if (to === undefined) return undefined
  const model = state.ensured?.model ?? passedOver.at(-1)?.model ?? "default"
  const { length: toolCalls } = state.calls
  const done =
    toolCalls === 0 ? "" : ` and ${toolCalls === 1 ? "a tool call" : `${toolCalls} tool calls`}, which stay done`
  return {
    _tag: "ModelGivenUp",
    model,
    passedOver,
    rounds: state.rounds,
    toolCalls,
    text: `${model} is given up in round ${state.rounds}${done}: ${problem.message} The next is ${to}.`
  }
}

/** Why the run ends: where models were given up before, each with its reason. */
export const problemOf = (state: AgentState, problem: Problem): Problem =>
  state.passedOver.length === 0 || !isOfTheModel(problem.tag)
    ? problem
    : { tag: "NoModelLeft", message: new NoModelLeft({ tried: passed(state, problem) }).message }

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** With the current model, under its name in the task. */
const passed = ({ ensured, passedOver, task }: AgentState, { message: reason }: Problem): PassedOver => {
  // those before the first one are only known by what that one says
  const before = passedOver.length > 0 ? passedOver : (ensured?.steppedDown ?? [])
  return [...before, { model: chainOf(task)[before.length] ?? ensured?.model ?? "default", reason }]
}
