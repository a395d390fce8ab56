/**
 * Which other way to tell a conversation is tried next, once a chat template has refused it: by the words of the refusal
 * and by what the template has already taken in this run. Each way is tried once and kept for the rest of the run.
 */
import { templateWords } from "../../lmstudio/RequestShape.ts"
import type { Way } from "./Conversation.ts"

/**
 * What is known when a template refuses. `heard`: it took an earlier request of this run, instructions and tools included.
 */
export interface Refused {
  readonly words: string
  readonly tried: ReadonlyArray<Way>
  readonly heard: boolean
  /** The request offered tools. */
  readonly hasTools: boolean
  /** The conversation has calls or results. */
  readonly hasCalls: boolean
}

/** Undefined when there is no other way. */
export const next = (refused: Refused): Way | undefined => {
  const { hasCalls, hasTools, tried } = refused
  const helps = { system: true, history: hasCalls && !tried.includes("tools"), tools: hasTools }
  return order(refused).find((way) => helps[way] && !tried.includes(way))
}

/** What the person is told. */
export const explained = (way: Way, words: string): string =>
  `The chat template of the model refuses the conversation ("${templateWords(words)}"), so ${does[way]}.`

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const does: Readonly<Record<Way, string>> = {
  system: "the instructions stand at the beginning of the task from now on",
  history: "calls and their results are told as text from now on",
  tools: "the tools are described in the text from now on, and calls are found in the replies"
}

const order = ({ heard, words }: Refused): ReadonlyArray<Way> => {
  // what it took before is not what it refuses now: that is the calls, which have come since
  if (heard) return /system/i.test(words) ? ["system", "history", "tools"] : ["history", "tools", "system"]
  if (/alternat|after the optional|must start with|call id|number of function calls/i.test(words)) {
    return ["history", "system", "tools"]
  }
  return /system|roles? (?:are|is)|unexpected .*role|unsupported .*role|unknown .*role/i.test(words)
    ? ["system", "history", "tools"]
    : ["tools", "history", "system"]
}
