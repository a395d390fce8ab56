/**
 * Steps that are asked for again with less to choose from, which only bound steps allow: the reply is dropped, and the same
 * request goes out with fewer names in its schema. Small models copy words of advice into their answers; what they cannot
 * choose they do not choose. Each run has a few of these.
 */
import type { AgentEventBody } from "./AgentEvent.ts"
import type { AgentState, TurnCall } from "./AgentState.ts"
import { answer } from "../shapes/Bound.ts"
import * as Grounds from "./Grounds.ts"
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
  const failed = StallGuard.failedChange(state)
  const isHonest = NoAnswer.ownsUp(text)
  // a model that is sent on and on writes what it cannot find
  const isHeard = isHonest && state.narrowed >= mostForHonest
  // before anything is written
  if (NoAnswer.isInVain(state) && failed === undefined && !isHeard)
    return lookFurther(state, "No call has found anything so far.")
  const left = Sources.untouched(state)
  if (left !== undefined && !isHeard) return anyCall(`No call has touched ${left}.`)
  if (failed !== undefined) {
    const text = `"${failed}" failed, and nothing was done about it.`
    return { _tag: "StepNarrowed", without: [], left: "all", again: failed, text }
  }
  if (NoAnswer.objection(state, text) !== undefined) return anyCall("The model only speaks of a call.")
  // nobody is to be driven to write: only reading tools are left to a model that gives up
  const tool = isHeard ? undefined : NoAnswer.givenUpOn(state, text)
  if (tool !== undefined) return lookFurther(state, `The model gave up after "${tool}" did not help.`)
  const missing = isHonest ? undefined : unread(state, text)
  return missing === undefined ? undefined : lookFurther(state, missing)
}

/** In place of a call that was made before, or that writes what has not been read. */
export const ofCall = (state: AgentState, open: ReadonlyArray<TurnCall>): Narrowed | undefined => {
  const [first] = open
  if (!isOpen(state) || first === undefined || open.length > 1 || first.started !== undefined) return undefined
  const { call } = first
  const source = Sources.unseen(state, call)
  if (source !== undefined) {
    return onlyReading(lookedElsewhere(state), `"${call.name}" would write while nobody has looked at ${source}.`)
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

/** By other tools than those that have said what they have, and other ones than their variants. */
const lookFurther = (state: AgentState, text: string): Narrowed => {
  const exhausted = NoAnswer.exhausted(state)
  const variants = state.offered.filter(
    (name) => !exhausted.includes(name) && exhausted.some((other) => name.startsWith(`${other}_`))
  )
  return onlyReading([...exhausted, ...variants], text)
}

/** Why an answer that sounds right is not borne out by what was read. */
const unread = (state: AgentState, text: string): string | undefined => {
  // an answer that is asked for by its schema is no step that could be another
  if (state.attempt.demand._tag === "Answer") return undefined
  const source = Sources.unopened(state)
  if (source !== undefined) return `No call has opened ${source}.`
  const name = Grounds.unknownSubject(state, text)
  if (name !== undefined) return `No result says anything of ${name}.`
  const word = state.narrowed < mostForWords ? Grounds.notFound(state) : undefined
  return word === undefined ? undefined : `Nothing was found for "${word}".`
}

/** So often is a model sent on that says that there is nothing. */
const mostForHonest = 2

/** A word need not stand in what answers it. */
const mostForWords = 2

/** Once sent to read, a model that read at another server looks there again and again: that server's tools are left out. */
const lookedElsewhere = ({ narrowed, offered, stall: { activity } }: AgentState): ReadonlyArray<string> => {
  const last = narrowed === 0 ? undefined : activity.at(-1)
  const server = last?.reads === true ? last.name.match(/^.+?__/)?.[0] : undefined
  return server === undefined ? [] : offered.filter((name) => name.startsWith(server))
}

const onlyReading = (tools: ReadonlyArray<string>, text: string): Narrowed => ({
  _tag: "StepNarrowed",
  without: [answer, ...tools],
  left: "reading",
  text
})

const lastTool = ({ stall: { activity } }: AgentState): string => activity.at(-1)?.name ?? answer
