/**
 * The result of a run for tools, made from its account. Pure.
 */
import { present, stringify } from "@lms-bridge/core/Json"
import { type AgentEvent, type AgentOutcome, BudgetKind, OpenCalls, type Problem } from "@lms-bridge/core/AgentEvent"
import { RunAccount } from "@lms-bridge/core/RunJournal"
import * as Schema from "effect/Schema"
import { asTools } from "../protocol/Hints.ts"
import * as Fields from "../tools/Fields.ts"
import { optional, seconds } from "../tools/Fields.ts"
import * as RunProgress from "./RunProgress.ts"

/** The result of a run. */
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
      stopped: optional(Schema.Boolean),
      uncertain: optional(Schema.Boolean)
    })
  ).annotations(Fields.brief("array")),
  usage: Schema.Struct({ inputTokens: Schema.Int, outputTokens: Schema.Int }).annotations(Fields.brief("object")),
  millis: Schema.Number,
  model: optional(Schema.String),
  budget: optional(BudgetKind.annotations(Fields.brief("string"))),
  cut: optional(Schema.Boolean),
  progress: optional(Schema.String),
  /** What was not as the caller meant it: no servers, names that match nothing, a question without an answer, another model. */
  warnings: optional(Schema.Array(Schema.String).annotations(Fields.brief("array"))),
  missingServers: optional(
    Schema.Array(Schema.Struct({ server: Schema.String, message: Schema.String })).annotations(Fields.brief("array"))
  )
})
export type Run = typeof Run.Type

/** The fields on which a caller decides; `docs/mcp.md` has the rest. */
export const listed = ["answer", "status", "runId"] as const

/** A run, active or ended. */
export interface Record {
  readonly account: RunAccount.RunAccount
  readonly view: RunProgress.View
  readonly line: string
  readonly warnings: ReadonlyArray<string>
  /** What ended it if its events do not say so: it failed, or it was stopped. `at` is epoch milliseconds. */
  readonly closed:
    | { readonly _tag: "Refused"; readonly problem: Problem; readonly at: number }
    | { readonly _tag: "Stopped"; readonly at: number }
    | undefined
}

export const begin = (event: Extract<AgentEvent, { readonly _tag: "RunStarted" }>): Record => ({
  account: RunAccount.begin(event),
  view: RunProgress.start,
  line: "started",
  warnings: [],
  closed: undefined
})

/** The record after these events; undefined if they do not begin with the start of a run. */
export const ofEvents = ([first, ...rest]: ReadonlyArray<AgentEvent>): Record | undefined =>
  first?._tag === "RunStarted" ? rest.reduce((record, event) => evolve(record, event)[0], begin(first)) : undefined

/** The record after an event, and its progress line, if any. */
export const evolve = (record: Record, event: AgentEvent): readonly [Record, RunProgress.Line] => {
  const { note, tell, view } = RunProgress.step(record.view, event)
  const said = {
    ...(tell === undefined ? {} : { tell: asTools(tell) }),
    ...(note === undefined ? {} : { note: asTools(note) })
  }
  const account = RunAccount.step(record.account, event)
  const isWarning = event._tag === "ModelGivenUp" || (event._tag === "Noted" && warned.has(event.kind))
  const warnings = isWarning ? [...record.warnings, asTools(event.text)] : record.warnings
  const line = said.tell ?? said.note ?? record.line
  return [
    { ...record, account, warnings, view, line },
    { view, ...said }
  ]
}

/** Why the run failed, if it did. */
export const problem = (record: Record): Problem | undefined =>
  RunAccount.outcome(record.account)?.problem ?? failure(record)

/** Why the run has no outcome, if it failed without one. */
export const failure = ({ account, closed }: Record): Problem | undefined =>
  closed?._tag === "Refused" ? closed.problem : account.failure

export const hasEnded = (record: Record): boolean =>
  RunAccount.outcome(record.account) !== undefined || failure(record) !== undefined || record.closed !== undefined

/** The run at a time, in epoch milliseconds. */
export const report = (record: Record, now: number): Run => {
  const { account, closed, line } = record
  const outcome = RunAccount.outcome(account)
  const warnings = record.warnings.length === 0 ? {} : { warnings: record.warnings }
  if (outcome !== undefined) return { ...told(outcome, outcome.status, account.runId), ...warnings }
  const failed = failure(record) !== undefined
  const ended = closed?.at ?? (failed ? account.state.lastAt : undefined)
  const soFar = RunAccount.soFar(account, ended ?? now)
  const toolCalls =
    ended === undefined ? soFar.toolCalls : [...soFar.toolCalls, ...RunAccount.openCalls(account, ended)]
  const status = failed ? "failed" : ended === undefined ? "running" : "unfinished"
  return { ...told({ ...soFar, toolCalls }, status, account.runId), progress: line, ...warnings }
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
  const { millis, rounds, runId, status } = report(record, now)
  const { account, line } = record
  const why = problem(record)?.message
  const progress = why === undefined ? line : asTools(why)
  return { runId, status, task: account.state.task.task, progress, rounds, startedAt: account.startedAt, millis }
}

/** A run as text: the answer or the state, and one line of figures. */
export const text = (run: Run): ReadonlyArray<string> => [
  run.status === "running"
    ? `${run.progress === undefined || run.progress === "started" ? "The run has begun" : `The run continues: ${run.progress}`}. Ask run_result for ${run.runId} later; run_cancel stops it.`
    : run.status === "unfinished"
      ? `The run was stopped before it finished; ${continues(run)}.`
      : run.answer,
  ...(run.warnings ?? []),
  ...OpenCalls.doubts(run.toolCalls),
  ...(run.status === "budget" ? [`It is not finished: ${continues(run)}.`] : []),
  summary(run)
]

const continues = ({ runId }: Run) => `run_start with follows: "${runId}" and no task continues it where it was`

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
    ...(run.cut === true ? ["the answer was cut off at max_tokens"] : []),
    ...(run.missingServers ?? []).map(({ message, server }) => `without ${server}: ${message}`),
    run.runId
  ].join(" · ")

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Kinds of notes that a caller has to know. */
const warned: ReadonlySet<string> = new Set(["servers", "excluded", "allowed", "approval"])

const missing = ({ problem, server }: AgentOutcome["missingServers"][number]) => ({
  server,
  message: asTools(problem.message)
})

const told = (outcome: Omit<AgentOutcome, "status">, status: Run["status"], runId: string): Run => ({
  // an answer that had to be JSON is that JSON, without the text around it
  answer: outcome.structured === undefined ? outcome.answer : stringify(outcome.structured),
  status,
  runId,
  rounds: outcome.rounds,
  toolCalls: outcome.toolCalls.map(({ millis, ...call }) => ({ ...call, millis: Math.round(millis) })),
  usage: { inputTokens: outcome.usage.inputTokens, outputTokens: outcome.usage.outputTokens },
  millis: Math.round(outcome.millis),
  ...present({ model: outcome.model, budget: outcome.budget }),
  ...(outcome.cut ? { cut: true } : {}),
  ...(outcome.missingServers.length === 0 ? {} : { missingServers: outcome.missingServers.map(missing) })
})
