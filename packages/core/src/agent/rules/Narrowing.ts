/**
 * Steps that are asked for again with less to choose from, which only bound steps allow: the reply is dropped, and the same
 * request goes out with fewer names in its schema. Small models copy words of advice into their answers; what they cannot
 * choose they do not choose. Each run has a few of these.
 */
import type { AgentEventBody } from "./AgentEvent.ts"
import type { AgentState, TurnCall } from "./AgentState.ts"
import { answer } from "../shapes/Bound.ts"
import * as NoAnswer from "./NoAnswer.ts"
import * as StallGuard from "./StallGuard.ts"
import { unseen } from "./UnseenSource.ts"

type Narrowed = Extract<AgentEventBody, { readonly _tag: "StepNarrowed" }>

/** In place of an answer that gives up after the first failure: a tool that reads, since nobody is to be driven to write. */
export const ofAnswer = (state: AgentState, text: string): Narrowed | undefined => {
  if (!isOpen(state)) return undefined
  const tool = NoAnswer.givenUpOn(state, text)
  return tool === undefined
    ? undefined
    : {
        _tag: "StepNarrowed",
        without: [answer, tool],
        reading: true,
        text: `The model gave up after "${tool}" did not help.`
      }
}

/** In place of a call that was made just now, or that writes what it has not read. */
export const ofCall = (state: AgentState, open: ReadonlyArray<TurnCall>): Narrowed | undefined => {
  const [first] = open
  if (!isOpen(state) || first === undefined || open.length > 1 || first.started !== undefined) return undefined
  const { call } = first
  const source = unseen(state, call)
  if (source !== undefined) {
    const text = `"${call.name}" would write while nobody has looked at ${source}.`
    return { _tag: "StepNarrowed", without: [answer], reading: true, text }
  }
  return StallGuard.isMadeAgain(state, call)
    ? {
        _tag: "StepNarrowed",
        without: [call.name],
        reading: false,
        text: `"${call.name}" was called with the same arguments just now.`
      }
    : undefined
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const mostInARun = 3

const isOpen = ({ adapted, attempt, narrowed }: AgentState): boolean =>
  adapted.form === "bound" && !adapted.plainSchemas && attempt.narrowed === undefined && narrowed < mostInARun
