/**
 * Tools for runs that outlive the call that started them.
 */
import { type AgentTask, keptOf, MustBeKept, ToolSchema } from "@lms-bridge/core/AgentLoop"
import { Settings } from "@lms-bridge/core/Settings"
import * as Array from "effect/Array"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import { CurrentPriority } from "@lms-bridge/core/Resilience"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { present } from "@lms-bridge/core/Json"
import { RunAccount } from "@lms-bridge/core/RunJournal"
import { type Asked, common, type Means, taskOf, told, Words } from "./AgentTools.ts"
import { DetachAfter } from "../protocol/CallContext.ts"
import { brief, option } from "./Fields.ts"
import * as RunReport from "../runs/RunReport.ts"
import { count } from "../runs/RunProgress.ts"
import { Runs } from "../runs/Runs.ts"
import * as Tool from "./Tool.ts"

const run_id = Schema.NonEmptyString

/** Written by a person or a model, so mistakes in it are reported. */
const OutputSchema = Schema.Record({ key: Schema.String, value: Schema.Unknown }).pipe(
  Schema.filter((schema) =>
    Either.match(ToolSchema.checked(schema), {
      onLeft: (problems) => `is not a valid JSON Schema: ${problems.join("; ")}`,
      onRight: () => true
    })
  ),
  Schema.annotations({ jsonSchema: { type: "object" } })
)

/** Older runs are available by their ids. */
const mostListed = 20

export const start = Tool.make({
  name: "run_start",
  title: "Start a run",
  description:
    "Starts a local model on a task and returns the run's id at once. Use it for work of minutes, or for several tasks side by side; then ask run_result.",
  elsewhere: { autonomous_with_mcp: "For short work, autonomous_with_mcp answers in the same call." },
  annotations: Tool.acts,
  input: Schema.Struct({
    ...common,
    task: option(Words, "As for autonomous tasks; none with follows: that run continues where it was stopped"),
    mcp_names: option(
      Schema.Array(Schema.String),
      "Names of configured MCP servers; by default all usable ones, or those of the run in follows; [] for none"
    ),
    follows: option(run_id, "Id of a run whose conversation the task continues"),
    output_schema: option(OutputSchema, "JSON Schema of the answer")
  }),
  output: RunReport.Run,
  listed: RunReport.listed,
  text: RunReport.text,
  handler: Effect.fnUntraced(function* ({ task, ...asked }) {
    // whoever waits for another run goes first
    const handle = yield* (task === undefined ? resumed(asked) : begun({ task, ...asked })).pipe(
      Effect.provideService(CurrentPriority, "background"),
      // its id is a promise
      Effect.provideService(MustBeKept, true)
    )
    return RunReport.report(yield* handle.record, yield* Clock.currentTimeMillis)
  })
})

export const status = Tool.make({
  name: "run_status",
  title: "Status of runs",
  description:
    "State, rounds and time of a run, or of the newest runs, also of earlier sessions. Use it to see what is running or why a run failed.",
  elsewhere: { run_result: "For an answer, run_result." },
  annotations: Tool.looks,
  input: Schema.Struct({ run_id: option(run_id, "By default the newest runs") }),
  output: Schema.Struct({
    runs: Schema.Array(
      Schema.Struct({
        runId: Schema.String,
        status: Schema.String,
        task: Schema.String,
        progress: Schema.String,
        rounds: Schema.Int,
        millis: Schema.Number
      })
    ).annotations(brief("array"))
  }),
  text: ({ runs }) => [
    runs.length === 0
      ? "There are no runs."
      : runs
          .map(
            ({ progress, rounds, runId, status, task }) =>
              `${runId} ${status}, ${count(rounds, "round")}: ${status === "running" ? progress : status === "failed" ? `${task}\n  It failed: ${progress}` : task}`
          )
          .join("\n")
  ],
  handler: Effect.fnUntraced(function* ({ run_id }) {
    const runs = yield* Runs
    const listed =
      run_id === undefined
        ? newest(yield* runs.list)
        : [
            RunReport.brief(
              yield* Effect.flatMap(runs.get(run_id), ({ record }) => record),
              yield* Clock.currentTimeMillis
            )
          ]
    return {
      runs: listed.map(({ millis, progress, rounds, runId, status, task }) => ({
        runId,
        status,
        task: task.length > 200 ? `${task.slice(0, 200)}…` : task,
        progress,
        rounds,
        millis
      }))
    }
  })
})

export const result = Tool.make({
  name: "run_result",
  title: "Result of a run",
  description:
    "The answer of a run, waiting for its end at most wait_seconds; then what it has done so far. Use it when a call said that its run continues.",
  elsewhere: { run_start: "Also after run_start." },
  annotations: Tool.looks,
  input: Schema.Struct({
    run_id,
    wait_seconds: option(Schema.Number.pipe(Schema.between(0, 3600)), "0 does not wait", 30)
  }),
  output: RunReport.Run,
  listed: RunReport.listed,
  text: RunReport.text,
  handler: Effect.fnUntraced(function* ({ run_id, wait_seconds }) {
    const runs = yield* Runs
    const handle = yield* runs.get(run_id)
    const asked = Duration.seconds(wait_seconds ?? 30)
    // at most as long as this client waits for an answer
    const limit = Option.match(yield* DetachAfter, { onNone: () => asked, onSome: Duration.min(asked) })
    const ended = yield* handle.await.pipe(Effect.ignore, Effect.timeoutOption(limit))
    const record = yield* handle.record
    return Option.isNone(ended) ? RunReport.report(record, yield* Clock.currentTimeMillis) : yield* told(record)
  })
})

export const cancel = Tool.make({
  name: "run_cancel",
  title: "Cancel a run",
  description: "Stops a run at once and returns what it did. Use it when its answer is no longer wanted.",
  elsewhere: { run_start: "run_start with follows continues it later." },
  annotations: { ...Tool.arranges, destructiveHint: true },
  input: Schema.Struct({ run_id }),
  output: RunReport.Run,
  listed: RunReport.listed,
  text: RunReport.text,
  handler: Effect.fnUntraced(function* ({ run_id }) {
    const runs = yield* Runs
    const handle = yield* runs.get(run_id)
    const record = yield* handle.cancel
    return RunReport.report(record, yield* Clock.currentTimeMillis)
  })
})

export const tools: ReadonlyArray<Tool.Tool<Runs | Settings>> = [start, status, result, cancel]

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Those that failed before their first request, such as by a name that does not exist, take no place of another. */
const newest = (all: ReadonlyArray<RunReport.Listed>): ReadonlyArray<RunReport.Listed> => {
  const [failed, others] = Array.partition(all, ({ rounds, status }) => status !== "failed" || rounds > 0)
  const first = new Set([...others, ...failed].slice(0, mostListed))
  return all.filter((run) => run.status === "running" || first.has(run))
}

interface AskedRun extends Omit<Asked, "task"> {
  readonly follows?: string
  readonly mcp_names?: ReadonlyArray<string>
  readonly output_schema?: typeof OutputSchema.Type
}

const begun = Effect.fnUntraced(function* ({
  follows,
  mcp_names,
  output_schema,
  ...asked
}: AskedRun & Pick<Asked, "task">) {
  const runs = yield* Runs
  const settings = yield* Settings
  const before = follows === undefined ? undefined : yield* Effect.flatMap(runs.get(follows), ({ record }) => record)
  const same: Partial<AgentTask> = before === undefined ? {} : keptOf(before.account.state.task)
  const task: AgentTask = {
    ...same,
    ...taskOf(
      settings,
      mcp_names === undefined ? { servers: same.servers ?? { _tag: "All" } } : named(mcp_names),
      asked
    ),
    ...(before === undefined ? {} : { follows: { run: before.account.runId } }),
    ...present({ outputSchema: output_schema })
  }
  // nobody waits for this run, so what cannot start is said now
  yield* runs.check(task)
  return yield* runs.start(task)
})

const named = (names: ReadonlyArray<string>): Means => ({
  servers: names.length === 0 ? { _tag: "None" } : { _tag: "Named", names: [...new Set(names)] },
  definedServers: []
})

/** The same run, with as much again of what its budgets allow. What belongs to a task cannot be changed in the middle. */
const resumed = Effect.fnUntraced(function* ({ context_length, follows, max_rounds, ...others }: AskedRun) {
  if (follows === undefined) return yield* refused("give a task, or in follows the id of a run to continue")
  const changed = Object.keys(others)
  if (changed.length > 0)
    return yield* refused(`a run continues as it was begun, so give a task for another ${changed.join(", ")}`)
  const runs = yield* Runs
  const settings = yield* Settings
  const { account } = yield* Effect.flatMap(runs.get(follows), ({ record }) => record)
  const { runId, state } = account
  if (RunAccount.outcome(account)?.status === "done") {
    return yield* refused(`${runId} is done: give a task to continue its conversation`)
  }
  const used = RunAccount.used(state)
  const { budgets } = state.task
  return yield* runs.resume(runId, {
    budgets: {
      rounds: used.rounds + (max_rounds ?? settings.maxRounds),
      wallMillis: used.wallMillis + Duration.toMillis(settings.runTimeout),
      toolCalls: used.toolCalls + settings.maxToolCalls,
      ...(budgets.tokens === undefined ? {} : { tokens: used.tokens + budgets.tokens }),
      ...(budgets.resultBytes === undefined ? {} : { resultBytes: used.resultBytes + budgets.resultBytes })
    },
    contextLength: context_length
  })
})

const refused = (problem: string): Effect.Effect<never, Tool.Failure> =>
  Effect.fail({ _tag: "InvalidInput", message: `run_start: ${problem}.`, retryable: false })
