/** Why a run failed because of what the model said, in words for people. */
import type { Problem } from "./AgentEvent.ts"
import type { AgentState } from "./AgentState.ts"
import * as Grounds from "./Grounds.ts"
import * as NoAnswer from "./NoAnswer.ts"
import * as Sources from "./Sources.ts"
import * as StallGuard from "./StallGuard.ts"

export const callNotRead: Problem = {
  tag: "CallNotReadable",
  message:
    "The model wrote a tool call into its text that could not be run, even after it was told what is wrong. Try again, or use a model that is trained for tool use."
}
export const emptyReply: Problem = {
  tag: "EmptyReply",
  message: "The model gave an empty reply twice. Try again, or use another model."
}
export const noAnswer: Problem = {
  tag: "OnlyReasoning",
  message:
    "The model only reasoned and gave no answer, even when it was asked again. Ask for a direct answer, turn its reasoning down in LM Studio, or use another model."
}
export const onlyThought: Problem = {
  tag: "OnlyReasoning",
  message:
    "The model used all tokens of its reply for reasoning, twice. Allow longer replies (maxTokens), load it with a larger context, or use another model."
}

/**
 * What speaks against an answer of a model that tends to say that all is done: the last change failed, or the answer does not
 * say that no call found anything, that a file of the task could not be opened, that no result has what it speaks of, or that
 * there is no tool for it.
 */
export const ofAnswer = (state: AgentState, answer: string): Problem | undefined => {
  const tool = StallGuard.failedChange(state)
  if (tool !== undefined) return notDone(tool)
  if (NoAnswer.ownsUp(answer)) return undefined
  if (NoAnswer.isInVain(state)) return nothingFound
  const missing = Sources.unopened(state) ?? Grounds.unknownSubject(state, answer)
  if (missing !== undefined) return notRead(missing)
  const effect = Grounds.noToolFor(state)
  return effect === undefined ? undefined : noTool(effect)
}

/** The same for an answer by the task's schema, which has its own ways to say that there is nothing. */
export const ofStructured = (state: AgentState, value: unknown): Problem | undefined => {
  if (NoAnswer.saysNothing(value)) return undefined
  if (NoAnswer.isInVain(state)) return nothingFound
  const missing = Sources.unopened(state)
  return missing === undefined ? undefined : notRead(missing)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const notDone = (tool: string): Problem => ({
  tag: "NotDone",
  message: `The last call of "${tool}" failed and no later one made up for it, so the task is probably not done, whatever the answer says. Look at what is there, then try again or use a larger model.`
})
const nothingFound: Problem = {
  tag: "NothingFound",
  message:
    "No call found anything, so the answer rests on no result. Check it, or try again with a larger model or more exact words."
}
const notRead = (missing: string): Problem => ({
  tag: "NothingFound",
  message: `Nothing that was read has "${missing}", although the answer speaks as if it did. Check it, or try again with a larger model or more exact words.`
})
const noTool = (effect: string): Problem => ({
  tag: "NotDone",
  message: `None of the tools on offer can ${effect}, so the task is probably not done, whatever the answer says. Look at what was changed, and add a server that can do it.`
})
