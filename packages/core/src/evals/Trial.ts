/** What was tried, with which settings, and what came of it. Pure. */
import * as Schema from "effect/Schema"
import { Problem } from "../agent/rules/AgentEvent.ts"
import { ToolForm } from "../agent/ToolForm.ts"
import { Usage } from "../lmstudio/Chat.ts"
import { optional } from "../schema/Fields.ts"
import type { NamedTask } from "./EvalFile.ts"

/** Settings that are compared; an absent one is as for any run. */
export const Variant = Schema.Struct({
  model: optional(Schema.String),
  toolForm: optional(ToolForm),
  contextLength: optional(Schema.Int),
  temperature: optional(Schema.Number)
})
export type Variant = typeof Variant.Type

/**
 * `passed`: done, and the check holds. `wrong`: called done, but the check fails. `not-done`: the run ended otherwise.
 * `error`: nothing was learnt of the model, because the eval itself went wrong; `problem` says how.
 */
export const Verdict = Schema.Literal("passed", "wrong", "not-done", "error")
export type Verdict = typeof Verdict.Type

export const Trial = Schema.Struct({
  task: Schema.String,
  variant: Variant,
  /** From 1. */
  number: Schema.Int,
  verdict: Verdict,
  /** Why it is not passed. */
  why: optional(Schema.String),
  problem: optional(Problem),
  /** A model judged whether the task is done. */
  judged: Schema.Boolean,
  /** The kept run. */
  runId: optional(Schema.String),
  model: optional(Schema.String),
  rounds: Schema.NonNegativeInt,
  toolCalls: Schema.NonNegativeInt,
  usage: Usage,
  /** Of the run and of the judge; those of the recording in a replay. */
  millis: Schema.NonNegative
})
export type Trial = typeof Trial.Type

/** A trial to be made. */
export interface Planned {
  readonly task: NamedTask
  readonly variant: Variant
  readonly number: number
}

/** All trials: model by model, because loading one takes longest, and task by task. */
export const plan = (
  tasks: ReadonlyArray<NamedTask>,
  variants: ReadonlyArray<Variant>,
  times: number
): ReadonlyArray<Planned> =>
  variants.flatMap((variant) =>
    tasks.flatMap((task) => Array.from({ length: times }, (_, index) => ({ task, variant, number: index + 1 })))
  )

/** Every combination of the settings; those of which nothing is given are left as for any run. */
export const variants = (given: {
  readonly models: ReadonlyArray<string>
  readonly toolForms: ReadonlyArray<ToolForm>
  readonly contextLengths: ReadonlyArray<number>
  readonly temperatures: ReadonlyArray<number>
}): ReadonlyArray<Variant> => {
  const each = <K extends keyof Variant>(key: K, values: ReadonlyArray<Variant[K]>) =>
    values.length === 0 ? [{}] : [...new Set(values)].map((value) => ({ [key]: value }))
  return each("model", given.models).flatMap((model) =>
    each("toolForm", given.toolForms).flatMap((form) =>
      each("contextLength", given.contextLengths).flatMap((context) =>
        each("temperature", given.temperatures).map((temperature) => ({
          ...model,
          ...form,
          ...context,
          ...temperature
        }))
      )
    )
  )
}

/** The settings in words: `qwen/qwen3-8b, bound, context 8192`. */
export const label = ({ contextLength, model, temperature, toolForm }: Variant): string =>
  [
    model ?? "default model",
    ...(toolForm === undefined ? [] : [toolForm]),
    ...(contextLength === undefined ? [] : [`context ${contextLength}`]),
    ...(temperature === undefined ? [] : [`temperature ${temperature}`])
  ].join(", ")

/** The folder of a trial's recording below that of all: the same for the same trial of the same settings. */
export const place = ({ number, task, variant }: Planned): ReadonlyArray<string> => [
  encodeURIComponent(task.name),
  encodeURIComponent(label(variant)).replaceAll("%2C%20", ",").replaceAll("%20", "-"),
  String(number)
]

/** Whether the same would come of every further trial. */
export const isHopeless = ({ problem }: Trial): boolean =>
  problem !== undefined && (problem.tag === "LmStudioUnreachable" || problem.tag === "Unauthorized")
