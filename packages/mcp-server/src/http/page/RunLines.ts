/**
 * Runs as the page shows them, from their account and their events. Pure.
 */
import { present } from "@lms-bridge/core/Json"
import { AgentEvent } from "@lms-bridge/core/AgentEvent"
import { RunExplanation, type RunSummary } from "@lms-bridge/core/RunJournal"
import type { Ask, RunEvent, RunLine, RunPage } from "@lms-bridge/page/Page"
import * as Schema from "effect/Schema"
import * as KeptRuns from "../../runs/KeptRuns.ts"
import * as RunReport from "../../runs/RunReport.ts"

/** A run of this process. */
export const ofRecord = (record: RunReport.Record, now: number, asking: boolean): RunLine => {
  const run = RunReport.report(record, now)
  const { account, line } = record
  return {
    runId: run.runId,
    status: run.status,
    task: short(account.state.task.task),
    progress: line,
    rounds: run.rounds,
    startedAt: account.startedAt,
    millis: run.millis,
    ...run.usage,
    ...present({ model: run.model }),
    here: true,
    seq: account.seq,
    ...(asking ? { asking } : {})
  }
}

/** A run of an earlier process, or of another one. */
export const ofSummary = (summary: RunSummary.RunSummary, now: number): RunLine => {
  const { lastAt, model, problem, rounds, runId, startedAt, status, task, usage } = summary
  const isRunning = KeptRuns.isUnderWay(status)
  return {
    runId,
    status: KeptRuns.isUnderWay(status) ? "running" : status,
    task: short(task),
    progress: KeptRuns.progressOf(status) ?? problem?.message ?? "",
    rounds,
    startedAt,
    millis: (isRunning ? now : lastAt) - startedAt,
    ...present({ model, inputTokens: usage?.inputTokens, outputTokens: usage?.outputTokens })
  }
}

/** One run with its events after a number. */
export const page = (
  line: RunLine,
  record: RunReport.Record,
  events: ReadonlyArray<AgentEvent>,
  more: { readonly after: number; readonly now: number; readonly asks: ReadonlyArray<Ask> }
): RunPage => {
  const run = RunReport.report(record, more.now)
  const [first] = events
  const { task } = record.account.state
  const explained = first?._tag === "RunStarted" ? RunExplanation.explain(first, events.slice(1)) : undefined
  const problem = RunReport.failure(record)?.message
  return {
    line,
    answer: run.answer,
    ...present({ problem }),
    task: task.task,
    servers: explained?.servers ?? [],
    missing: run.missingServers ?? [],
    offers: explained?.offers ?? [],
    rounds: explained?.rounds ?? [],
    used: explained?.used ?? { rounds: run.rounds, wallMillis: run.millis, toolCalls: run.toolCalls.length },
    budgets: task.budgets,
    events: events.filter(({ seq }) => seq > more.after).map(shown),
    asks: more.asks
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Longer tasks are shown with the run. */
const mostTask = 300
/** Of one text in an event; a page is not the place for more. */
const mostText = 100_000

const short = (text: string, most = mostTask) => (text.length > most ? `${text.slice(0, most)}…` : text)

const encode = Schema.encodeSync(AgentEvent)

/** Without the conversation that a run follows: that run is shown by itself. */
const shown = (event: AgentEvent): RunEvent => {
  const { history: _history, process: _process, ...rest } = { history: undefined, process: undefined, ...encode(event) }
  return cut(rest) as RunEvent
}

const cut = (value: unknown): unknown => {
  if (typeof value === "string") {
    return value.length > mostText ? `${value.slice(0, mostText)}\n… ${value.length - mostText} more characters` : value
  }
  if (Array.isArray(value)) return value.map(cut)
  // exact numbers are objects too, and say themselves how they are written
  if (typeof value !== "object" || value === null || "toJSON" in value) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, cut(inner)]))
}
