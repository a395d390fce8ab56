/**
 * From a name to a model in memory: look, join a load in progress or start one, and step down the fallback chain.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import { present } from "../../schema/Fields.ts"
import type { ApiModel } from "../../lmstudio/ApiModel.ts"
import { ModelLoadFailed } from "../../lmstudio/LmStudioError.ts"
import type { LifecycleParts } from "./LifecycleParts.ts"
import * as LoadNow from "./LoadNow.ts"
import type { Outcome } from "./LoadOutcome.ts"
import * as LoadPlan from "./LoadPlan.ts"
import type { EnsureOptions, LoadProgress } from "../EnsureOptions.ts"
import type { Ensured } from "../Ensured.ts"
import * as PreferredContext from "../PreferredContext.ts"
import type { ModelLifecycleError } from "../ModelLifecycleError.ts"
import * as ModelName from "../../lmstudio/ModelName.ts"
import * as ModelFit from "../catalog/ModelFit.ts"
import type { Ability } from "../ModelUnfit.ts"
import * as ModelSelection from "../catalog/ModelSelection.ts"
import { countsForNothing } from "../Faults.ts"
import { expiryOf, isOurs, type LedgerEntry } from "../ledger/Ownership.ts"
import * as SingleFlight from "./SingleFlight.ts"
import * as Autostart from "./Autostart.ts"

/** Takes a hold on the ensured instance for the caller, before it can be unloaded. False when that was too late. */
export type Take = (ensured: Ensured) => Effect.Effect<boolean>

export interface Ensure {
  readonly resolve: (name: string | undefined, ability?: Ability) => Effect.Effect<string, ModelLifecycleError>
  /** The model that a name refers to, and whether it is in memory at all, in a single look. */
  readonly peek: (
    name: string | undefined
  ) => Effect.Effect<{ readonly model: string; readonly inMemory: boolean }, ModelLifecycleError>
  /** `held` is the preferred instance of the model, if it serves. `answers` means that it is to answer requests. */
  readonly ensure: (
    name: string | undefined,
    options: EnsureOptions,
    take: Take,
    held?: string,
    answers?: boolean
  ) => Effect.Effect<Ensured, ModelLifecycleError>
}

/** Loads run in the scope in which this is made. */
export const make = Effect.fnUntraced(function* (parts: LifecycleParts) {
  const { api, leases, ledger, settings } = parts
  const look = yield* Autostart.make(parts)
  const flights = yield* SingleFlight.make<LoadProgress, Outcome, ModelLifecycleError>()

  const meaningOf = (models: ReadonlyArray<ApiModel>, name: string | undefined) => {
    const configured = Option.getOrUndefined(settings.defaultModel)
    const wanted = ModelName.isDefault(name) ? configured : name
    if (ModelName.isDefault(wanted)) {
      const model = ModelSelection.choose(models)
      return model === undefined
        ? Effect.fail(ModelName.notFound(models, "default"))
        : Effect.succeed<ModelName.Meaning<ApiModel>>({ model, instanceId: undefined, variant: undefined })
    }
    const meaning = ModelName.find(models, wanted)
    return meaning === undefined ? Effect.fail(ModelName.notFound(models, wanted)) : Effect.succeed(meaning)
  }

  /** The legacy list may hide a model behind the identifier of its instance; `lms` lists it. */
  const meaningNow = (name: string | undefined, onProgress: EnsureOptions["onProgress"] = () => Effect.void) =>
    Effect.flatMap(
      look((why) => onProgress({ _tag: "Waiting", model: name ?? "a model", why })),
      (models) => meaningOf(models, name)
    ).pipe(
      Effect.catchTag("ModelNotFound", (notFound) =>
        Effect.if(
          Effect.map(api.server, ({ dialect }) => dialect === "legacy-v0"),
          {
            onTrue: () => Effect.flatMap(parts.catalog.everything, ({ models }) => meaningOf(models, name)),
            onFalse: () => notFound
          }
        )
      )
    )

  const able = (model: ApiModel, ability: Ability | undefined) =>
    ability === undefined || ModelFit.fits(model, ability)
      ? Effect.void
      : Effect.flatMap(api.models, (models) => ModelFit.unfit(models, ability, model.key))

  /** The common case, which costs a single HTTP request. */
  const found = Effect.fnUntraced(function* (
    meaning: ModelName.Meaning<ApiModel>,
    options: EnsureOptions,
    startedAt: number
  ) {
    const { model } = meaning
    const instance = LoadPlan.pick(model.instances, meaning, options)
    // one that sleeps is woken first
    if (instance === undefined || instance.status === "sleeping") return undefined
    const now = yield* Clock.currentTimeMillis
    const entry = (yield* ledger.recent).find(({ instanceId }) => instanceId === instance.id)
    return ensured(model, instance, isOurs(entry, instance, now) ? entry : undefined, {
      action: "already-loaded",
      tookMillis: now - startedAt,
      preferredContext: PreferredContext.missed(
        instance.contextLength,
        model.maxContextLength,
        options.preferredContext
      )
    })
  })

  const ensureOne = Effect.fnUntraced(function* (
    name: string | undefined,
    options: EnsureOptions,
    take: Take,
    held: string | undefined,
    answers: boolean
  ) {
    const startedAt = yield* Clock.currentTimeMillis
    const onProgress = options.onProgress ?? (() => Effect.void)
    const meant = yield* meaningNow(name, onProgress)
    let meaning = held === undefined ? meant : { ...meant, instanceId: held }
    const { key, type } = meaning.model
    if (answers && type !== "llm" && type !== "embedding") {
      const serverMessage = `it is a ${type} model, which cannot answer. Choose a language model (\`lms-bridge models ls\`)`
      return yield* new ModelLoadFailed({ model: key, reason: "NoWay", serverMessage })
    }
    yield* able(meaning.model, options.ability)
    yield* Effect.annotateCurrentSpan({ model: key })
    let outdated = yield* leases.intend(key)
    while (true) {
      if (outdated) {
        const models = yield* api.models
        // the choice made for `default` stays, whatever has been loaded meanwhile
        meaning = {
          ...meaning,
          model: models.find((model) => model.key === key) ?? { ...meaning.model, instances: [] }
        }
      }
      outdated = true
      const present = yield* found(meaning, options, startedAt)
      if (present !== undefined) {
        if (yield* take(present)) return present
        continue
      }
      const wanted: LoadPlan.LoadRequest = { key, instanceId: meaning.instanceId, variant: meaning.variant, options }
      const purpose = LoadPlan.purposeOf(wanted)
      const outcome = yield* flights.run({
        key,
        purpose,
        onProgress,
        onJoin: onProgress({ _tag: "Waiting", model: key, why: "it is being loaded for another request" }),
        work: (flight) => LoadNow.loadNow(parts, wanted, flight)
      })
      if (outcome._tag === "abandoned") continue
      // a shared failure applies to callers with the same requirements; others try for themselves
      if (Exit.isFailure(outcome.exit)) {
        if (outcome._tag === "shared" && outcome.purpose !== purpose) continue
        return yield* Effect.failCause(outcome.exit.cause)
      }
      const { action, model, pushedOut, seen, way } = outcome.exit.value
      if (outcome._tag === "shared" && LoadPlan.pick([seen.instance], meaning, options) === undefined) continue
      const now = yield* Clock.currentTimeMillis
      const loaded = ensured(model, seen.instance, seen.entry, { action, pushedOut, way, tookMillis: now - startedAt })
      if (yield* take(loaded)) return loaded
    }
  }, Effect.scoped)

  const ensure: Ensure["ensure"] = Effect.fn("ModelLifecycle.ensure")(function* (
    name,
    options,
    take,
    held,
    answers = false
  ) {
    const chain = [name, ...(options.fallback ?? [])]
    const steppedDown: Array<Ensured["steppedDown"][number]> = []
    let first: ModelLifecycleError | undefined
    let engineFailures = 0
    for (const [index, candidate] of chain.entries()) {
      const result = yield* Effect.either(
        ensureOne(candidate, options, (ensured) => take({ ...ensured, steppedDown }), held, answers || index > 0)
      )
      if (result._tag === "Right") return { ...result.right, steppedDown }
      const error = result.left
      first ??= error
      if (error._tag === "ModelLoadFailed" && error.reason === "Engine") engineFailures += 1
      const to = chain[index + 1]
      // an engine that has crashed with two models is itself at fault (H20)
      if (to === undefined || countsForNothing(error._tag) || engineFailures >= 2) return yield* first
      const model = candidate ?? "default"
      steppedDown.push({ model, reason: error.message })
      yield* Effect.logInfo("stepping down to another model", { model, to, reason: error.message })
      yield* options.onProgress?.({ _tag: "SteppedDown", model, to, reason: error.message }) ?? Effect.void
    }
    return yield* first ?? ModelName.notFound([], name ?? "default")
  })

  const resolveModel = (name: string | undefined) => Effect.map(meaningNow(name), ({ model }) => model)

  const result: Ensure = {
    ensure,
    peek: (name) =>
      Effect.map(resolveModel(name), ({ instances, key }) => ({ model: key, inMemory: instances.length > 0 })),
    resolve: (name, ability) =>
      resolveModel(name).pipe(
        Effect.tap((model) => able(model, ability)),
        Effect.map(({ key }) => key),
        Effect.withSpan("ModelLifecycle.resolve")
      )
  }
  return result
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const ensured = (
  { key, maxContextLength, vision }: Pick<ApiModel, "key" | "maxContextLength" | "vision">,
  instance: {
    readonly id: string
    readonly contextLength?: number | undefined
    readonly lastUsedAt?: number | undefined
  },
  entry: LedgerEntry | undefined,
  done: Pick<Ensured, "action" | "tookMillis"> & {
    readonly way?: Ensured["way"] | undefined
    readonly pushedOut?: Ensured["pushedOut"] | undefined
    readonly preferredContext?: number | undefined
  }
): Ensured => ({
  model: key,
  instanceId: instance.id,
  action: done.action,
  ...present({ way: done.way }),
  owner: entry === undefined ? "user" : "lms-bridge",
  ...present({
    contextLength: instance.contextLength,
    maxContextLength,
    preferredContext: done.preferredContext,
    vision
  }),
  ...(entry === undefined ? {} : { ttlMillis: entry.ttlMillis, expiresAt: expiryOf(entry, instance) }),
  tookMillis: done.tookMillis,
  ...present({ pushedOut: done.pushedOut }),
  steppedDown: []
})
