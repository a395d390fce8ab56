/**
 * Loads a model on llama.cpp's router: a place is found, the load is begun and watched until the model runs, and what it
 * runs with is checked. A model that sleeps is woken.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { ContextFixed, ModelLoadFailed, Unsupported } from "../../lmstudio/LmStudioError.ts"
import { notFound } from "../../lmstudio/ModelName.ts"
import * as Patience from "../../resilience/Patience.ts"
import * as TtlPolicy from "../../resilience/TtlPolicy.ts"
import { present } from "../../schema/Fields.ts"
import type { CatalogModel } from "../catalog/CatalogModel.ts"
import type { EnsureOptions, LoadProgress } from "../EnsureOptions.ts"
import type { LedgerEntry } from "../ledger/Ownership.ts"
import { survey, type LifecycleParts, type Seen, type Survey } from "./LifecycleParts.ts"
import type { Outcome } from "./LoadOutcome.ts"
import type { LoadRequest } from "./LoadPlan.ts"
import * as RouterPlaces from "./RouterPlaces.ts"
import type { Flight } from "./SingleFlight.ts"
import { lookUntil, remove } from "./Unloading.ts"

/** The model is not in memory, or sleeps, or runs with less context than was asked for. */
export const load = Effect.fn("ModelLifecycle.loadOnRouter")(function* (
  parts: LifecycleParts,
  wanted: LoadRequest,
  model: CatalogModel,
  look: Survey,
  flight: Flight<LoadProgress>
) {
  yield* Effect.annotateCurrentSpan({ model: model.key })
  const running = look.seen.find((seen) => seen.model.key === model.key)
  yield* possible(wanted, model, running?.instance.contextLength ?? model.fixedContext)
  if (running !== undefined) return yield* woken(parts, model, flight)

  yield* RouterPlaces.findPlace(parts, model, look, (why) => flight.report({ _tag: "Waiting", model: model.key, why }))
  yield* flight.mustFinish
  const { entry, seen } = yield* begun(parts, wanted, model, flight)
  yield* enough(parts, wanted, seen, entry)
  const after = yield* parts.api.models
  const pushedOut = look.seen
    .map(({ instance }) => instance.id)
    .filter((id) => !after.some((one) => one.instances.some((instance) => instance.id === id)))
  const outcome: Outcome = {
    model,
    seen: { ...seen, entry },
    action: entry === undefined ? "already-loaded" : "loaded",
    way: entry?.way,
    ...(pushedOut.length === 0 ? {} : { pushedOut })
  }
  return outcome
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const lookEvery = Duration.millis(250)

/** Everything but the model's name is decided when the server is started. */
const possible = (
  { options, variant }: LoadRequest,
  { key }: CatalogModel,
  contextLength: number | undefined
): Effect.Effect<void, Unsupported | ContextFixed> => {
  const asked = [
    ...(options.identifier === undefined ? [] : ["an identifier"]),
    ...(options.gpu === undefined ? [] : ["a GPU share"]),
    ...(options.parallel === undefined ? [] : ["a number of concurrent requests"]),
    ...(variant === undefined ? [] : ["a variant"])
  ]
  return asked.length === 0
    ? tooSmall(key, options, contextLength)
    : new Unsupported({
        operation: `Loading "${key}" with ${asked.join(", ")}`,
        dialect: "llama-router",
        instead: "llama.cpp's router takes these from its own start, or for one model from the file of --models-preset."
      })
}

const tooSmall = (
  model: string,
  { contextLength: asked }: EnsureOptions,
  contextLength: number | undefined
): Effect.Effect<void, ContextFixed> =>
  asked === undefined || contextLength === undefined || contextLength >= asked
    ? Effect.void
    : new ContextFixed({ model, asked, contextLength })

/** Loaded with its context unknown before: it is checked now, and a load of ours that does not serve is taken back. */
const enough = (parts: LifecycleParts, { options }: LoadRequest, { instance, model }: Seen, entry?: LedgerEntry) =>
  tooSmall(model.key, options, instance.contextLength).pipe(
    Effect.tapError(() =>
      entry === undefined
        ? Effect.void
        : Effect.ignore(
            parts.leases.claim(
              { id: instance.id, model: model.key },
              { despiteIntents: true }
            )(remove(parts, instance.id, "mistake"))
          )
    )
  )

/** Whoever loaded it, its owner stays the same. */
const woken = Effect.fnUntraced(function* (parts: LifecycleParts, model: CatalogModel, flight: Flight<LoadProgress>) {
  yield* flight.report({ _tag: "Loading", model: model.key, way: "rest", progress: undefined })
  yield* parts.api.rouse(model.key)
  const look = yield* lookUntil(survey(parts), ({ seen }) =>
    seen.some((one) => one.model.key === model.key && one.instance.status !== "sleeping")
  )
  const seen = look.seen.find((one) => one.model.key === model.key)
  if (seen === undefined) return yield* ended(model.key, yield* modelNow(parts, model.key))
  // a server without the route that wakes: its next request does
  const action = seen.instance.status === "sleeping" ? "already-loaded" : "woken"
  const outcome: Outcome = { model, seen, action, way: undefined }
  return outcome
})

/** Begun by us, or by somebody else just now; then it is theirs, unless it was a load of ours whose end we did not see. */
const begun = Effect.fnUntraced(function* (
  parts: LifecycleParts,
  wanted: LoadRequest,
  model: CatalogModel,
  flight: Flight<LoadProgress>
) {
  const { api, ledger } = parts
  const now = yield* Clock.currentTimeMillis
  const before = (yield* ledger.all).find(({ instanceId }) => instanceId === model.key)
  const entry: LedgerEntry = {
    instanceId: model.key,
    model: model.key,
    way: "rest",
    server: parts.server,
    ttlMillis: Duration.toMillis(TtlPolicy.resolve(parts.ttlPolicy, wanted.options)),
    state: "loading",
    startedAt: now,
    lastUsedAt: now,
    worked: false
  }
  yield* flight.report({ _tag: "Loading", model: model.key, way: "rest", progress: undefined })
  const work = Effect.gen(function* () {
    const start = yield* api.beginLoad(model.key)
    yield* running(parts, model.key)
    return start
  }).pipe(Patience.untilBack(Patience.policyOf(parts.settings), api.ping))
  return yield* ledger.during(entry)(
    Effect.gen(function* () {
      const start = yield* work.pipe(
        // after anything else it may still be loading
        Effect.tapErrorTag("ModelLoadRefused", () => ledger.forget([model.key])),
        Effect.tapErrorTag("ModelLoadFailed", ({ reason }) =>
          reason === "Timeout" ? Effect.void : ledger.forget([model.key])
        )
      )
      yield* flight.report({ _tag: "Verifying", model: model.key })
      const seen = (yield* survey(parts)).seen.find((one) => one.model.key === model.key)
      if (seen === undefined) {
        yield* ledger.forget([model.key])
        return yield* ended(model.key, yield* modelNow(parts, model.key))
      }
      const { contextLength } = seen.instance
      const ours =
        start === "begun"
          ? {
              ...entry,
              state: "loaded" as const,
              lastUsedAt: yield* Clock.currentTimeMillis,
              ...present({ contextLength })
            }
          : before
      yield* ours === undefined ? ledger.forget([model.key]) : ledger.put(ours)
      return { seen, entry: ours }
    })
  )
})

/** Waits until the model runs. */
const running = (parts: LifecycleParts, key: string) =>
  lookUntil(modelNow(parts, key), ({ absence }) => absence?._tag !== "Loading", Schedule.spaced(lookEvery)).pipe(
    Effect.flatMap((model) => (model.instances.length > 0 ? Effect.void : ended(key, model))),
    Effect.timeoutFail({
      duration: parts.settings.loadTimeout,
      onTimeout: () =>
        new ModelLoadFailed({
          model: key,
          reason: "Timeout",
          serverMessage: `the server is still loading it after ${Duration.format(parts.settings.loadTimeout)}`
        })
    })
  )

const modelNow = Effect.fnUntraced(function* ({ api }: LifecycleParts, key: string) {
  const models = yield* api.models
  return models.find((model) => model.key === key) ?? (yield* notFound(models, key))
})

const ended = (model: string, { absence }: Pick<CatalogModel, "absence">) =>
  absence?._tag === "Failed"
    ? new ModelLoadFailed({
        model,
        reason: "Ended",
        serverMessage: `its process ended with exit code ${absence.exitCode ?? "unknown"}`
      })
    : new ModelLoadFailed({
        model,
        reason: "Ended",
        serverMessage: "another program unloaded it, or took its place, while it was being loaded"
      })
