/**
 * A chat as data: what applies to the next reply, what was said, and the run that the next one follows.
 */
import type { AgentEvent, AgentOutcome } from "@lms-bridge/core/AgentEvent"
import type { AgentTask } from "@lms-bridge/core/AgentLoop"

export interface Conversation {
  /** The task of the next reply, without its words. */
  readonly task: Omit<AgentTask, "task" | "follows">
  readonly turns: ReadonlyArray<Turn>
  /** The run whose memory the next one has; undefined before the first reply. */
  readonly run: string | undefined
  /** The events of the last reply. */
  readonly events: ReadonlyArray<AgentEvent>
}

export interface Turn {
  readonly said: string
  readonly model: string | undefined
  readonly answer: string
  readonly calls: ReadonlyArray<string>
  /** Undefined: it was stopped. */
  readonly status: AgentOutcome["status"] | undefined
}

export const begin = (task: Conversation["task"], run?: string): Conversation => ({ task, turns: [], run, events: [] })

export const nextTask = ({ run, task }: Conversation, text: string): AgentTask => ({
  ...task,
  task: text,
  ...(run === undefined ? {} : { follows: { run } })
})

/** The conversation after a reply with these events. A run that never reached the model leaves nothing to remember. */
export const after = (before: Conversation, said: string, events: ReadonlyArray<AgentEvent>): Conversation => {
  const [first] = events
  if (first?._tag !== "RunStarted" && first?._tag !== "RunResumed") return before
  const replied = events.some(({ _tag }) => _tag === "RoundStarted")
  const { attachments: _given, ...task } = before.task
  const outcome = events.findLast((event) => event._tag === "RunFinished")?.outcome
  const turn: Turn = {
    said,
    model: outcome?.model ?? events.findLast((event) => event._tag === "ModelReady")?.ensured.model,
    answer: outcome?.answer ?? "",
    calls: events.flatMap((event) =>
      event._tag === "ToolCallStarted" ? [`${event.server} ${event.tool}`.trim()] : []
    ),
    status: outcome?.status
  }
  return {
    task,
    turns: [...before.turns, turn],
    run: replied ? first.runId : before.run,
    events
  }
}

/** The last reply can go on: it was stopped, or a budget ended it. */
export const canResume = ({ run, turns }: Conversation): boolean => {
  const status = turns.at(-1)?.status
  return (
    run !== undefined && turns.length > 0 && (status === undefined || status === "budget" || status === "unfinished")
  )
}

/** How full the context was at the last request. */
export const context = ({ events }: Conversation): string => {
  const round = events.findLast((event) => event._tag === "RoundStarted" && event.account !== undefined)
  if (round?._tag !== "RoundStarted" || round.account === undefined) return "No request with a known context yet."
  const { contextLength, free, history, reserve, system, tools } = round.account
  const ready = events.findLast((event) => event._tag === "ModelReady")
  const preferred = ready?._tag === "ModelReady" ? ready.ensured.preferredContext : undefined
  const more = preferred === undefined ? "" : ` It was loaded so; --context-length ${preferred} gets more.`
  return `${contextLength} tokens of context: ${system} for the system message, ${tools} for tools, ${history} for the conversation, ${reserve} kept for the reply, ${Math.max(0, free)} free.${more}`
}

export const markdown = ({ turns }: Conversation): string =>
  `${turns
    .flatMap(({ answer, calls, model, said, status }) => [
      `## You\n\n${said}`,
      `## ${model ?? "Model"}\n\n${[
        ...(calls.length === 0 ? [] : [`*Called ${calls.join(", ")}.*`]),
        ...(answer.trim() === "" ? [] : [answer.trim()]),
        ...(status === "done" ? [] : [`*${status === undefined ? "Stopped." : `Ended: ${status}.`}*`])
      ].join("\n\n")}`
    ])
    .join("\n\n")}\n`
