/**
 * Replies that would end a run and are no answer to anybody: the model explains which tool could be called, declines to help
 * while it has tools to work with, or gives up after its first try.
 */
import { wordsBeforeCalls } from "../forms/FoundCalls.ts"
import { gaveNothing } from "../shapes/EmptyResult.ts"
import type { AgentState } from "./AgentState.ts"

/** What to tell the model about a reply that does nothing; undefined when it may be an answer. It is told so once. */
export const objection = ({ attempt, offered }: AgentState, answer: string): string | undefined => {
  const text = answer.trim()
  if (attempt.objected || offered.length === 0 || text.length > longest) return undefined
  if (refusal.test(text)) return mayHelp
  return advice.test(text) && offered.some((name) => text.includes(name)) ? doIt : undefined
}

/** The tool whose call failed, or found nothing, when the model gives up on it; undefined when it does not. */
export const givenUpOn = ({ stall: { activity } }: AgentState, answer: string): string | undefined => {
  const last = activity.at(-1)
  if (last === undefined || answer.trim().length > longest) return undefined
  const failed = last.told === undefined && last.repeated !== true
  return failed || nothingFound.test(answer) ? last.name : undefined
}

/** Whether the answer says that something is not there or could not be done. */
export const ownsUp = (answer: string): boolean => denial.test(answer)

/** Whether a value by the task's schema says that there is nothing: something in it is empty, or says so. */
export const saysNothing = (value: unknown): boolean =>
  value === null || value === false || value === ""
    ? true
    : typeof value === "string"
      ? ownsUp(value)
      : typeof value === "object" && (Object.keys(value).length === 0 || Object.values(value).some(saysNothing))

/** Whether there were calls and none of them gave anything. */
export const isInVain = ({ stall: { activity } }: AgentState): boolean =>
  activity.length > 0 && activity.every(({ told }) => told === undefined || gaveNothing(told))

/** The tools that need not be tried again: their calls gave nothing, or the last one has said what it has. */
export const exhausted = ({ stall: { activity } }: AgentState): ReadonlyArray<string> =>
  activity.flatMap(({ name, told }, index) =>
    told === undefined || gaveNothing(told) || index === activity.length - 1 ? [name] : []
  )

/** What to tell the model about a reply that was cut, or said nothing. */
export const continueText =
  "Your reply was cut off by the token limit. Continue exactly where it stopped, without repeating anything."
export const saySomething =
  "Your reply was empty. Do the next step of the task, or give the answer from what you know by now."
export const answerNow = "Your reply was only reasoning. Now give the answer, or call a tool."
export const answerBriefly = "Your reply was cut off by the token limit before it said anything. Answer briefly now."

/** The last text that the model wrote beside its calls, as a substitute for an answer. */
export const best = (state: AgentState): string => {
  const words = state.attempt.said + state.attempt.brokenOff
  if (words.trim() !== "") return words
  for (const message of state.messages.toReversed()) {
    const words = message.role === "assistant" ? wordsBeforeCalls(message.content) : ""
    if (words.trim() !== "") return words
  }
  return ""
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Answers of some length say more than that. */
const longest = 600

const refusal =
  /^(?:I'?m |I am )?(?:very )?sorry,? (?:but )?(?:as an AI[^.]{0,60},? )?I (?:can'?t|cannot|am (?:not able|unable) to|'m (?:not able|unable) to) (?:assist|help)\b[^.]{0,60}\.?$|^I(?:'m| am) ready to help\b/i

const advice =
  /\b(?:you (?:can|could|should|may|need to|will need to)|to do (?:this|so|that),? (?:you|we)|we (?:can|need to|should)|let'?s|I (?:will|'ll|need to|would)) (?:first )?(?:use|call|run|invoke|utilize)\b/i

const denial =
  /\b(?:no|not|none|nothing|never|cannot|unable|without|fail(?:ed|s)?|missing|unknown|unavailable|impossible|denied|errors?)\b|n['’]t\b/i

const nothingFound =
  /\b(?:no|not|nothing|none) (?:[\w']+ ){0,3}(?:found|exist\w*|information|match\w*|known|available|recorded|stored|such|mention\w*|data)\b|n't (?:have|find|exist|contain|know)\b|\bno (?:\w+ )?(?:information|record|data|file)/i

const mayHelp = "You can do this task with your tools. Do the next step of it now, or say exactly what is missing."
const doIt = "Nothing was done: naming a tool does not call it. Call it now, or give the answer itself."
