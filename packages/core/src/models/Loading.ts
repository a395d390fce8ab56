/**
 * One load: by the first way that works, noted before it begins, verified afterwards, and cleaned up after when LM
 * Studio did something else than it was asked.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { ApiError } from "../lmstudio/LmStudioApi.ts"
import type { LmsCallError } from "../lmstudio/LmsCli.ts"
import { ModelLoadFailed } from "../lmstudio/LmStudioError.ts"
import { survey, type LifecycleParts, type Seen } from "./LifecycleParts.ts"
import * as LoadFailure from "./LoadFailure.ts"
import * as LoadMistakes from "./LoadMistakes.ts"
import type { LoadOrder } from "./LoadOrder.ts"
import type { LoadWay } from "./LoadWays.ts"
import type { CatalogInstance } from "./ModelCatalog.ts"
import { isOurs, nextInstanceId, type LedgerEntry } from "./Ownership.ts"
import { lookUntil } from "./Unloading.ts"

/**
 * How the steps of a load are told.
 *
 * @since 0.1.0
 * @category models
 */
export interface LoadSteps {
  readonly onLoading: (way: LoadWay) => Effect.Effect<void>
  readonly onVerifying: Effect.Effect<void>
  /** LM Studio goes on loading when an HTTP request for it is given up, so that one must be seen to its end. */
  readonly mustFinish: Effect.Effect<void>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Loaded {
  readonly seen: Seen
  /** Undefined when somebody else has loaded it meanwhile. */
  readonly way: LoadWay | undefined
}

/**
 * Loads and verifies. Whatever the call itself says, what counts is the look afterwards: `lms` may have done its work and
 * not exited, and a success may be none.
 *
 * @since 0.1.0
 * @category combinators
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
    yield* begin(parts, order, way)
    const called = yield* Effect.either(call(parts, order, way, steps))
    if (Either.isLeft(called) && LoadFailure.isWayClosed(way, called.left)) {
      yield* parts.ledger.forget([idOf(order, way)])
      yield* Effect.logDebug("a way to load is not open", { way, error: called.left.message })
      tried.push({ way, why: called.left.message })
      continue
    }
    yield* steps.onVerifying
    return yield* verify(parts, order, way, called)
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

/** Written before the load, so that even a load that outlives this process is known to be ours. */
const begin = (parts: LifecycleParts, order: LoadOrder, way: LoadWay) =>
  Effect.flatMap(Clock.currentTimeMillis, (now) =>
    parts.ledger.put({
      instanceId: idOf(order, way),
      model: order.model.key,
      way,
      server: parts.server,
      ttlMillis: Duration.toMillis(order.ttl),
      state: "loading",
      startedAt: now,
      lastUsedAt: now,
      worked: false
    })
  )

/** The id that LM Studio reports, where it does. */
const call = (
  { api, cli, settings }: LifecycleParts,
  order: LoadOrder,
  way: LoadWay,
  { mustFinish }: LoadSteps
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
          identifier: order.identifier
        }),
        Option.fromNullable(order.identifier)
      )
    case "jit":
      return Effect.as(
        Effect.zipRight(
          mustFinish,
          order.model.type === "embedding"
            ? Effect.asVoid(api.embed({ model: order.name, input: ["."], ttlSeconds }, limits))
            : Effect.asVoid(
                api.chat(
                  { model: order.name, messages: [{ role: "user", content: "." }], maxTokens: 1, ttlSeconds },
                  limits
                )
              )
        ),
        Option.none()
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
  const reported = Either.isRight(called) ? Option.getOrUndefined(called.right) : undefined
  const isNew = ({ instance }: Seen) => !order.before.has(instance.id)
  const ofModel = ({ model }: Seen) => model.key === order.model.key
  const look = yield* lookUntil(
    survey(parts),
    // after a failed call one look is enough: it asks whether the work was done nevertheless
    ({ seen }) => Either.isLeft(called) || seen.some((one) => isNew(one) && ofModel(one))
  )
  const now = yield* Clock.currentTimeMillis
  const fresh = look.seen.filter(isNew)
  const mine = (refused ? [] : fresh)
    .filter(ofModel)
    // another TTL than ours: somebody else has loaded it
    .filter(({ instance }) => isOurs(entryFor(parts, order, way, instance, now), instance, now))
    .filter(({ instance }) => reported === undefined || instance.id === reported)
  const candidate = mine.find(({ instance }) => instance.id === idOf(order, way)) ?? mine[0]
  if (candidate?.instance.id !== idOf(order, way)) yield* parts.ledger.forget([idOf(order, way)])
  const entry = candidate === undefined ? undefined : entryFor(parts, order, way, candidate.instance, now)
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
  { contextLength, id }: CatalogInstance,
  now: number
): LedgerEntry => ({
  instanceId: id,
  model: order.model.key,
  way,
  server,
  ttlMillis: Duration.toMillis(order.ttl),
  ...(contextLength === undefined ? {} : { contextLength }),
  state: "loaded",
  startedAt: now,
  lastUsedAt: now,
  worked: false
})
