/**
 * Carries out one load: in the first way that works, recorded before it starts, verified afterwards, and cleaned up when
 * LM Studio did something else than requested.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { type ApiError, ModelLoadFailed } from "../../lmstudio/LmStudioError.ts"
import type { LmsCallError } from "../../lmstudio/LmsCliError.ts"
import * as Patience from "../../resilience/Patience.ts"
import { survey, type LifecycleParts, type Seen } from "./LifecycleParts.ts"
import * as LoadFailure from "./LoadFailure.ts"
import * as LoadReport from "./LoadReport.ts"
import * as LoadMistakes from "./LoadMistakes.ts"
import type { LoadPlan } from "./LoadPlan.ts"
import type { LoadWay } from "../Ensured.ts"
import type { CatalogInstance } from "../catalog/CatalogModel.ts"
import { isOurs, nextInstanceId, type LedgerEntry } from "../ledger/Ownership.ts"
import { lookUntil } from "./Unloading.ts"

/** Receives the steps of a load. */
export interface LoadSteps {
  /** `progress` 0..1, once known. */
  readonly onLoading: (way: LoadWay, progress?: number) => Effect.Effect<void>
  readonly onVerifying: Effect.Effect<void>
  /** Runs before an HTTP load, which must be awaited: LM Studio continues to load when its request is aborted. */
  readonly mustFinish: Effect.Effect<void>
}

export interface Loaded {
  readonly seen: Seen
  /** Undefined when another program loaded it meanwhile. */
  readonly way: LoadWay | undefined
}

/**
 * Loads and verifies. The look afterwards decides, not the call's own result: `lms` may have loaded the model without
 * exiting, and a reported success may be false.
 */
export const load = Effect.fn("ModelLifecycle.load")(function* (
  parts: LifecycleParts,
  plan: LoadPlan,
  steps: LoadSteps
) {
  yield* Effect.annotateCurrentSpan({ model: plan.name })
  const tried = [...plan.passedOver]
  for (const way of plan.ways) {
    yield* steps.onLoading(way)
    const now = yield* Clock.currentTimeMillis
    const loaded = yield* parts.ledger.during({ ...entryFor(parts, plan, way, now), state: "loading" })(
      attempt(parts, plan, way, steps)
    )
    if ("seen" in loaded) return loaded
    yield* Effect.logDebug("a way to load is not available", loaded)
    tried.push(loaded)
  }
  return yield* new ModelLoadFailed({
    model: plan.model.key,
    reason: "NoWay",
    serverMessage: `there is no way to load it here: ${tried.map(({ way, why }) => `${way}: ${why}`).join("; ")}`
  })
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** The expected id of the new instance. Only `lms` takes an identifier. */
const idOf = ({ before, identifier, model }: LoadPlan, way: LoadWay) =>
  (way === "cli" ? identifier : undefined) ?? nextInstanceId(model.key, before)

/** Tries one way; returns the reason when it is not available. */
const attempt = Effect.fnUntraced(function* (parts: LifecycleParts, plan: LoadPlan, way: LoadWay, steps: LoadSteps) {
  const called = yield* Effect.either(call(parts, plan, way, steps))
  if (Either.isLeft(called) && LoadFailure.isWayClosed(way, called.left)) {
    yield* parts.ledger.forget([idOf(plan, way)])
    return { way, why: called.left.message }
  }
  if (Either.isLeft(called) && LoadFailure.isCut(called.left) && !(yield* isThere(parts, plan, steps))) {
    yield* Effect.logInfo("the connection broke during a load, and the model is not in memory; loading it again")
    yield* steps.onLoading(way)
    const repeated = yield* Effect.either(call(parts, plan, way, steps))
    yield* steps.onVerifying
    return yield* LoadReport.ofVerification(plan.model.key)(verify(parts, plan, way, repeated))
  }
  yield* steps.onVerifying
  return yield* LoadReport.ofVerification(plan.model.key)(verify(parts, plan, way, called))
})

/** Whether a load whose connection broke was finished anyway, checked as soon as LM Studio answers. */
const isThere = (parts: LifecycleParts, plan: LoadPlan, steps: LoadSteps) =>
  steps.onVerifying.pipe(
    Effect.zipRight(parts.api.ping),
    Patience.untilBack(Patience.policyOf(parts.settings), parts.api.ping),
    Effect.zipRight(
      lookUntil(survey(parts), ({ seen }) => seen.some(({ instance, model }) => isNew(plan, instance, model)))
    ),
    Effect.map(({ seen }) => seen.some(({ instance, model }) => isNew(plan, instance, model))),
    // without a look, the load is not repeated
    Effect.orElseSucceed(() => true)
  )

const isNew = ({ before, model: { key } }: LoadPlan, instance: CatalogInstance, model: { readonly key: string }) =>
  model.key === key && !before.has(instance.id)

/** Makes the call; returns the instance id if LM Studio reports it. */
const call = (
  { api, cli, settings }: LifecycleParts,
  plan: LoadPlan,
  way: LoadWay,
  { mustFinish, onLoading }: LoadSteps
): Effect.Effect<Option.Option<string>, ApiError | LmsCallError> => {
  const ttlSeconds = Duration.toSeconds(plan.ttl)
  const limits = { firstByte: settings.loadTimeout, betweenBytes: settings.loadTimeout, total: settings.loadTimeout }
  switch (way) {
    case "cli":
      return Effect.as(
        cli.load({
          key: plan.model.key,
          ttl: plan.ttl,
          contextLength: plan.contextLength ?? plan.preferredContext,
          gpu: plan.gpu,
          parallel: plan.parallel,
          identifier: plan.identifier,
          onProgress: (fraction) => onLoading(way, fraction)
        }),
        Option.fromNullable(plan.identifier)
      )
    case "jit":
      return Effect.map(
        Effect.zipRight(
          mustFinish,
          plan.model.type === "embedding"
            ? Effect.map(api.embed({ model: plan.name, input: ["."], ttlSeconds }, limits), ({ model }) => model)
            : Effect.map(
                api.chat(
                  { model: plan.name, messages: [{ role: "user", content: "." }], maxTokens: 1, ttlSeconds },
                  limits
                ),
                ({ model }) => model
              )
        ),
        // a number identifies a copy; without one it may only echo the requested name
        (model) => (/:\d+$/.test(model) ? Option.some(model) : Option.none())
      )
    case "rest":
      return Effect.map(
        Effect.zipRight(mustFinish, api.load(plan.name, { contextLength: plan.contextLength })),
        ({ instanceId }) => Option.some(instanceId)
      )
  }
}

const verify = Effect.fnUntraced(function* (
  parts: LifecycleParts,
  plan: LoadPlan,
  way: LoadWay,
  called: Either.Either<Option.Option<string>, ApiError | LmsCallError>
) {
  const refused = Either.isLeft(called) && LoadFailure.isDefinite(called.left)
  // then no instance that appears is ours
  if (refused) yield* parts.ledger.forget([idOf(plan, way)])
  const isNew = ({ instance }: Seen) => !plan.before.has(instance.id)
  const ofModel = ({ model }: Seen) => model.key === plan.model.key
  const look = yield* lookUntil(
    survey(parts),
    // after a failed call one look is enough: it checks whether the load was done anyway
    ({ seen }) => Either.isLeft(called) || seen.some((one) => isNew(one) && ofModel(one))
  )
  const now = yield* Clock.currentTimeMillis
  const fresh = look.seen.filter(isNew)
  const said = Either.isRight(called) ? Option.getOrUndefined(called.right) : undefined
  // the `model` of a reply may be another name for it; a load reports the real id
  const reported = way === "jit" && !fresh.some(({ instance }) => instance.id === said) ? undefined : said
  const mine = (refused ? [] : fresh)
    .filter(ofModel)
    // with another TTL than ours, somebody else loaded it
    .filter(({ instance }) => isOurs(entryFor(parts, plan, way, now, instance), instance, now))
    .filter(({ instance }, _, all) =>
      reported === undefined
        ? // among several alike, one may be the user's
          way !== "jit" || all.length === 1 || instance.ttlMillis !== undefined
        : instance.id === reported
    )
  const candidate = mine.find(({ instance }) => instance.id === idOf(plan, way)) ?? mine[0]
  if (candidate?.instance.id !== idOf(plan, way)) yield* parts.ledger.forget([idOf(plan, way)])
  const entry = candidate === undefined ? undefined : entryFor(parts, plan, way, now, candidate.instance)
  if (entry !== undefined) yield* parts.ledger.put(entry)

  const theirs = look.seen.find((seen) => !mine.includes(seen) && plan.serves(seen))
  if (theirs !== undefined) {
    // somebody else loaded it at the same time: theirs stays, ours is unloaded
    yield* LoadMistakes.remove(parts, plan, way, mine)
    const other: Loaded = { seen: theirs, way: undefined }
    return other
  }
  if (candidate === undefined) {
    if (Either.isLeft(called)) {
      return yield* Effect.flatMap(LoadFailure.explain(parts, plan.model, called.left, look), Effect.fail)
    }
    return yield* LoadMistakes.notVerified(plan, look.seen, yield* LoadMistakes.remove(parts, plan, way, fresh))
  }
  const { contextLength } = candidate.instance
  if (plan.contextLength !== undefined && contextLength !== undefined && contextLength < plan.contextLength) {
    return yield* LoadMistakes.notVerified(plan, look.seen, yield* LoadMistakes.remove(parts, plan, way, mine))
  }
  yield* LoadMistakes.remove(
    parts,
    plan,
    way,
    mine.filter((copy) => copy !== candidate)
  )
  const loaded: Loaded = { seen: { ...candidate, entry }, way }
  return loaded
})

const entryFor = (
  { server }: LifecycleParts,
  plan: LoadPlan,
  way: LoadWay,
  now: number,
  instance?: CatalogInstance
): LedgerEntry => ({
  instanceId: instance?.id ?? idOf(plan, way),
  model: plan.model.key,
  way,
  server,
  ttlMillis: Duration.toMillis(plan.ttl),
  ...(instance?.contextLength === undefined ? {} : { contextLength: instance.contextLength }),
  state: "loaded",
  startedAt: now,
  lastUsedAt: now,
  worked: false
})
