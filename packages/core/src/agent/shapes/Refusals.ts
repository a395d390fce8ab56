/**
 * What is done about a request that LM Studio refuses for its shape: the conversation told in another way, or a tool left
 * out. Each step is taken once, so that there are at most as many as ways and tools.
 */
import type { AgentEventBody } from "../rules/AgentEvent.ts"
import type { AgentState } from "../rules/AgentState.ts"
import * as Conversation from "./Conversation.ts"
import * as TemplateWays from "./TemplateWays.ts"

/** How the kinds of notes about refused tools begin; the name follows. */
export const refusedTool = "tool-refused:"

/** Whether LM Studio has refused the tool in this run. */
export const isRefused = (noted: ReadonlyArray<string>, name: string): boolean =>
  noted.includes(`${refusedTool}${name}`)

/** Notes after which the request is sent in another shape; none when nothing is left to try. */
export const remedy = (
  { messages, noted, offered, task }: AgentState,
  turn: Extract<AgentState["turn"], { readonly _tag: "Failed" }>
): ReadonlyArray<AgentEventBody> => {
  const refused = (turn.refusedTools ?? []).filter((name) => !isRefused(noted, name))
  if (refused.length > 0) {
    return refused.map((name) =>
      note(`${refusedTool}${name}`, `The tool "${name}" is left out, and the run goes on: ${turn.problem.message}`)
    )
  }
  const { template: words } = turn
  if (words === undefined) return []
  const way = TemplateWays.next({
    words,
    tried: Conversation.waysIn(noted),
    heard: messages.some(({ role }) => role === "assistant") && task.follows === undefined,
    hasTools: !turn.final && offered.length > 0,
    hasCalls: messages.some((message) => message.role === "tool")
  })
  return way === undefined ? [] : [note(Conversation.noteKind(way), TemplateWays.explained(way, words))]
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const note = (kind: string, text: string): AgentEventBody => ({ _tag: "Noted", kind, text, toModel: false })
