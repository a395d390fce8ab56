/**
 * What is known of a run at any moment, folded from its events, and how it is told. Pure.
 */
import { BudgetKind, type AgentEvent, type AgentOutcome } from "@lms-bridge/core/agent/AgentEvent"
import * as OpenCalls from "@lms-bridge/core/agent/OpenCalls"
import type { RunId } from "@lms-bridge/core/observability/Correlation"
import * as Schema from "effect/Schema"
import * as Fields from "./Fields.ts"
import { optional, seconds } from "./Fields.ts"
import * as RunProgress from "./RunProgress.ts"

/** A run as tools answer it. */
export const Run = Schema.Struct({
  answer: Schema.String,
  /** `unfinished`: it was cancelled, or the process that carried it out is gone. */
  status: Schema.Literal("running", "done", "budget", "stalled", "failed", "unfinished"),
  runId: Schema.String,
  rounds: Schema.Int,
  toolCalls: Schema.Array(
    Schema.Struct({
      round: Schema.Int,
      server: Schema.String,
      tool: Schema.String,
      isError: Schema.Boolean,
      millis: Schema.Number,
      uncertain: optional(Schema.Boolean)
    })
  ).annotations(Fields.brief("array")),
  usage: Schema.Struct({ inputTokens: Schema.Int, outputTokens: Schema.Int }).annotations(Fields.brief("object")),
  millis: Schema.Number,
  model: optional(Schema.String),
  budget: optional(BudgetKind.annotations(Fields.brief("string"))),
  cut: optional(Schema.Boolean),
  progress: optional(Schema.String),
  missingServers: optional(
    Schema.Array(Schema.Struct({ server: Schema.String, message: Schema.String })).annotations(Fields.brief("array"))
  )
})
export type Run = typeof Run.Type

/** What of it a caller decides on; `docs/mcp.md` has the rest. */
export const listed = ["answer", "status", "runId"] as const

/** A run, running or not. */
export interface Record {
  readonly runId: RunId
  readonly task: string
  /** Epoch milliseconds. */
  readonly startedAt: number
  readonly lastAt: number
  readonly view: RunProgress.View
  readonly line: string
  readonly model: string | undefined
  readonly toolCalls: Run["toolCalls"]
  readonly open: ReadonlyArray<OpenCalls.OpenCall>
  readonly usage: Run["usage"]
  readonly missing: NonNullable<Run["missingServers"]>
  readonly end:
    | { readonly _tag: "Outcome"; readonly outcome: AgentOutcome }
    | { readonly _tag: "Refused"; readonly tag: string; readonly message: string; readonly at: number }
    | { readonly _tag: "Stopped"; readonly at: number }
    | undefined
}

export const begin = (event: Extract<AgentEvent, { readonly _tag: "RunStarted" }>): Record => ({
  runId: event.runId,
  task: event.task.task,
  startedAt: event.at,
  lastAt: event.at,
  view: RunProgress.start,
  line: "started",
  model: event.task.model,
  toolCalls: [],
  open: [],
  usage: { inputTokens: 0, outputTokens: 0 },
  missing: [],
  end: undefined
})

/** The record after an event, and the words for it, if any. */
export const evolve = (record: Record, event: AgentEvent): readonly [Record, RunProgress.Line] => {
  const line = RunProgress.step(record.view, event)
  const open = OpenCalls.step(record.open, event, line.view.round)
  const next = { ...record, open, lastAt: event.at, view: line.view, line: line.tell ?? line.note ?? record.line }
  switch (event._tag) {
    case "ServersReady":
      return [{ ...next, missing: event.missing.map(missing) }, line]
    case "ModelReady":
      return [{ ...next, model: event.ensured.model }, line]
    case "ModelReplied": {
      const { inputTokens = 0, outputTokens = 0 } = event.reply.usage ?? {}
      return [
        {
          ...next,
          usage: {
            inputTokens: record.usage.inputTokens + inputTokens,
            outputTokens: record.usage.outputTokens + outputTokens
          }
        },
        line
      ]
    }
    case "ToolCallFinished": {
      const { isError, millis, server, tool } = event
      const call = { round: line.view.round, server, tool, isError, millis: Math.round(millis) }
      return [{ ...next, toolCalls: [...record.toolCalls, call] }, line]
    }
    case "RunResumed":
      return [{ ...next, toolCalls: [...record.toolCalls, ...stopped(record, record.lastAt)], end: undefined }, line]
    case "RunFinished":
      return [{ ...next, end: { _tag: "Outcome", outcome: event.outcome } }, line]
    case "RunFailed": {
      const { message, tag } = event.problem
      return [{ ...next, end: { _tag: "Refused", tag, message, at: event.at } }, line]
    }
    default:
      return [next, line]
  }
}

/** The account at a time, in epoch milliseconds. */
export const account = (record: Record, now: number): Run => {
  if (record.end?._tag === "Outcome") return finished(record.end.outcome, record.runId)
  return {
    answer: "",
    status: record.end === undefined ? "running" : withoutOutcome[record.end._tag],
    runId: record.runId,
    rounds: record.view.round,
    toolCalls: record.end === undefined ? record.toolCalls : [...record.toolCalls, ...stopped(record, record.end.at)],
    usage: record.usage,
    millis: Math.max(0, (record.end?.at ?? now) - record.startedAt),
    progress: record.line,
    ...(record.model === undefined ? {} : { model: record.model }),
    ...(record.missing.length === 0 ? {} : { missingServers: record.missing })
  }
}

/** A run in a list. Times in milliseconds, `startedAt` since the epoch. */
export interface Listed {
  readonly runId: string
  readonly status: Run["status"]
  readonly task: string
  readonly progress: string
  readonly rounds: number
  readonly startedAt: number
  readonly millis: number
}

export const brief = (record: Record, now: number): Listed => {
  const { millis, rounds, runId, status } = account(record, now)
  const { line, startedAt, task } = record
  return { runId, status, task, progress: line, rounds, startedAt, millis }
}

/** A run as text: the answer, or where it is, and one line of figures. */
export const text = (run: Run): ReadonlyArray<string> => [
  run.status === "running"
    ? `The run goes on: ${run.progress ?? "started"}. Ask run_result for ${run.runId} later; run_cancel stops it.`
    : run.status === "unfinished"
      ? `The run was stopped before its end. \`lms-bridge runs resume ${run.runId}\` takes it up again.`
      : run.answer,
  ...OpenCalls.doubts(run.toolCalls),
  ...(run.status === "budget" ? [`It is not finished: run_start with follows: "${run.runId}" goes on.`] : []),
  summary(run)
]

export const summary = (run: Run): string =>
  [
    run.status === "budget" ? `ended by its budget of ${run.budget ?? "rounds"}, best answer so far` : run.status,
    RunProgress.count(run.rounds, "round"),
    run.toolCalls.length === 0
      ? "no tool calls"
      : `${RunProgress.count(run.toolCalls.length, "tool call")} (${RunProgress.tally(run.toolCalls.map(({ tool }) => tool))})`,
    ...(run.model === undefined ? [] : [run.model]),
    `${run.usage.inputTokens} tokens read, ${run.usage.outputTokens} written`,
    seconds(run.millis),
    ...(run.cut === true ? ["the answer was cut by max_tokens"] : []),
    ...(run.missingServers ?? []).map(({ message, server }) => `without ${server}: ${message}`),
    run.runId
  ].join(" · ")

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const withoutOutcome = { Refused: "failed", Stopped: "unfinished" } as const

/** What had not ended when the run was stopped. */
const stopped = ({ open }: Record, at: number): Run["toolCalls"] => OpenCalls.records(open, at).map(rounded)

const rounded = ({ millis, ...call }: Run["toolCalls"][number]) => ({ ...call, millis: Math.round(millis) })

const missing = ({ problem, server }: AgentOutcome["missingServers"][number]) => ({ server, message: problem.message })

const finished = (outcome: AgentOutcome, runId: RunId): Run => ({
  // an answer that had to be JSON is that JSON, without what the model put around it
  answer: outcome.structured === undefined ? outcome.answer : JSON.stringify(outcome.structured),
  status: outcome.status,
  runId,
  rounds: outcome.rounds,
  toolCalls: outcome.toolCalls.map(rounded),
  usage: { inputTokens: outcome.usage.inputTokens, outputTokens: outcome.usage.outputTokens },
  millis: Math.round(outcome.millis),
  ...(outcome.model === undefined ? {} : { model: outcome.model }),
  ...(outcome.budget === undefined ? {} : { budget: outcome.budget }),
  ...(outcome.cut ? { cut: true } : {}),
  ...(outcome.missingServers.length === 0 ? {} : { missingServers: outcome.missingServers.map(missing) })
})
