/** Counts what happens in a run: a reader of its events, made only where somebody reads metrics. */
import * as Effect from "effect/Effect"
import * as Metrics from "../observability/Metrics.ts"
import type { AgentEvent } from "../agent/rules/AgentEvent.ts"
import type { Usage } from "../lmstudio/Chat.ts"
import { RunReaders, type RunReader } from "./RunReaders.ts"

/** A reader for one run. */
export const make = (): RunReader => {
  let model = ""
  let ended = ""
  /** When the request under way began. */
  let askedAt = 0
  const counted = (usage: Usage | undefined) => {
    if (usage === undefined) return
    Metrics.tokens.add({ model, type: "input" }, usage.inputTokens)
    Metrics.tokens.add({ model, type: "output" }, usage.outputTokens)
    if (usage.reusedTokens !== undefined) Metrics.tokens.add({ model, type: "reused" }, usage.reusedTokens)
  }
  const on = (event: AgentEvent): void => {
    switch (event._tag) {
      case "RunStarted":
        return Metrics.runsActive.add({}, 1)
      case "RunResumed":
        Metrics.runRecoveries.add({ kind: "resumed" })
        return Metrics.runsActive.add({}, 1)
      case "ModelReady":
        model = event.ensured.model
        return
      case "RoundStarted": {
        const { account } = event
        askedAt = event.at
        if (account !== undefined && account.contextLength > 0)
          Metrics.contextFree.observe({ model }, Math.max(0, account.free) / account.contextLength)
        return
      }
      case "ModelReplied": {
        const { firstTokenMillis, totalMillis, usage } = event.reply
        Metrics.requestSeconds.observe({ model, result: "ok" }, totalMillis / 1000)
        Metrics.firstTokenSeconds.observe({ model }, firstTokenMillis / 1000)
        return counted(usage)
      }
      case "Noted":
      case "Compacted":
        return counted(event.usage)
      case "ModelFailed": {
        const result = event.problem.tag
        Metrics.requestSeconds.observe({ model, result }, Math.max(0, event.at - askedAt) / 1000)
        return Metrics.requestFailures.add({ model, result })
      }
      case "ToolCallFinished": {
        const { isError, millis, server, tool } = event
        const result = isError ? "error" : "ok"
        Metrics.toolCalls.add({ server, tool, result })
        return Metrics.toolSeconds.observe({ server, tool, result }, millis / 1000)
      }
      case "ToolCallRefused":
        // the name may be anything that the model wrote
        return Metrics.toolCalls.add({ server: "", tool: "", result: event.reason })
      case "RunFinished": {
        const { millis, rounds, status } = event.outcome
        Metrics.taskSeconds.observe({ status }, millis / 1000)
        Metrics.taskRounds.observe({ status }, rounds)
        ended = status
        return
      }
      case "RunFailed":
        ended = "failed"
        return
      default:
        return
    }
  }
  const end = () => {
    Metrics.runs.add({ status: ended === "" ? "stopped" : ended, model })
    Metrics.runsActive.add({}, -1)
  }
  return { on, end }
}

/** The readers of now with this one, once, however many ask for it. */
export const counted: Effect.Effect<ReadonlyArray<() => RunReader>> = Effect.map(RunReaders, (others) =>
  others.includes(make) ? others : [...others, make]
)
