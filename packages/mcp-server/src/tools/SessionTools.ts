/**
 * The tool for several tasks in one call, each with the memory of those before.
 */
import type { Problem } from "@lms-bridge/core/AgentEvent"
import { CurrentApprover, Presets, Session } from "@lms-bridge/core/AgentLoop"
import { Settings } from "@lms-bridge/core/Settings"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import { present } from "@lms-bridge/core/Json"
import { common, problemOf, taskOf, Words } from "./AgentTools.ts"
import * as Approval from "../protocol/Approval.ts"
import { DetachAfter } from "../protocol/CallContext.ts"
import { argument, brief, option, optional } from "./Fields.ts"
import { Folders, foldersOf } from "./PresetTools.ts"
import * as RunReport from "../runs/RunReport.ts"
import { count } from "../runs/RunProgress.ts"
import { Runs } from "../runs/Runs.ts"
import * as Tool from "./Tool.ts"

const Step = Schema.Union(Words, Schema.Struct({ task: Words, working_directory: optional(Folders) })).annotations({
  jsonSchema: { type: ["string", "object"] }
})

/** The result of one task: its run, or why there is none. */
const StepResult = Schema.Struct({
  task: Schema.String,
  status: Schema.String,
  answer: Schema.String,
  runId: optional(Schema.String),
  error: optional(Schema.Struct({ _tag: Schema.String, message: Schema.String }))
})

const SessionReport = Schema.Struct({
  results: Schema.Array(StepResult).annotations(brief("array")),
  tasks: Schema.Int,
  running: Schema.Boolean
})
type SessionReport = typeof SessionReport.Type

export const persistentSession = Tool.make({
  name: "autonomous_persistent_session",
  title: "Delegate several file tasks in turn",
  description:
    "A local model does several tasks with the files of the given folders, one after the other, each with the memory of those before; a failure stops none. Use it for steps that build on each other.",
  elsewhere: { autonomous_filesystem_full: "For one task, autonomous_filesystem_full." },
  annotations: Tool.acts,
  long: true,
  input: Schema.Struct({
    tasks: argument(
      Schema.Array(Step).pipe(Schema.minItems(1, { message: () => "give at least one task" })),
      "Each a string with all that the model needs, or {task, working_directory} for another folder from then on"
    ),
    initial_directory: option(Folders, "Absolute paths; by default WORKING_DIR"),
    max_rounds: common.max_rounds,
    max_tokens: common.max_tokens,
    model: common.model,
    fallback: common.fallback
  }),
  output: SessionReport,
  listed: [],
  text,
  handler: Effect.fnUntraced(function* ({ initial_directory, tasks, ...limits }, progress) {
    const runs = yield* Runs
    const settings = yield* Settings
    const presets = yield* Presets
    const approver = yield* Approval.approver
    const done = yield* Ref.make<ReadonlyArray<typeof StepResult.Type>>([])
    const heard = yield* Ref.make(true)
    const folders = yield* Ref.make(foldersOf(initial_directory))

    const steps = tasks.map((step) => (typeof step === "string" ? { task: step } : step))
    const found = steps.map(({ task, working_directory }) =>
      Effect.gen(function* () {
        const wanted = working_directory === undefined ? yield* Ref.get(folders) : foldersOf(working_directory)
        const means = yield* presets.use("filesystem", { folders: wanted })
        yield* Ref.set(folders, wanted)
        return taskOf(settings, means.task, { task, ...limits })
      })
    )
    const told = (line: string, index: number) =>
      Effect.whenEffect(progress.tell(`task ${index + 1} of ${steps.length}: ${line}`), Ref.get(heard))
    const session = Session.inTurn(
      found,
      Effect.fnUntraced(function* (task, index) {
        const handle = yield* runs
          .start(task, ({ tell }) => (tell === undefined ? Effect.void : told(tell, index)))
          .pipe(Effect.provideService(CurrentApprover, approver))
        const record = yield* Effect.onInterrupt(handle.await, () => handle.cancel)
        const { answer, runId, status } = RunReport.report(record, yield* Clock.currentTimeMillis)
        if (status !== "failed") return { runId, status, answer }
        const error = errorOf(problemOf(record))
        const parts = [error.message, answer].filter((part) => part !== "")
        return { runId, status, answer: parts.join("\n"), error }
      }),
      (result, index) =>
        Ref.update(done, (all) => {
          const task = steps[index]?.task ?? ""
          return [
            ...all,
            result._tag === "Ran"
              ? {
                  task,
                  status: result.status,
                  answer: result.answer,
                  runId: result.runId,
                  ...present({ error: result.error })
                }
              : { task, status: "failed", answer: result.problem.message, error: errorOf(result.problem) }
          ]
        })
    )
    const fiber = yield* runs.keep(session)
    const whole = Effect.as(Fiber.join(fiber), false)
    const detached = Effect.as(Ref.set(heard, false), true)
    const running = yield* whole.pipe(
      Effect.raceFirst(
        Option.match(yield* DetachAfter, { onNone: () => Effect.never, onSome: (time) => Effect.delay(detached, time) })
      ),
      Effect.onInterrupt(() => Fiber.interrupt(fiber))
    )
    return yield* outcomeOf({ results: yield* Ref.get(done), tasks: steps.length, running })
  })
})

export const tools: ReadonlyArray<Tool.Tool<Presets | Runs | Settings>> = [persistentSession]

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

function text({ results, running, tasks }: SessionReport): ReadonlyArray<string> {
  return [
    ...results.map(({ answer, status, task }, index) => `${index + 1}. ${headline(task)} (${status})\n${answer}`),
    running
      ? `${results.length} of ${count(tasks, "task")} done; the session continues. run_result has the answer of each of its runs.`
      : `${results.filter(({ status }) => status === "done").length} of ${count(tasks, "task")} done.`
  ]
}

const errorOf = ({ message, tag }: Problem) => ({ _tag: tag, message })

/** A session whose tasks all failed has failed like the first; the results are reported in any case. */
const outcomeOf = (session: SessionReport): Effect.Effect<SessionReport, Tool.Failure> => {
  const [first] = session.results
  return session.running || first?.error === undefined || session.results.some(({ status }) => status !== "failed")
    ? Effect.succeed(session)
    : Effect.fail({ ...first.error, text: text(session).join("\n\n"), retryable: false, account: session })
}

const headline = (task: string) => (task.length > 80 ? `${task.slice(0, 80)}…` : task).replaceAll("\n", " ")
