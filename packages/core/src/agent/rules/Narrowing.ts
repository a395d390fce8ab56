/**
 * Steps that are asked for again with less to choose from, which only bound steps allow: the reply is dropped, and the same
 * request goes out with fewer names in its schema. Small models copy words of advice into their answers; what they cannot
 * choose they do not choose. Each run has a few of these.
 */
import type { AgentEventBody } from "./AgentEvent.ts"
import type { AgentState, TurnCall } from "./AgentState.ts"
import { answer } from "../shapes/Bound.ts"
import * as NoAnswer from "./NoAnswer.ts"
import * as Sources from "./Sources.ts"
import * as StallGuard from "./StallGuard.ts"

type Narrowed = Extract<AgentEventBody, { readonly _tag: "StepNarrowed" }>

/** In place of an answer that comes too early. */
export const ofAnswer = (state: AgentState, text: string): Narrowed | undefined => {
  // an answer all the same: the engine does not hold replies to their schema
  if (!isOpen(state) || state.attempt.narrowed !== undefined) return undefined
  const meant = Sources.nearlyNamed(state)
  if (meant !== undefined) return onlyReading([lastTool(state)], `Nobody has looked at ${meant}.`)
  const left = Sources.untouched(state)
  if (left !== undefined) return anyCall(`No call has touched ${left}.`)
  const failed = StallGuard.failedChange(state)
  if (failed !== undefined) {
    const text = `"${failed}" failed, and nothing was done about it.`
    return { _tag: "StepNarrowed", without: [], left: "all", again: failed, text }
  }
  if (NoAnswer.objection(state, text) !== undefined) return anyCall("The model only speaks of a call.")
  // nobody is to be driven to write: only reading tools are left to a model that gives up
  const tool = NoAnswer.isInVain(state) ? "" : NoAnswer.givenUpOn(state, text)
  if (tool === undefined) return undefined
  const why = tool === "" ? "No call has found anything so far." : `The model gave up after "${tool}" did not help.`
  return onlyReading(NoAnswer.exhausted(state), why)
}

/** In place of a call that was made before, or that writes what has not been read. */
export const ofCall = (state: AgentState, open: ReadonlyArray<TurnCall>): Narrowed | undefined => {
  const [first] = open
  if (!isOpen(state) || first === undefined || open.length > 1 || first.started !== undefined) return undefined
  const { call } = first
  const source = Sources.unseen(state, call)
  if (source !== undefined) {
    return onlyReading([], `"${call.name}" would write while nobody has looked at ${source}.`)
  }
  const before = state.attempt.narrowed
  if (!StallGuard.isInVain(state, call) || before?.without.includes(call.name) === true) return undefined
  const text = `"${call.name}" was called with the same arguments before, and nothing has changed since.`
  // what failed in the same way again is done by another tool
  return before?.again === call.name
    ? { _tag: "StepNarrowed", without: [answer, call.name], left: "adding", text }
    : {
        _tag: "StepNarrowed",
        without: [...(before?.without ?? []), call.name],
        left: before?.left ?? "all",
        text
      }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const mostInARun = 5

const isOpen = ({ adapted, narrowed }: AgentState): boolean =>
  adapted.form === "bound" && !adapted.plainSchemas && narrowed < mostInARun

/** Any call but one that may destroy something that the model had no mind to touch. */
const anyCall = (text: string): Narrowed => ({ _tag: "StepNarrowed", without: [answer], left: "careful", text })

const onlyReading = (tools: ReadonlyArray<string>, text: string): Narrowed => ({
  _tag: "StepNarrowed",
  without: [answer, ...tools],
  left: "reading",
  text
})

const lastTool = ({ stall: { activity } }: AgentState): string => activity.at(-1)?.name ?? answer
