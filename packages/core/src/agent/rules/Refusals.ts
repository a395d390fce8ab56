/**
 * What to do about a request that LM Studio refuses for its shape: send the conversation in another way, or leave a tool
 * out. Each step is taken once, so their number is limited by the ways and tools.
 */
import type { AgentEventBody } from "./AgentEvent.ts"
import type { Usage } from "../../lmstudio/Chat.ts"
import type { AgentState } from "./AgentState.ts"
import * as TemplateWays from "../shapes/TemplateWays.ts"

/** Events after which the request is sent in another shape; none when nothing is left to try. */
export const remedy = (
  { adapted, messages, offered, task }: AgentState,
  turn: Extract<AgentState["turn"], { readonly _tag: "Failed" }>
): ReadonlyArray<AgentEventBody> => {
  const refused = (turn.refusedTools ?? []).filter((name) => !adapted.leftOut.includes(name))
  if (refused.length > 0) {
    return refused.map((name) => ({
      _tag: "ToolLeftOut",
      name,
      text: `The tool "${name}" is left out, and the run continues: ${turn.problem.message}`
    }))
  }
  const { template: words } = turn
  if (words === undefined) return []
  const way = TemplateWays.next({
    words,
    tried: adapted.ways,
    heard: messages.some(({ role }) => role === "assistant") && task.follows === undefined,
    hasTools: !turn.final && offered.length > 0,
    hasCalls: messages.some((message) => message.role === "tool")
  })
  return way === undefined ? [] : [{ _tag: "TemplateAnswered", way, text: TemplateWays.explained(way, words) }]
}

/**
 * Why the tools of the first request cannot have reached the model; undefined when they may have. A chat template without a
 * place for tools drops them in silence, and the model answers that it is ready to help. The server's own count gives it away.
 */
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

/** Tokens of tools that a count must lack to tell. */
const enoughToTell = 200
