/**
 * A chat template without a place for tools drops them in silence: the model never hears of them, and answers that it is ready
 * to help. The server's own count of the first request gives it away.
 */
import type { Usage } from "../../lmstudio/Chat.ts"
import type { AgentState } from "./AgentState.ts"

/** Why the tools of the first request cannot have reached the model; undefined when they may have. */
export const toolsDropped = (
  { adapted, offered, rounds, sent, task }: AgentState,
  usage: Usage | undefined,
  calls: number
): string | undefined => {
  if (adapted.form === "bound" || task.toolForm !== undefined || adapted.ways.includes("tools")) return undefined
  if (rounds !== 1 || offered.length === 0 || calls > 0 || sent === undefined || usage === undefined) return undefined
  const counted = usage.inputTokens
  const rest = sent.all - sent.tools
  // a count of the rest alone, and no count that means nothing
  const isRest = counted > rest * 0.4 && counted < rest * 2.5
  return sent.tools >= enoughToTell && counted < sent.tools * 0.7 && isRest
    ? `The server counted ${counted} tokens where the tools alone are about ${sent.tools}: the chat template of the model has no place for tools, so they are in the text from now on.`
    : undefined
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const enoughToTell = 200
