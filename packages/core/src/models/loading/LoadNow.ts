/**
 * The work of one flight, under the machine's lock: look again, reload or keep copies that do not serve, make room, load.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import { RequestRejected, Unsupported, type ModelLoadRefused } from "../../lmstudio/LmStudioError.ts"
import { idleOfOurs, survey, type LifecycleParts, type Seen, type Survey } from "./LifecycleParts.ts"
import { refused } from "./LoadFailure.ts"
import * as Loading from "./Loading.ts"
import type { Outcome } from "./LoadOutcome.ts"
import * as LoadReport from "./LoadReport.ts"
import * as LoadPlan from "./LoadPlan.ts"
import * as RouterLoad from "./RouterLoad.ts"
import type { LoadEstimate } from "../../lmstudio/LmsModel.ts"
import * as PreferredContext from "../PreferredContext.ts"
import type { CatalogModel } from "../catalog/CatalogModel.ts"
import type { LoadProgress } from "../EnsureOptions.ts"
import type { Flight } from "./SingleFlight.ts"
import { notFound } from "../../lmstudio/ModelName.ts"
import { makeRoom, remove } from "./Unloading.ts"

/**
 * How long to wait for an abandoned load, which LM Studio may still finish, before starting another.
 */
export const givenUpLoad = Schedule.intersect(Schedule.spaced("1 second"), Schedule.recurs(5))

export const loadNow = Effect.fn("ModelLifecycle.loadNow")(function* (
  parts: LifecycleParts,
  wanted: LoadPlan.LoadRequest,
  flight: Flight<LoadProgress>
) {
  const waiting = flight.report({
    _tag: "Waiting",
    model: wanted.key,
    why: "another lms-bridge process on this machine is loading it"
  })
  // on llama.cpp's router a load takes another model's place, so that one load at a time decides which
  const { dialect } = yield* parts.api.server
  const what = dialect === "llama-router" ? "any model" : wanted.key
  return yield* parts.lock.withLock(
    `${parts.server} ${what}`,
    waiting
  )(LoadReport.ofLoad(wanted)(underLock(parts, wanted, flight)))
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const underLock = Effect.fnUntraced(function* (
  parts: LifecycleParts,
  wanted: LoadPlan.LoadRequest,
  flight: Flight<LoadProgress>
) {
  const look = yield* afterGivenUpLoads(parts, wanted)
  const { models, server } = look.catalog
  const model = models.find(({ key }) => key === wanted.key)
  if (model === undefined) return yield* notFound(models, wanted.key)

  const copies = look.seen.filter((seen) => seen.model.key === wanted.key)
  const instance = LoadPlan.pick(model.instances, { ...wanted, model }, wanted.options)
  const present = copies.find((seen) => seen.instance.id === instance?.id)
  // another process or the user was faster
  if (present !== undefined && present.instance.status !== "sleeping")
    return { model, seen: present, action: "already-loaded", way: undefined } as Outcome

  if (server.dialect === "llama-router") return yield* RouterLoad.load(parts, wanted, model, look, flight)
  if (server.dialect === "openai") {
    return yield* new Unsupported({
      operation: `Loading "${model.key}" as requested`,
      dialect: server.dialect,
      instead: "Load models, with their context, on the server itself; the models that it lists can be used."
    })
  }
  const { contextLength, identifier } = wanted.options
  if (contextLength !== undefined && contextLength > (model.maxContextLength ?? Number.POSITIVE_INFINITY)) {
    return yield* rejected(
      "contextLength",
      `"${model.key}" supports at most ${model.maxContextLength} tokens of context, not ${contextLength}`
    )
  }
  const holder = look.seen.find((seen) => seen.instance.id === identifier)
  if (holder !== undefined && holder.model.key !== wanted.key) {
    return yield* rejected("identifier", `"${identifier}" is the identifier of a copy of "${holder.model.key}"`)
  }

  // a copy that lacks only the identifier stays as it is
  const unfit = holder !== undefined ? [holder] : identifier === undefined ? copies : []
  const reloaded = yield* giveWay(parts, look, unfit)
  if (holder !== undefined && reloaded === undefined) {
    return yield* rejected(
      "identifier",
      `the copy with the identifier "${identifier}" has a context of ${holder.instance.contextLength}, and it is in use or not ours to reload`
    )
  }
  const now = reloaded === undefined ? look : yield* survey(parts)
  const loaded = yield* withRoom(parts, wanted, model, now, flight)
  const outcome: Outcome = {
    model,
    seen: loaded.seen,
    action: loaded.way === undefined ? "already-loaded" : reloaded === undefined ? "loaded" : "reloaded",
    way: loaded.way
  }
  return outcome
})

/**
 * A load of ours whose end we did not see may still finish in LM Studio. It gets a moment, so that the model is not loaded
 * twice.
 */
const afterGivenUpLoads = Effect.fnUntraced(function* (parts: LifecycleParts, wanted: LoadPlan.LoadRequest) {
  const first = yield* survey(parts)
  const unseen = (yield* parts.ledger.all).filter(
    ({ instanceId, model, startedAt, state }) =>
      state === "loading" &&
      model === wanted.key &&
      first.at - startedAt < Duration.toMillis(parts.settings.loadTimeout) &&
      !first.seen.some(({ instance }) => instance.id === instanceId)
  )
  if (unseen.length === 0 || first.seen.some(LoadPlan.serves(wanted))) return first
  return yield* Effect.repeat(
    survey(parts),
    givenUpLoad.pipe(
      Schedule.whileInput((look: Survey) => !look.seen.some(LoadPlan.serves(wanted))),
      Schedule.passthrough
    )
  )
})

const rejected = (param: string, serverMessage: string) =>
  new RequestRejected({ operation: "model load", code: "not_sent", param, serverMessage: `${serverMessage}.` })

/**
 * Unloads an unused copy of ours that does not serve, so that it can be reloaded as requested. A user's copy, or one in
 * use, stays, and a second is loaded beside it.
 */
const giveWay = Effect.fnUntraced(function* (parts: LifecycleParts, look: Survey, copies: ReadonlyArray<Seen>) {
  const ids = copies.map(({ instance }) => instance.id)
  for (const { instance, model } of yield* idleOfOurs(parts, look)) {
    if (!ids.includes(instance.id)) continue
    const done = yield* parts.leases.claim(
      { id: instance.id, model: model.key },
      { despiteIntents: true }
    )(remove(parts, instance.id, "reload"))
    if (Option.isSome(done)) return instance.id
  }
  return undefined
})

const withRoom = Effect.fnUntraced(function* (
  parts: LifecycleParts,
  wanted: LoadPlan.LoadRequest,
  model: CatalogModel,
  look: Survey,
  flight: Flight<LoadProgress>
) {
  const { options } = wanted
  const plan = yield* LoadPlan.make(parts, wanted, model, look)
  const attempt = Effect.fnUntraced(function* (now: Survey) {
    const before = new Set(now.seen.map(({ instance }) => instance.id))
    const load = (preferredContext: number | undefined) =>
      Loading.load(parts, { ...plan, before, preferredContext }, stepsOf(model, flight))
    if (plan.ways[0] !== "cli") return yield* load(undefined)
    // an older `lms` has no estimate; then the load itself tells
    const estimate = yield* Effect.option(parts.cli.estimate(estimateOf(plan)))
    const preferred = Option.isNone(estimate) ? undefined : yield* preferredOf(parts, wanted, plan, estimate.value)
    if (preferred !== undefined) {
      return yield* load(preferred).pipe(
        // estimates may be wrong: what LM Studio would take by itself may still fit
        Effect.catchTag("ModelLoadRefused", (refusal) =>
          Option.isSome(estimate) && estimate.value.fits ? load(undefined) : refusal
        )
      )
    }
    if (Option.isSome(estimate) && !estimate.value.fits) {
      return yield* Effect.flatMap(
        refused(parts, model, now, {
          requiredBytes: estimate.value.totalBytes,
          serverMessage: "`lms load --estimate-only` says that the resource guardrails will refuse the load"
        }),
        Effect.fail
      )
    }
    return yield* load(undefined)
  })
  return yield* attempt(look).pipe(
    Effect.catchIf(
      (error): error is ModelLoadRefused => error._tag === "ModelLoadRefused" && options.makeRoom === true,
      (refusal) =>
        Effect.gen(function* () {
          const gone = yield* makeRoom(parts, yield* survey(parts), {
            except: wanted.key,
            enough: (freed) =>
              plan.ways[0] === "cli"
                ? Effect.match(parts.cli.estimate(estimateOf(plan)), {
                    onFailure: () => freed >= (refusal.requiredBytes ?? Number.POSITIVE_INFINITY),
                    onSuccess: ({ fits }) => fits
                  })
                : Effect.succeed(freed >= (refusal.requiredBytes ?? Number.POSITIVE_INFINITY))
          })
          if (gone.length === 0) return yield* refusal
          yield* Effect.logInfo("made room for a model", { model: model.key, unloaded: gone })
          return yield* attempt(yield* survey(parts))
        })
    )
  )
})

/**
 * The first preferred context that fits. Undefined where none does, and where LM Studio takes as much by itself, by a
 * setting of the model: then that stays.
 */
const preferredOf = Effect.fnUntraced(function* (
  parts: LifecycleParts,
  { options }: LoadPlan.LoadRequest,
  plan: LoadPlan.LoadPlan,
  own: LoadEstimate
) {
  if (plan.contextLength !== undefined) return undefined
  for (const contextLength of PreferredContext.within(options.preferredContext ?? [], plan.model.maxContextLength)) {
    const estimate = yield* Effect.option(parts.cli.estimate({ ...estimateOf(plan), contextLength }))
    if (Option.isNone(estimate)) return undefined
    if (!estimate.value.fits) continue
    const asMuch = (own.totalBytes ?? 0) >= (estimate.value.totalBytes ?? Number.POSITIVE_INFINITY)
    return own.fits && asMuch ? undefined : contextLength
  }
  return undefined
})

const estimateOf = ({ contextLength, gpu, model }: Pick<LoadPlan.LoadPlan, "contextLength" | "gpu" | "model">) => ({
  key: model.key,
  contextLength,
  gpu
})

const stepsOf = (model: CatalogModel, flight: Flight<LoadProgress>): Loading.LoadSteps => ({
  onLoading: (way, progress) => flight.report({ _tag: "Loading", model: model.key, way, progress }),
  onVerifying: flight.report({ _tag: "Verifying", model: model.key }),
  mustFinish: flight.mustFinish
})
