/**
 * What is known of models on this machine because it was tried: kept for each model and build, and found out when a run
 * needs it first, or on request.
 */
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as FormChoice from "../agent/forms/FormChoice.ts"
import { Settings } from "../configuration/Settings.ts"
import { LmsCli } from "../lmstudio/LmsCli.ts"
import { LmStudioApi } from "../lmstudio/LmStudioApi.ts"
import type { ApiModel } from "../lmstudio/ApiModel.ts"
import type { EnsureOptions } from "../models/EnsureOptions.ts"
import { ModelEvidence, type EmbeddingUse } from "../models/catalog/ModelEvidence.ts"
import type { ModelLease } from "../models/LoadedModel.ts"
import { ModelLifecycle, type ModelLifecycleError } from "../models/ModelLifecycle.ts"
import { present } from "../schema/Fields.ts"
import { buildOf } from "./BuildOf.ts"
import { CallForms, type FormAnswer, type FormAsked } from "./CallForms.ts"
import {
  type Evidence,
  type EvidenceRow,
  type FormsTried,
  isTried,
  rowOf,
  type Tally,
  withEmbedding,
  withEvidence,
  withTally,
  withTasks
} from "./Evidence.ts"
import { type FoundForm, formOf } from "./FormByEvidence.ts"
import * as Known from "./Known.ts"
import { knownOf } from "./KnownModels.ts"
import * as EmbeddingProbe from "./probe/EmbeddingProbe.ts"
import * as ModelProbe from "./probe/ModelProbe.ts"
import { quiet } from "./probe/Quiet.ts"
import type { ThinkingSwitch } from "./probe/Thinking.ts"
import * as RecordFiles from "./RecordFiles.ts"
import * as WholeProbe from "./probe/WholeProbe.ts"

/** What a probe found. */
export interface Probed {
  readonly model: string
  readonly row: EvidenceRow
  readonly requests: number
  /** What there was no time for, in words. */
  readonly untried: ReadonlyArray<string>
  readonly millis: number
}

export interface ProbeOptions extends Pick<EnsureOptions, "onProgress"> {
  readonly onTrial?: ((what: string) => Effect.Effect<void>) | undefined
  /** After each step, with all that was found so far; it is kept already. */
  readonly onFound?: ((row: EvidenceRow) => Effect.Effect<void>) | undefined
  /** What does not end within this time is not tried: 3 minutes by default. */
  readonly limit?: Duration.DurationInput | undefined
}

export class ModelRegistry extends Context.Tag("@lms-bridge/core/registry/ModelRegistry")<
  ModelRegistry,
  {
    /** What was found of the model by this key, of every build, the newest first. */
    readonly rows: (model: string) => Effect.Effect<ReadonlyArray<EvidenceRow>>
    /** What of it holds for the build that the server has now. */
    readonly current: (model: string) => Effect.Effect<Option.Option<EvidenceRow>>
    /** All that is known of these models, by key: what was tried, observed, declared, and what their names suggest. */
    readonly known: (models: ReadonlyArray<ApiModel>) => Effect.Effect<ReadonlyMap<string, Known.Known>>
    /** Adds what a finished run has shown of the model by this key. */
    readonly observe: (model: string, tally: Tally) => Effect.Effect<void>
    /** Adds what a use of the embedding model by this key has shown. */
    readonly observeEmbedding: (model: string, use: EmbeddingUse) => Effect.Effect<void>
    /** Keeps how many tasks of the bench the model by this key has done, and where several forms were tried, with each. */
    readonly benched: (model: string, tasks: Evidence, forms?: FormsTried) => Effect.Effect<void>
    /** The form of calls that a run of it gets when its task asks for none, as far as it is known now, and why. */
    readonly choice: (model: string) => Effect.Effect<FoundForm>
    /**
     * Loads the model if needed, tries everything that fits its kind, and keeps what it finds step by step. Waits while anybody else is at
     * work, and fails with `ModelInUse` where that does not end.
     */
    readonly probe: (model: string | undefined, options?: ProbeOptions) => Effect.Effect<Probed, ModelLifecycleError>
    /** What is known, else what is found out now under this lease, unless that is switched off. */
    readonly form: (lease: ModelLease, asked: FormAsked) => Effect.Effect<Option.Option<FormAnswer>>
  }
>() {
  static readonly layer: Layer.Layer<
    ModelRegistry,
    never,
    ModelLifecycle | LmStudioApi | LmsCli | Settings | FileSystem.FileSystem | Path.Path
  > = Layer.effect(
    this,
    Effect.gen(function* () {
      const parts = { api: yield* LmStudioApi, cli: yield* LmsCli }
      const lifecycle = yield* ModelLifecycle
      const { probe: mode } = yield* Settings
      const files = yield* RecordFiles.make
      const oneAtATime = yield* Effect.makeSemaphore(1)

      const current = Effect.fnUntraced(function* (model: string) {
        const rows = yield* files.read(model)
        // most models have none
        if (rows.length === 0) return Option.none<EvidenceRow>()
        return Option.fromNullable(rowOf(rows, yield* buildOf(parts, model)))
      })
      /** What was tried of it, as far as that holds. */
      const tried = (model: string) => Effect.map(current(model), Option.filter(isTried))

      /** A server that has gone meanwhile must not hold up whoever ends. */
      const buildInTime = (model: string) =>
        Effect.map(
          Effect.timeoutOption(buildOf(parts, model), patience),
          Option.getOrElse(() => ({}))
        )

      const keep = Effect.fnUntraced(function* (model: string, found: Pick<EvidenceRow, "evidence" | "unfinished">) {
        const build = yield* buildOf(parts, model)
        const row: EvidenceRow = { build, at: yield* Clock.currentTimeMillis, ...found }
        yield* files.update(model, (rows) => withEvidence(rowOf(rows, build), row))
        return row
      })

      const tryNow = Effect.fnUntraced(function* (lease: ModelLease, model: string, { limit, onTrial }: FormAsked) {
        const tried = yield* ModelProbe.run(lease, onTrial).pipe(Effect.timeoutOption(limit))
        if (Option.isNone(tried)) {
          const unfinished = `the trial did not end within ${Duration.format(limit)}, so calls are native.`
          return { ...formOf(yield* keep(model, { evidence: {}, unfinished })), usage: unknownUsage }
        }
        const { evidence, usage } = tried.value
        return { ...formOf(yield* keep(model, { evidence })), usage }
      })

      const form = Effect.fn("ModelRegistry.form")(function* (lease: ModelLease, asked: FormAsked) {
        if (mode === "off") return Option.none<FormAnswer>()
        const { model } = yield* lease.ensured
        const now = yield* Clock.currentTimeMillis
        const known = Option.filter(
          yield* tried(model),
          ({ at, unfinished }) => unfinished === undefined || now - at < Duration.toMillis(tryAgainAfter)
        )
        return Option.some<FormAnswer>(Option.isSome(known) ? formOf(known.value) : yield* tryNow(lease, model, asked))
      })

      const choice = Effect.fnUntraced(function* (model: string): Effect.fn.Return<FoundForm> {
        const measured = FormChoice.of(model, undefined)
        if (measured !== undefined) return { form: measured.form, why: measured.why }
        return Option.match(mode === "off" ? Option.none() : yield* tried(model), {
          onSome: formOf,
          onNone: () => ({
            form: "native",
            why: `Nothing was tried yet${mode === "off" ? ", and LMS_BRIDGE_PROBE is off" : "; the first run with tools does"}.`
          })
        })
      })

      return {
        rows: files.read,
        current,
        known: (models) => Effect.withSpan(knownOf(parts, files.read, models), "ModelRegistry.known"),
        observe: Effect.fn("ModelRegistry.observe")(function* (model, tally) {
          const build = yield* buildInTime(model)
          yield* files.update(model, (rows) => withTally(rowOf(rows, build), build, tally))
        }),
        observeEmbedding: Effect.fn("ModelRegistry.observeEmbedding")(function* (model, use) {
          const build = yield* buildInTime(model)
          const at = yield* Clock.currentTimeMillis
          yield* files.update(model, (rows) => withEmbedding(rowOf(rows, build), build, use, at))
        }),
        benched: Effect.fn("ModelRegistry.benched")(function* (model, tasks, forms) {
          const build = yield* buildOf(parts, model)
          yield* files.update(model, (rows) => withTasks(rowOf(rows, build), build, tasks, forms))
        }),
        choice,
        form: (lease, asked) =>
          // another run may be finding it out
          oneAtATime
            .withPermits(1)(form(lease, asked))
            .pipe(
              Effect.catchAllCause((cause) =>
                Cause.isInterrupted(cause)
                  ? Effect.interrupt
                  : Effect.as(
                      Effect.logDebug("a probe failed", cause),
                      Option.some({ form: "native" as const, why: failed(cause), usage: unknownUsage })
                    )
              )
            ),
        probe: Effect.fn("ModelRegistry.probe")(function* (
          name,
          { limit = standardLimit, onFound = () => Effect.void, onProgress, onTrial = () => Effect.void } = {}
        ) {
          const since = yield* Clock.currentTimeMillis
          const told = (model: string) => (why: string) => onProgress?.({ _tag: "Waiting", model, why }) ?? Effect.void
          const key = yield* lifecycle.resolve(name, name === undefined ? "chat" : undefined)
          const listed = (yield* parts.api.models).find((model) => model.key === key)
          const embeds = listed?.type === "embedding"
          const ability = embeds ? "embedding" : "chat"
          yield* lifecycle.resolve(key, ability)
          // a load would take from the memory and the time of somebody's run
          yield* quiet(lifecycle, undefined, told(key))
          return yield* lifecycle.withModel(key, { ability, temporary: true, onProgress })((lease) =>
            Effect.gen(function* () {
              const { instanceId, model } = yield* lease.ensured
              let row: EvidenceRow = { build: {}, at: since, evidence: {} }
              const options: WholeProbe.Options = {
                limit: Duration.decode(limit),
                idle: quiet(lifecycle, instanceId, told(model)),
                onTrial,
                onFound: (evidence) =>
                  Effect.flatMap(keep(model, { evidence }), (kept) => {
                    row = { ...kept, evidence: { ...row.evidence, ...kept.evidence } }
                    return onFound(row)
                  })
              }
              const { requests, untried } = yield* embeds
                ? EmbeddingProbe.run(lease, (input) => parts.api.embed({ model: instanceId, input }), options)
                : WholeProbe.run(lease, {
                    ...options,
                    ...present({ thinking: yield* thinkingSwitch(parts.api, instanceId, listed) })
                  })
              return { model, row, requests, untried, millis: (yield* Clock.currentTimeMillis) - since }
            })
          )
        })
      }
    })
  )

  /** The same for runs. */
  static readonly forms: Layer.Layer<never, never, ModelRegistry> = Layer.effectContext(
    Effect.map(ModelRegistry, ({ form }) => Context.make(CallForms, { of: form }))
  )

  /** The same for whoever chooses a model without being told of a task. */
  static readonly evidence: Layer.Layer<never, never, ModelRegistry> = Layer.effectContext(
    Effect.map(ModelRegistry, ({ known, observeEmbedding }) =>
      Context.make(ModelEvidence, {
        believed: (models) =>
          Effect.map(known(models), (all) => models.map((model) => Known.believed(model, all.get(model.key) ?? []))),
        embeds: (models) => Effect.map(known(models), embeddersIn),
        embedded: observeEmbedding
      })
    )
  )
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** What the server declares is known without us. */
const embeddersIn = (all: ReadonlyMap<string, Known.Known>): ReadonlyMap<string, boolean> =>
  new Map(
    [...all].flatMap(([key, known]) => {
      const found = Known.found(known, "embeddings")
      return found === undefined ? [] : [[key, found.holds] as const]
    })
  )

/** Only LM Studio's own chat route takes what a request says of thinking. */
const thinkingSwitch = (
  api: Context.Tag.Service<LmStudioApi>,
  model: string,
  listed: ApiModel | undefined
): Effect.Effect<ThinkingSwitch | undefined, ModelLifecycleError> =>
  Effect.map(api.server, ({ dialect }) =>
    dialect !== "native-v1"
      ? undefined
      : {
          options: listed?.reasoningOptions ?? [],
          ask: (reasoning, input, maxOutputTokens) =>
            api.nativeChatStream({ model, input, reasoning, maxOutputTokens, temperature: 0 }).pipe(
              Stream.filterMap((event) => (event._tag === "Completed" ? Option.some(event.reply) : Option.none())),
              Stream.runHead,
              Effect.flatMap(Option.match({ onNone: () => Effect.dieMessage("no reply"), onSome: Effect.succeed }))
            )
        }
  )

const patience = Duration.seconds(2)

const standardLimit = Duration.minutes(3)

/** A machine that was too busy to answer in time is asked again later. */
const tryAgainAfter = Duration.hours(1)

/** Of a trial that was given up, replies did not come, or are not counted. */
const unknownUsage = { inputTokens: 0, outputTokens: 0 }

const failed = (cause: Cause.Cause<ModelLifecycleError>): string =>
  `The trial of its calls failed, so they are native: ${Option.match(Cause.failureOption(cause), {
    onNone: () => "an internal error, see the log.",
    onSome: ({ message }) => message
  })}`
