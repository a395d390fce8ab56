/**
 * Tries the tasks of the bench with one model, under a lease, never beside the work of somebody else, and keeps how many it
 * has done as evidence, by which a model is chosen.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { CurrentLoopPolicy } from "../../agent/LoopPolicy.ts"
import * as FormChoice from "../../agent/forms/FormChoice.ts"
import type { AgentEvent } from "../../agent/rules/AgentEvent.ts"
import { ToolForm } from "../../agent/ToolForm.ts"
import { Settings } from "../../configuration/Settings.ts"
import type { LoadProgress } from "../../models/EnsureOptions.ts"
import { ModelLifecycle } from "../../models/ModelLifecycle.ts"
import * as PreferredContext from "../../models/PreferredContext.ts"
import { ModelRegistry } from "../../registry/ModelRegistry.ts"
import { quiet } from "../../registry/probe/Quiet.ts"
import * as OneTrial from "../OneTrial.ts"
import { plan, type Planned, type Variant } from "../Trial.ts"
import * as TrialFolder from "../TrialFolder.ts"
import { type BenchTrial, evidenceOf } from "./BenchReport.ts"
import type { BenchTask } from "./BenchTasks.ts"

export interface Options {
  readonly tasks: ReadonlyArray<BenchTask>
  /** Several are compared; without any, the one that runs of the model get. */
  readonly forms: ReadonlyArray<ToolForm>
  readonly times: number
  readonly onProgress: (progress: LoadProgress) => Effect.Effect<void>
  /** Before the tasks: what is tried of its calls, in words. */
  readonly onProbe: (what: string) => Effect.Effect<void>
  /** Before each trial. */
  readonly onTrial: (planned: Planned) => Effect.Effect<void>
  readonly onEvent: (event: AgentEvent) => Effect.Effect<void>
  /** After each trial. */
  readonly onTried: (trial: BenchTrial) => Effect.Effect<void>
}

export const allForms: ReadonlyArray<ToolForm> = ToolForm.literals

/** All trials of these models, in their order. */
export const planned = (
  models: ReadonlyArray<string>,
  { forms, tasks, times }: Pick<Options, "forms" | "tasks" | "times">
): ReadonlyArray<Planned> =>
  plan(
    tasks,
    models.flatMap((model) => variantsOf(model, forms)),
    times
  )

/**
 * Gives all trials. What they show is kept once all of them were made. Fails when the model cannot be loaded, and with
 * `ModelInUse` where somebody else's work does not end.
 */
export const run = Effect.fn("Bench.run")(function* (model: string, options: Options) {
  const lifecycle = yield* ModelLifecycle
  const registry = yield* ModelRegistry
  const { contextLength } = yield* Settings
  const { probe } = yield* CurrentLoopPolicy
  const told = (why: string) => options.onProgress({ _tag: "Waiting", model, why })
  // a load would take from the memory and the time of somebody's run
  yield* quiet(lifecycle, undefined, told)
  const asked = {
    ability: "chat" as const,
    temporary: true,
    onProgress: options.onProgress,
    ...PreferredContext.ofSetting(contextLength)
  }
  return yield* lifecycle.withModel(
    model,
    asked
  )((lease) =>
    Effect.gen(function* () {
      // what a run would find out in its first task counts for none
      if (options.forms.length === 0 && FormChoice.of(model, undefined) === undefined) {
        yield* registry.form(lease, { limit: probe, onTrial: options.onProbe })
      }
      const places = yield* TrialFolder.make
      const wanted = planned([model], options)
      const trials: Array<BenchTrial> = []
      for (const one of wanted) {
        const { instanceId } = yield* lease.ensured
        yield* quiet(lifecycle, instanceId, told)
        yield* options.onTrial(one)
        const seen = account()
        const trial = yield* OneTrial.make(one, { _tag: "Live" }, places, (event) =>
          Effect.zipRight(
            Effect.sync(() => seen.take(event)),
            options.onEvent(event)
          )
        )
        const tried: BenchTrial = { ...trial, ...seen.found(), kind: kindOf(options.tasks, trial.task) }
        trials.push(tried)
        yield* options.onTried(tried)
        // nothing is kept any more, and the next one would hardly fare better
        if (trial.verdict === "error") break
      }
      const found = evidenceOf(wanted, trials, yield* Clock.currentTimeMillis)
      if (found !== undefined) yield* registry.benched(model, found.tasks, found.forms)
      return trials
    })
  )
}, Effect.scoped)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const variantsOf = (model: string, forms: ReadonlyArray<ToolForm>): ReadonlyArray<Variant> =>
  forms.length === 0 ? [{ model }] : forms.map((toolForm) => ({ model, toolForm }))

const kindOf = (tasks: ReadonlyArray<BenchTask>, name: string) => tasks.find((task) => task.name === name)?.kind ?? ""

/** What the events of a run tell besides its outcome. */
const account = () => {
  let form: ToolForm = "native"
  let tokens = 0
  let millis = 0
  return {
    take: (event: AgentEvent) => {
      if (event._tag === "ToolFormChosen") form = event.form
      if (event._tag !== "ModelReplied" || event.reply.usage === undefined) return
      const took = event.reply.totalMillis - event.reply.firstTokenMillis
      if (took <= 0) return
      tokens += event.reply.usage.outputTokens
      millis += took
    },
    found: () => ({ form, writing: { tokens, millis } })
  }
}
