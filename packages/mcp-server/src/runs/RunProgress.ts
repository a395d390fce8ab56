/**
 * Turns a run's events into progress lines for a person. Pure.
 */
import type { AgentEvent } from "@lms-bridge/core/AgentEvent"
import { NoteWords } from "@lms-bridge/core/RunJournal"
import { tokensPerSecond } from "@lms-bridge/core/LmStudioApi"

/** The state that the next line depends on. */
export interface View {
  readonly round: number
  readonly characters: number
}

export const start: View = { round: 0, characters: 0 }

/** `tell` is sent at once; `note` is for the next heartbeat. */
export interface Line {
  readonly view: View
  readonly tell?: string
  readonly note?: string
}

export const step = (view: View, event: AgentEvent): Line => {
  const inRound = (text: string) => `round ${view.round}: ${text}`
  switch (event._tag) {
    case "Preparing":
      return { view, tell: `${event.what}${event.progress === undefined ? "" : ` ${percent(event.progress)}`}` }
    case "ServersReady": {
      const tools = event.ready.reduce((sum, server) => sum + server.tools, 0)
      const missing = event.missing.length === 0 ? "" : `; without ${event.missing.map((m) => m.server).join(", ")}`
      const held = event.ready.flatMap(({ server, withheld = [] }) => withheld.map((tool) => `${server}/${tool}`))
      const withheld = held.length === 0 ? "" : `; withheld by mcp.lock: ${held.join(", ")}`
      return { view, tell: `${count(event.ready.length, "server")}, ${count(tools, "tool")}${missing}${withheld}` }
    }
    case "ModelReady": {
      const { action, alias, contextLength, host, model, preferredContext } = event.ensured
      const more = preferredContext === undefined ? "" : ` (context_length: ${preferredContext} gets more)`
      const context = contextLength === undefined ? "" : `, context ${contextLength}${more}`
      const name = alias === undefined ? model : `${model} (${alias})`
      return {
        view,
        tell: `${name}${host === undefined ? "" : ` on ${host}`} is ${action === "already-loaded" ? "ready" : action}${context}`
      }
    }
    case "RoundStarted":
      return {
        view: { round: event.round, characters: 0 },
        note: event.final ? "asking for the final answer" : `round ${event.round}: the model is reading`
      }
    case "ReasoningDelta":
      return { view, note: inRound("the model is thinking") }
    case "TextDelta": {
      const characters = view.characters + event.text.length
      return { view: { ...view, characters }, note: inRound(`the model is writing, ${characters} characters`) }
    }
    case "ModelReplied": {
      const speed = tokensPerSecond(event.reply)
      const names = event.reply.toolCalls.map((call) => call.name)
      const what = names.length === 0 ? "answered" : tally(names)
      return { view, tell: inRound(`${what}${speed === undefined ? "" : `; ${Math.round(speed)} tok/s`}`) }
    }
    case "ApprovalAsked":
      return { view, tell: inRound(`waits for an answer: may it call ${event.tool} of ${event.server}?`) }
    case "ApprovalAnswered":
      return { view, note: inRound(event.approved ? "goes on, as it may" : "goes on without the call") }
    case "ToolCallStarted":
      return { view, note: inRound(`${event.server}: ${event.tool} is running`) }
    case "ToolCallProgress":
      return { view, note: inRound(event.message) }
    case "ToolCallRefused":
      return { view, tell: inRound(`${event.name} was refused (${event.reason})`) }
    case "ToolCallFinished":
      return event.isError
        ? { view, tell: inRound(`${event.tool} failed`) }
        : { view, note: inRound(`${event.tool} is done`) }
    case "BudgetReached":
      return { view, tell: `the budget of ${event.budget} is used up; asking for the best answer so far` }
    case "ModelGivenUp":
      return { view, tell: event.text }
    case "ModelFailed":
      return { view, tell: inRound(event.problem.message) }
    default: {
      const words = NoteWords.line(event)
      return words === undefined ? { view } : { view, note: inRound(words) }
    }
  }
}

/** `a ×2, b` in the order of first use. */
export const tally = (names: ReadonlyArray<string>): string => {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return [...counts].map(([name, times]) => (times === 1 ? name : `${name} ×${times}`)).join(", ")
}

export const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? "" : "s"}`

export const percent = (fraction: number): string => `${Math.round(fraction * 100)} %`
