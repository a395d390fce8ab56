/**
 * What to do about a request that LM Studio refuses for its shape: send the conversation in another way, or leave a tool
 * out. Each step is taken once, so their number is limited by the ways and tools.
 */
import type { AgentEventBody } from "./AgentEvent.ts"
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
