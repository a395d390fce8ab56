/**
 * Chooses the next way to send a conversation after a chat template has refused it, by the words of the refusal and by
 * what the template has already accepted in this run. Each way is tried once and kept for the rest of the run.
 */
import { templateWords } from "../../lmstudio/RequestShape.ts"
import type { Way } from "../ToolForm.ts"

/**
 * What is known about a refusal. `heard`: the template accepted an earlier request of this run, with its instructions and
 * tools.
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

/** The next way; undefined when there is no other. */
export const next = (refused: Refused): Way | undefined => {
  const { hasCalls, hasTools, tried } = refused
  const helps = { system: true, history: hasCalls && !tried.includes("tools"), tools: hasTools }
  return order(refused).find((way) => helps[way] && !tried.includes(way))
}

/** The explanation for the person. */
export const explained = (way: Way, words: string): string =>
  `The chat template of the model refuses the conversation ("${templateWords(words)}"), so ${does[way]}.`

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const does: Readonly<Record<Way, string>> = {
  system: "from now on the instructions are put at the start of the task",
  history: "from now on calls and their results are sent as text",
  tools: "from now on the tools are described in the text, and calls are found in the replies"
}

const order = ({ heard, words }: Refused): ReadonlyArray<Way> => {
  // it accepted everything but the calls, which are new since then
  if (heard) return /system/i.test(words) ? ["system", "history", "tools"] : ["history", "tools", "system"]
  if (/alternat|after the optional|must start with|call id|number of function calls/i.test(words)) {
    return ["history", "system", "tools"]
  }
  return /system|roles? (?:are|is)|unexpected .*role|unsupported .*role|unknown .*role/i.test(words)
    ? ["system", "history", "tools"]
    : ["tools", "history", "system"]
}
