/**
 * What of a run is logged: one line for an event, with facts and without anything that a person, a model or a tool said.
 */
import * as Effect from "effect/Effect"
import { present } from "../schema/Fields.ts"
import type { AgentEvent } from "../agent/rules/AgentEvent.ts"
import type { AgentTask } from "../agent/AgentTask.ts"

export interface LogLine {
  readonly level: "info" | "debug"
  readonly message: string
  readonly facts: Readonly<Record<string, unknown>>
}

/** The line of an event; most events have none. */
export const of = (event: AgentEvent): LogLine | undefined => {
  switch (event._tag) {
    case "RunStarted":
      return info("run started", factsOf(event.task))
    case "RunResumed":
      return info("run resumed", factsOf(event.task))
    case "RunFinished": {
      const { budget, millis, model, problem, rounds, status, toolCalls, usage } = event.outcome
      return info("run ended", {
        status,
        ...present({ model, budget, error: problem?.tag }),
        rounds,
        toolCalls: toolCalls.length,
        inputTokens: usage.inputTokens,
        outputTokens: usage.outputTokens,
        millis: Math.round(millis)
      })
    }
    case "RunFailed":
      return info("run failed", { error: event.problem.tag })
    case "ModelGivenUp":
      return info("model given up", { model: event.model, rounds: event.rounds, toolCalls: event.toolCalls })
    case "ToolsOffered":
      return debug("tools offered", {
        offered: event.offered.length,
        withheld: event.withheld,
        estimatedTokens: event.estimatedTokens
      })
    case "ModelReplied": {
      const { firstTokenMillis, toolCalls, totalMillis, usage } = event.reply
      return debug("model replied", {
        round: event.round,
        firstTokenMillis: Math.round(firstTokenMillis),
        millis: Math.round(totalMillis),
        ...present({
          inputTokens: usage?.inputTokens,
          reusedTokens: usage?.reusedTokens,
          outputTokens: usage?.outputTokens
        }),
        toolCalls: toolCalls.length
      })
    }
    case "ModelFailed":
      return debug("model failed", { round: event.round, error: event.problem.tag, repeatable: event.repeatable })
    case "ToolCallStarted":
      // what the policy refuses, or asks a person about, has lines of its own
      return debug("tool call allowed", { call: event.callId, server: event.server, tool: event.tool })
    case "ToolCallFinished":
      return debug("tool called", {
        call: event.callId,
        server: event.server,
        tool: event.tool,
        millis: Math.round(event.millis),
        bytes: event.bytes,
        outcome: event.isError ? "error" : "ok"
      })
    case "ToolCallRefused":
      return debug("tool call refused", {
        call: event.callId,
        tool: event.name,
        reason: event.reason,
        ...present({ by: event.by })
      })
    case "ApprovalAsked":
      return debug("approval asked", { call: event.callId, server: event.server, tool: event.tool })
    case "ApprovalAnswered":
      return debug("approval answered", { call: event.callId, approved: event.approved })
    case "Compacted":
      return debug("conversation shortened", { messages: event.messages })
    case "Stalled":
      return debug("run goes in circles", { step: event.step, tool: event.tool })
    case "BudgetReached":
      return debug("budget reached", { budget: event.budget })
    default:
      return undefined
  }
}

/** Nothing is logged where an event has no line. */
export const log = (line: LogLine | undefined): Effect.Effect<void> => {
  if (line === undefined) return Effect.void
  switch (line.level) {
    case "info":
      return Effect.logInfo(line.message, line.facts)
    case "debug":
      return Effect.logDebug(line.message, line.facts)
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const info = (message: string, facts: LogLine["facts"]): LogLine => ({ level: "info", message, facts })

const debug = (message: string, facts: LogLine["facts"]): LogLine => ({ level: "debug", message, facts })

/** Names of models and servers are the person's own configuration; the words of the task are not for a log. */
const factsOf = ({ definedServers = [], follows, model, servers }: AgentTask) => ({
  ...present({ model, follows: follows?.run }),
  servers:
    servers._tag === "All"
      ? "all"
      : [...(servers._tag === "Named" ? servers.names : []), ...definedServers.map(({ name }) => name)]
})
