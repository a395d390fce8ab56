/** Why a run failed because of what the model said, in words for people. */
import type { Problem } from "./AgentEvent.ts"
import type { AgentState } from "./AgentState.ts"
import * as NoAnswer from "./NoAnswer.ts"
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
 * What speaks against an answer of a model that tends to say that all is done: the last change failed, or no call found
 * anything and the answer does not say so.
 */
export const ofAnswer = (state: AgentState, answer: string): Problem | undefined => {
  const tool = StallGuard.failedChange(state)
  if (tool !== undefined) return notDone(tool)
  return NoAnswer.isInVain(state) && !NoAnswer.ownsUp(answer) ? nothingFound : undefined
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
