/**
 * One load: by the first way that works, noted before it begins, verified afterwards, and cleaned up after when LM
 * Studio did something else than it was asked.
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
import * as LoadMistakes from "./LoadMistakes.ts"
import type { LoadOrder } from "./LoadOrder.ts"
import type { LoadWay } from "../Ensured.ts"
import type { CatalogInstance } from "../catalog/CatalogModel.ts"
import { isOurs, nextInstanceId, type LedgerEntry } from "../ledger/Ownership.ts"
import { lookUntil } from "./Unloading.ts"

/** How the steps of a load are told. */
export interface LoadSteps {
  /** `progress` 0..1 once it is known. */
  readonly onLoading: (way: LoadWay, progress?: number) => Effect.Effect<void>
  readonly onVerifying: Effect.Effect<void>
  /** LM Studio goes on loading when an HTTP request for it is given up, so that one must be seen to its end. */
  readonly mustFinish: Effect.Effect<void>
}

export interface Loaded {
  readonly seen: Seen
  /** Undefined when somebody else has loaded it meanwhile. */
  readonly way: LoadWay | undefined
}

/**
 * Loads and verifies. Whatever the call itself says, what counts is the look afterwards: `lms` may have done its work and
 * not exited, and a success may be none.
 */
export const load = Effect.fn("ModelLifecycle.load")(function* (
  parts: LifecycleParts,
  order: LoadOrder,
  steps: LoadSteps
) {
  yield* Effect.annotateCurrentSpan({ model: order.name })
  const tried = [...order.passedOver]
  for (const way of order.ways) {
    yield* steps.onLoading(way)
    const now = yield* Clock.currentTimeMillis
    const loaded = yield* parts.ledger.during({ ...entryFor(parts, order, way, now), state: "loading" })(
      attempt(parts, order, way, steps)
    )
    if ("seen" in loaded) return loaded
    yield* Effect.logDebug("a way to load is not open", loaded)
    tried.push(loaded)
  }
  return yield* new ModelLoadFailed({
    model: order.model.key,
    reason: "NoWay",
    serverMessage: `there is no way to load it here: ${tried.map(({ way, why }) => `${way}: ${why}`).join("; ")}`
  })
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** The id that the new instance will have. Only `lms` takes an identifier. */
const idOf = ({ before, identifier, model }: LoadOrder, way: LoadWay) =>
  (way === "cli" ? identifier : undefined) ?? nextInstanceId(model.key, before)

/** By one way; why it is closed, when it is. */
const attempt = Effect.fnUntraced(function* (parts: LifecycleParts, order: LoadOrder, way: LoadWay, steps: LoadSteps) {
  const called = yield* Effect.either(call(parts, order, way, steps))
  if (Either.isLeft(called) && LoadFailure.isWayClosed(way, called.left)) {
    yield* parts.ledger.forget([idOf(order, way)])
    return { way, why: called.left.message }
  }
  if (Either.isLeft(called) && LoadFailure.isCut(called.left) && !(yield* isThere(parts, order, steps))) {
    yield* Effect.logInfo("the connection broke while a model was loaded, and it is not there; loading it once more")
    yield* steps.onLoading(way)
    const repeated = yield* Effect.either(call(parts, order, way, steps))
    yield* steps.onVerifying
    return yield* verify(parts, order, way, repeated)
  }
  yield* steps.onVerifying
  return yield* verify(parts, order, way, called)
})

/** Whether a load whose connection broke was done all the same, as soon as LM Studio answers. */
const isThere = (parts: LifecycleParts, order: LoadOrder, steps: LoadSteps) =>
  steps.onVerifying.pipe(
    Effect.zipRight(parts.api.ping),
    Patience.untilBack(Patience.policyOf(parts.settings), parts.api.ping),
    Effect.zipRight(
      lookUntil(survey(parts), ({ seen }) => seen.some(({ instance, model }) => isNew(order, instance, model)))
    ),
    Effect.map(({ seen }) => seen.some(({ instance, model }) => isNew(order, instance, model))),
    // whoever cannot look does not load a second time either
    Effect.orElseSucceed(() => true)
  )

const isNew = ({ before, model: { key } }: LoadOrder, instance: CatalogInstance, model: { readonly key: string }) =>
  model.key === key && !before.has(instance.id)

/** The id that LM Studio reports, where it does. */
const call = (
  { api, cli, settings }: LifecycleParts,
  order: LoadOrder,
  way: LoadWay,
  { mustFinish, onLoading }: LoadSteps
): Effect.Effect<Option.Option<string>, ApiError | LmsCallError> => {
  const ttlSeconds = Duration.toSeconds(order.ttl)
  const limits = { firstByte: settings.loadTimeout, betweenBytes: settings.loadTimeout, total: settings.loadTimeout }
  switch (way) {
    case "cli":
      return Effect.as(
        cli.load({
          key: order.model.key,
          ttl: order.ttl,
          contextLength: order.contextLength,
          gpu: order.gpu,
          parallel: order.parallel,
          identifier: order.identifier,
          onProgress: (fraction) => onLoading(way, fraction)
        }),
        Option.fromNullable(order.identifier)
      )
    case "jit":
      return Effect.map(
        Effect.zipRight(
          mustFinish,
          order.model.type === "embedding"
            ? Effect.map(api.embed({ model: order.name, input: ["."], ttlSeconds }, limits), ({ model }) => model)
            : Effect.map(
                api.chat(
                  { model: order.name, messages: [{ role: "user", content: "." }], maxTokens: 1, ttlSeconds },
                  limits
                ),
                ({ model }) => model
              )
        ),
        // a copy is told by its number; the key alone may be no more than the name that was asked for
        (model) => (/:\d+$/.test(model) ? Option.some(model) : Option.none())
      )
    case "rest":
      return Effect.map(
        Effect.zipRight(mustFinish, api.load(order.name, { contextLength: order.contextLength })),
        ({ instanceId }) => Option.some(instanceId)
      )
  }
}

const verify = Effect.fnUntraced(function* (
  parts: LifecycleParts,
  order: LoadOrder,
  way: LoadWay,
  called: Either.Either<Option.Option<string>, ApiError | LmsCallError>
) {
  const refused = Either.isLeft(called) && LoadFailure.isDefinite(called.left)
  // then nothing that turns up is ours
  if (refused) yield* parts.ledger.forget([idOf(order, way)])
  const isNew = ({ instance }: Seen) => !order.before.has(instance.id)
  const ofModel = ({ model }: Seen) => model.key === order.model.key
  const look = yield* lookUntil(
    survey(parts),
    // after a failed call one look is enough: it asks whether the work was done nevertheless
    ({ seen }) => Either.isLeft(called) || seen.some((one) => isNew(one) && ofModel(one))
  )
  const now = yield* Clock.currentTimeMillis
  const fresh = look.seen.filter(isNew)
  const said = Either.isRight(called) ? Option.getOrUndefined(called.right) : undefined
  // a reply's `model` may be another word for it; the id that a load reports is its id
  const reported = way === "jit" && !fresh.some(({ instance }) => instance.id === said) ? undefined : said
  const mine = (refused ? [] : fresh)
    .filter(ofModel)
    // another TTL than ours: somebody else has loaded it
    .filter(({ instance }) => isOurs(entryFor(parts, order, way, now, instance), instance, now))
    .filter(({ instance }, _, all) =>
      reported === undefined
        ? // of several that look alike one may be the user's
          way !== "jit" || all.length === 1 || instance.ttlMillis !== undefined
        : instance.id === reported
    )
  const candidate = mine.find(({ instance }) => instance.id === idOf(order, way)) ?? mine[0]
  if (candidate?.instance.id !== idOf(order, way)) yield* parts.ledger.forget([idOf(order, way)])
  const entry = candidate === undefined ? undefined : entryFor(parts, order, way, now, candidate.instance)
  if (entry !== undefined) yield* parts.ledger.put(entry)

  const theirs = look.seen.find((seen) => !mine.includes(seen) && order.serves(seen))
  if (theirs !== undefined) {
    // somebody loaded it while we did: theirs stays, ours goes
    yield* LoadMistakes.remove(parts, order, way, mine)
    const other: Loaded = { seen: theirs, way: undefined }
    return other
  }
  if (candidate === undefined) {
    if (Either.isLeft(called)) {
      return yield* Effect.flatMap(LoadFailure.explain(parts, order.model, called.left, look), Effect.fail)
    }
    return yield* LoadMistakes.notVerified(order, look.seen, yield* LoadMistakes.remove(parts, order, way, fresh))
  }
  const { contextLength } = candidate.instance
  if (order.contextLength !== undefined && contextLength !== undefined && contextLength < order.contextLength) {
    return yield* LoadMistakes.notVerified(order, look.seen, yield* LoadMistakes.remove(parts, order, way, mine))
  }
  yield* LoadMistakes.remove(
    parts,
    order,
    way,
    mine.filter((copy) => copy !== candidate)
  )
  const loaded: Loaded = { seen: { ...candidate, entry }, way }
  return loaded
})

const entryFor = (
  { server }: LifecycleParts,
  order: LoadOrder,
  way: LoadWay,
  now: number,
  instance?: CatalogInstance
): LedgerEntry => ({
  instanceId: instance?.id ?? idOf(order, way),
  model: order.model.key,
  way,
  server,
  ttlMillis: Duration.toMillis(order.ttl),
  ...(instance?.contextLength === undefined ? {} : { contextLength: instance.contextLength }),
  state: "loaded",
  startedAt: now,
  lastUsedAt: now,
  worked: false
})
