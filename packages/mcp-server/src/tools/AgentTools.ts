/**
 * Tools that delegate a task to a local model with the user's MCP servers.
 */
import { type AgentTask, CurrentApprover } from "@lms-bridge/core/AgentLoop"
import type { Problem } from "@lms-bridge/core/AgentEvent"
import { Settings, table, type Values } from "@lms-bridge/core/Settings"
import { CurrentElicitation } from "@lms-bridge/core/McpRegistry"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { present } from "@lms-bridge/core/Json"
import * as Approval from "../protocol/Approval.ts"
import * as Attendance from "../protocol/ElicitationBridge.ts"
import { DetachAfter } from "../protocol/CallContext.ts"
import { argument, maxTokens, model, option } from "./Fields.ts"
import * as RunReport from "../runs/RunReport.ts"
import { Runs } from "../runs/Runs.ts"
import * as Tool from "./Tool.ts"

export const Words = Schema.String.pipe(Schema.minLength(1), Schema.maxLength(100_000))

const Rounds = Schema.Int.pipe(Schema.between(1, 10_000))

const ContextLength = Schema.Int.pipe(Schema.between(1, 10_000_000))

const Fallback = Schema.Array(Schema.NonEmptyString).annotations({
  jsonSchema: { type: "array", items: { type: "string" } }
})

export const common = {
  task: argument(Words, "All it needs, as it sees nothing else: goal, absolute paths, form of answer"),
  max_rounds: option(Rounds, `Most rounds; by default ${table.maxRounds.variable}`),
  max_tokens: maxTokens("Longest reply"),
  context_length: option(ContextLength, "Least context in tokens, for long tasks"),
  model,
  fallback: option(Fallback, "Models that take over where it fails")
}

export const withMcp = Tool.make({
  name: "autonomous_with_mcp",
  title: "Delegate a task, one MCP server",
  description:
    "A local model works on a task with the tools of one MCP server, round by round, and returns its answer. Use it when a short answer needs much reading or many calls there, or the data must stay on this machine.",
  elsewhere: { run_start: "For work of many minutes, run_start.", chat_completion: "Without tools, chat_completion." },
  annotations: Tool.acts,
  long: true,
  input: Schema.Struct({
    mcp_name: argument(Schema.String, "Name of a configured MCP server"),
    ...common
  }),
  output: RunReport.Run,
  listed: RunReport.listed,
  text: RunReport.text,
  handler: ({ mcp_name, ...rest }, progress) => work({ servers: { _tag: "Named", names: [mcp_name] } }, rest, progress)
})

const noNames = "name at least one MCP server that list_available_mcps shows; chat_completion asks a model without any"

export const withMultipleMcps = Tool.make({
  name: "autonomous_with_multiple_mcps",
  title: "Delegate a task, several MCP servers",
  description:
    "A local model works on a task with the tools of several MCP servers, each of which must start, and returns its answer. Use it when the task needs more than one server.",
  elsewhere: { autonomous_with_mcp: "With one, autonomous_with_mcp leaves the model more room." },
  annotations: Tool.acts,
  long: true,
  input: Schema.Struct({
    mcp_names: argument(
      Schema.Array(Schema.String).pipe(Schema.minItems(1, { message: () => noNames })),
      "Names of configured MCP servers"
    ),
    ...common
  }),
  output: RunReport.Run,
  listed: RunReport.listed,
  text: RunReport.text,
  handler: ({ mcp_names, ...rest }, progress) =>
    work({ servers: { _tag: "Named", names: [...new Set(mcp_names)] } }, rest, progress)
})

export const discoverAndExecute = Tool.make({
  name: "autonomous_discover_and_execute",
  title: "Delegate a task, all MCP servers",
  description:
    "A local model works on a task with the tools of all usable MCP servers and returns its answer; servers that do not start are reported and left out. Use it only when it is not known which server is needed: many tools crowd a small context.",
  annotations: Tool.acts,
  long: true,
  input: Schema.Struct(common),
  output: RunReport.Run,
  listed: RunReport.listed,
  text: RunReport.text,
  handler: (input, progress) => work({ servers: { _tag: "All" } }, input, progress)
})

export const tools: ReadonlyArray<Tool.Tool<Runs | Settings>> = [withMcp, withMultipleMcps, discoverAndExecute]

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

export interface Asked {
  readonly task: string
  readonly max_rounds?: number
  readonly max_tokens?: number | "auto"
  readonly context_length?: number
  readonly model?: string
  readonly fallback?: ReadonlyArray<string>
}

/** The parts of a task that differ between these tools. */
export type Means = Pick<AgentTask, "servers" | "definedServers" | "workingFolders" | "approvedTools">

export const taskOf = (settings: Values, means: Means, asked: Asked): AgentTask => ({
  task: asked.task,
  ...means,
  budgets: {
    rounds: asked.max_rounds ?? settings.maxRounds,
    wallMillis: Duration.toMillis(settings.runTimeout),
    toolCalls: settings.maxToolCalls
  },
  ...present({ model: asked.model, fallback: asked.fallback, contextLength: asked.context_length }),
  ...(typeof asked.max_tokens === "number" ? { maxTokens: asked.max_tokens } : {})
})

/**
 * Waits for the run as long as this client waits for an answer; then the run continues, and the answer says where to
 * ask. A client that cancels stops the run.
 */
export const work = Effect.fnUntraced(function* (means: Means, asked: Asked, progress: Tool.Progress) {
  const runs = yield* Runs
  const settings = yield* Settings
  const handle = yield* runs
    .start(taskOf(settings, means, asked), ({ note, tell }) =>
      tell !== undefined ? progress.tell(tell) : note !== undefined ? progress.note(note) : Effect.void
    )
    .pipe(
      Effect.provideService(CurrentApprover, yield* Approval.approver),
      Effect.provideService(CurrentElicitation, yield* Attendance.person)
    )
  const detached = Effect.zipRight(handle.detach, handle.record)
  const record = yield* handle.await.pipe(
    Effect.raceFirst(
      Option.match(yield* DetachAfter, { onNone: () => Effect.never, onSome: (time) => Effect.delay(detached, time) })
    ),
    Effect.onInterrupt(() => handle.cancel)
  )
  return yield* told(record)
})

/** The run as a tool's result; a failed run is an error with what had been done. */
export const told = Effect.fnUntraced(function* (record: RunReport.Record) {
  const run = RunReport.report(record, yield* Clock.currentTimeMillis)
  if (run.status !== "failed") return run
  const { contextLength, message, tag } = problemOf(record)
  const failure: Tool.Failure = {
    _tag: tag,
    message,
    text: [
      message,
      ...(contextLength === undefined ? [] : [`context_length: ${contextLength} gives it that.`]),
      ...(run.answer === "" ? [] : [`The answer until then: ${run.answer}`]),
      RunReport.summary(run)
    ].join("\n"),
    retryable: false,
    account: run
  }
  return yield* Effect.fail(failure)
})

/** Why a run failed. */
export const problemOf = (record: RunReport.Record): Problem => RunReport.problem(record) ?? unexplained

const unexplained = { tag: "RunFailed", message: "The run failed." }
