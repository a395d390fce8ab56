/** Unloads instances and verifies it: on request, to make room, or because we loaded them by mistake. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import { type ApiError, ModelNotLoaded } from "../../lmstudio/LmStudioError.ts"
import type { LmsCallError } from "../../lmstudio/LmsCliError.ts"
import { idleOfOurs, isAtWork, survey, type LifecycleParts, type Seen, type Survey } from "./LifecycleParts.ts"
import { ModelInUse, UnloadNotVerified, type ModelLifecycleError } from "../ModelLifecycleError.ts"
import * as LoadReport from "./LoadReport.ts"
import { nearest } from "../../names/nearest.ts"
import { sameName, type Named } from "../../lmstudio/ModelName.ts"

/** How often, and at what interval, LM Studio is checked for an expected change before it counts as failed. */
export const lookAgain = Schedule.intersect(Schedule.spaced("250 millis"), Schedule.recurs(8))

/** llama.cpp's router gives a process that is at work ten seconds to end. */
const untilEnded = Schedule.intersect(Schedule.spaced("250 millis"), Schedule.recurs(60))

/** Repeats `look` until `so` holds; returns the last look in any case. */
export const lookUntil = <A, E, R>(
  look: Effect.Effect<A, E, R>,
  so: (seen: A) => boolean,
  again: Schedule.Schedule<unknown> = lookAgain
): Effect.Effect<A, E, R> =>
  Effect.repeat(
    look,
    again.pipe(
      Schedule.whileInput((seen: A) => !so(seen)),
      Schedule.passthrough
    )
  )

/**
 * Unloads an instance and waits until it is no longer listed. The caller must have checked that it may be unloaded. Over
 * HTTP where the server has a route for it, else with `lms`, whose exit code proves nothing (contract F2).
 */
export const remove = Effect.fn("ModelLifecycle.remove")(function* (
  parts: LifecycleParts,
  instanceId: string,
  reason: LoadReport.UnloadReason
) {
  const { api, cli, ledger } = parts
  yield* Effect.annotateCurrentSpan({ instanceId })
  const { dialect } = yield* api.server
  // the legacy list lags (contract B), so `lms ps` is consulted too
  const overHttp = dialect === "native-v1" || dialect === "llama-router"
  const models: Effect.Effect<ReadonlyArray<Named>, ApiError> = overHttp
    ? api.models
    : Effect.map(parts.catalog.inMemory, (picture) => picture.models)
  const isListed = Effect.map(models, (all) =>
    all.some(({ instances }) => instances.some(({ id }) => id === instanceId))
  )
  const call: Effect.Effect<void, ModelLifecycleError> = overHttp
    ? api.unload(instanceId)
    : Effect.catchIf(cli.unload(instanceId), isWithoutLms, () => api.unload(instanceId))
  const asked = yield* Effect.either(call)
  // whatever the call returned, it succeeded if the instance is gone
  const listed = yield* Either.isLeft(asked)
    ? isListed
    : lookUntil(isListed, (still) => !still, dialect === "llama-router" ? untilEnded : lookAgain)
  if (!listed) {
    yield* LoadReport.unloaded(instanceId, reason)
    return yield* ledger.forget([instanceId])
  }
  if (Either.isLeft(asked) && !(asked.left._tag === "LmsCliError" && asked.left.reason === "NotUnloaded")) {
    return yield* asked.left
  }
  return yield* new UnloadNotVerified({ instanceId })
})

export const unload = Effect.fn("ModelLifecycle.unload")(function* (
  parts: LifecycleParts,
  name: string,
  { force = false }: { readonly force?: boolean | undefined }
) {
  yield* Effect.annotateCurrentSpan({ instanceId: name, force })
  const { seen } = yield* survey(parts)
  const target = findInstance(seen, name)
  if (target === undefined) {
    const loaded = seen.map(({ instance }) => instance.id)
    return yield* new ModelNotLoaded({ model: name, nearest: nearest(name, loaded) })
  }
  const { id } = target.instance
  if (!force) {
    if (target.entry === undefined) return yield* new ModelInUse({ instanceId: id, reason: "UserLoaded" })
    if (yield* isAtWork(parts, target.instance)) return yield* new ModelInUse({ instanceId: id, reason: "Busy" })
    if ((yield* parts.ledger.heldElsewhere).has(id)) return yield* new ModelInUse({ instanceId: id, reason: "Leased" })
  }
  const done = yield* parts.leases.claim({ id, model: target.model.key }, { force })(remove(parts, id, "asked"))
  if (Option.isNone(done)) return yield* new ModelInUse({ instanceId: id, reason: "Leased" })
})

/**
 * Unloads our idle instances, the least recently used first, until `enough` is true. Skips those that cannot be claimed or
 * unloaded. Returns the ids of the unloaded instances.
 */
export const makeRoom = Effect.fn("ModelLifecycle.makeRoom")(function* <E>(
  parts: LifecycleParts,
  look: Survey,
  options: { readonly except: string; readonly enough: (freedBytes: number) => Effect.Effect<boolean, E> }
) {
  const gone: Array<string> = []
  let freed = 0
  for (const { instance, model } of yield* idleOfOurs(parts, look)) {
    if (model.key === options.except) continue
    const done = yield* parts.leases
      .claim(
        { id: instance.id, model: model.key },
        {}
      )(remove(parts, instance.id, "room"))
      .pipe(
        Effect.catchAll((error) =>
          Effect.as(
            Effect.logWarning("could not make room", { instanceId: instance.id, error: error.message }),
            Option.none()
          )
        )
      )
    if (Option.isNone(done)) continue
    gone.push(instance.id)
    freed += model.sizeBytes ?? 0
    if (yield* options.enough(freed)) break
  }
  return gone
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Then the API's error says what is not possible on this server, and what to do. */
const isWithoutLms = (error: LmsCallError) =>
  error._tag === "LmsCliError" && (error.reason === "NotInstalled" || error.reason === "Disabled")

/** The instance with that id, else the only instance of the model with that name. */
const findInstance = (seen: ReadonlyArray<Seen>, name: string): Seen | undefined => {
  const exact =
    seen.find(({ instance }) => instance.id === name) ?? seen.find(({ instance }) => sameName(instance.id, name))
  if (exact !== undefined) return exact
  const copies = seen.filter(({ model }) => sameName(model.key, name))
  return copies.length === 1 ? copies[0] : undefined
}
