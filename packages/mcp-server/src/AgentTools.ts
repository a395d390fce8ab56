/**
 * Tools that hand a task to a local model with the user's MCP servers.
 */
import { BudgetKind, type AgentEvent, type AgentOutcome } from "@lms-bridge/core/agent/AgentEvent"
import { AgentLoop } from "@lms-bridge/core/agent/AgentLoop"
import type { AgentTask } from "@lms-bridge/core/agent/AgentTask"
import { Settings, type Values } from "@lms-bridge/core/configuration/Settings"
import type { RunId } from "@lms-bridge/core/observability/Correlation"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { maxTokens, model, optional, seconds } from "./Fields.ts"
import * as RunProgress from "./RunProgress.ts"
import * as Tool from "./Tool.ts"

const common = {
  task: Schema.String.pipe(Schema.minLength(1), Schema.maxLength(100_000)).annotations({
    description: "What to do, with all it needs: the model sees nothing else"
  }),
  max_rounds: optional(
    Schema.Int.pipe(Schema.between(1, 10_000)).annotations({ description: "Requests to the model; default 50" })
  ),
  max_tokens: maxTokens("Longest reply in tokens; default auto"),
  model
}

const Run = Schema.Struct({
  answer: Schema.String,
  status: Schema.Literal("done", "budget", "stalled", "failed"),
  runId: Schema.String,
  rounds: Schema.Int,
  toolCalls: Schema.Array(
    Schema.Struct({
      round: Schema.Int,
      server: Schema.String,
      tool: Schema.String,
      isError: Schema.Boolean,
      millis: Schema.Number
    })
  ),
  usage: Schema.Struct({ inputTokens: Schema.Int, outputTokens: Schema.Int }),
  millis: Schema.Number,
  model: optional(Schema.String),
  budget: optional(BudgetKind),
  cut: optional(Schema.Boolean),
  missingServers: optional(Schema.Array(Schema.Struct({ server: Schema.String, message: Schema.String })))
})
type Run = typeof Run.Type

export const withMcp = Tool.make({
  name: "autonomous_with_mcp",
  title: "Delegate a task, one MCP server",
  description: "A local model works on the task with the tools of one MCP server until it is done.",
  annotations: Tool.acts,
  input: Schema.Struct({
    mcp_name: Schema.String.annotations({ description: "A name that list_available_mcps shows" }),
    ...common
  }),
  output: Run,
  text: (run) => account(run),
  handler: ({ mcp_name, ...rest }, progress) => work({ _tag: "Named", names: [mcp_name] }, rest, progress)
})

export const withMultipleMcps = Tool.make({
  name: "autonomous_with_multiple_mcps",
  title: "Delegate a task, several MCP servers",
  description: "The same with the tools of several MCP servers together; each of them must start.",
  annotations: Tool.acts,
  input: Schema.Struct({
    mcp_names: Schema.Array(Schema.String).annotations({ description: "Names that list_available_mcps shows" }),
    ...common
  }),
  output: Run,
  text: (run) => account(run),
  handler: ({ mcp_names, ...rest }, progress) =>
    work(mcp_names.length === 0 ? { _tag: "None" } : { _tag: "Named", names: [...new Set(mcp_names)] }, rest, progress)
})

export const discoverAndExecute = Tool.make({
  name: "autonomous_discover_and_execute",
  title: "Delegate a task, all MCP servers",
  description: "The same with all usable MCP servers; those that do not start are reported and left out.",
  annotations: Tool.acts,
  input: Schema.Struct(common),
  output: Run,
  text: (run) => account(run),
  handler: (input, progress) => work({ _tag: "All" }, input, progress)
})

export const tools = [withMcp, withMultipleMcps, discoverAndExecute]

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Asked {
  readonly task: string
  readonly max_rounds?: number
  readonly max_tokens?: number | "auto"
  readonly model?: string
}

const taskOf = (settings: Values, servers: AgentTask["servers"], asked: Asked): AgentTask => ({
  task: asked.task,
  servers,
  budgets: {
    rounds: asked.max_rounds ?? settings.maxRounds,
    wallMillis: Duration.toMillis(settings.runTimeout),
    toolCalls: settings.maxToolCalls
  },
  ...(asked.model === undefined ? {} : { model: asked.model }),
  ...(typeof asked.max_tokens === "number" ? { maxTokens: asked.max_tokens } : {})
})

interface Watched {
  readonly view: RunProgress.View
  readonly finished: Extract<AgentEvent, { readonly _tag: "RunFinished" }> | undefined
}

const work = Effect.fnUntraced(function* (servers: AgentTask["servers"], asked: Asked, progress: Tool.Progress) {
  const loop = yield* AgentLoop
  const settings = yield* Settings
  const start: Watched = { view: RunProgress.start, finished: undefined }
  const { finished } = yield* loop.run(taskOf(settings, servers, asked)).pipe(
    Stream.runFoldEffect(start, (watched, event) => {
      const { note, tell, view } = RunProgress.step(watched.view, event)
      const next = { view, finished: event._tag === "RunFinished" ? event : watched.finished }
      return (tell !== undefined ? progress.tell(tell) : note !== undefined ? progress.note(note) : Effect.void).pipe(
        Effect.as(next)
      )
    })
  )
  // the loop promises that the last event is the outcome
  if (finished === undefined) return yield* Effect.dieMessage("a run ended without an outcome")
  const { outcome, runId } = finished
  const run = toRun(outcome, runId)
  if (outcome.status === "failed") return yield* Effect.fail(failed(outcome, run))
  return run
})

const toRun = (outcome: AgentOutcome, runId: RunId): Run => ({
  answer: outcome.answer,
  status: outcome.status,
  runId,
  rounds: outcome.rounds,
  toolCalls: outcome.toolCalls.map(({ isError, millis, round, server, tool }) => ({
    round,
    server,
    tool,
    isError,
    millis: Math.round(millis)
  })),
  usage: { inputTokens: outcome.usage.inputTokens, outputTokens: outcome.usage.outputTokens },
  millis: Math.round(outcome.millis),
  ...(outcome.model === undefined ? {} : { model: outcome.model }),
  ...(outcome.budget === undefined ? {} : { budget: outcome.budget }),
  ...(outcome.cut ? { cut: true } : {}),
  ...(outcome.missingServers.length === 0
    ? {}
    : {
        missingServers: outcome.missingServers.map(({ problem, server }) => ({ server, message: problem.message }))
      })
})

/** The model was asked and something then broke the run: an error that keeps what had been done. */
const failed = (outcome: AgentOutcome, run: Run): Tool.Failure => ({
  _tag: outcome.problem?.tag ?? "RunFailed",
  message: [
    outcome.problem?.message ?? "The run failed.",
    ...(run.answer === "" ? [] : [`What there was until then: ${run.answer}`]),
    summary(run)
  ].join("\n"),
  retryable: false,
  account: run
})

const account = (run: Run): ReadonlyArray<string> => [run.answer, summary(run)]

const summary = (run: Run): string =>
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
