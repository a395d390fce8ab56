/**
 * Unloads idle models that LM Studio would keep for ever, because the route by which they were loaded takes no TTL. That
 * includes models loaded by processes that have died since.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schedule from "effect/Schedule"
import { beatMillis } from "./Ledger.ts"
import { idleOfOurs, survey, type LifecycleParts } from "../loading/LifecycleParts.ts"
import { expiryOf, unseenLoadMillis, type LedgerEntry } from "./Ownership.ts"
import { remove } from "../loading/Unloading.ts"

/** How often the ledger is checked. LM Studio is asked only when an entry has expired. */
export const reapEvery = Duration.seconds(15)

/** An entry this long past its TTL is dropped without asking LM Studio, which has unloaded the model long ago. */
export const forgetAfterMillis = 24 * 60 * 60 * 1000

/** How long unloading may delay the exit of the process. */
export const closingTime = Duration.seconds(2)

/**
 * One pass: takes over the entries of dead processes, and unloads each instance that is ours, has been idle for its whole
 * TTL as far as any process knows, is neither held nor busy, and is still the one that we loaded. Never fails; what cannot
 * be done now is tried again in the next pass.
 */
export const reap = Effect.fn("ModelLifecycle.reap")(
  function* (parts: LifecycleParts) {
    const { ledger } = parts
    yield* ledger.takeOver
    const now = yield* Clock.currentTimeMillis
    const own = yield* ledger.own
    yield* ledger.forget(
      own
        .filter(
          (entry) =>
            (entry.state === "loading" && now - entry.startedAt > unseenLoadMillis) ||
            (entry.way !== "rest" && now - expiryOf(entry) > forgetAfterMillis)
        )
        .map(({ instanceId }) => instanceId)
    )
    const held = yield* parts.leases.held
    if (!own.some((entry) => isDue(entry, now) && !held.has(entry.instanceId))) return
    const look = yield* Effect.either(survey(parts))
    if (Either.isLeft(look)) return
    // an instance under one of our ids may no longer be ours
    const seen = look.right.seen
    const foreign = own.filter(
      ({ instanceId, state }) =>
        state === "loaded" && seen.some(({ entry, instance }) => instance.id === instanceId && entry === undefined)
    )
    yield* ledger.forget(foreign.map(({ instanceId }) => instanceId))
    for (const { entry, instance, model } of yield* idleOfOurs(parts, look.right)) {
      const mine = own.some(({ instanceId }) => instanceId === instance.id)
      if (!mine || entry.way !== "rest" || expiryOf(entry, instance) > now) continue
      yield* unloadQuietly(parts, { id: instance.id, model: model.key })
    }
  },
  Effect.catchAllCause((cause) => Effect.logWarning("checking for idle models failed", cause))
)

/** Runs `reap` and the ledger's beat periodically while the scope is open. */
export const run = (parts: LifecycleParts) =>
  Effect.all([
    Effect.forkScoped(Effect.repeat(reap(parts), Schedule.spaced(reapEvery))),
    Effect.forkScoped(Effect.repeat(parts.ledger.beat, Schedule.spaced(Duration.millis(beatMillis))))
  ])

/**
 * When the process exits cleanly, nothing is left to unload models that LM Studio would keep for ever. Models that a run
 * has used are unloaded; models that were only loaded on request stay, for the next lms-bridge process to reap.
 */
export const close = (parts: LifecycleParts) =>
  Effect.gen(function* () {
    const worked = (yield* parts.ledger.own).filter(
      (entry) => entry.way === "rest" && entry.state === "loaded" && entry.worked
    )
    if (worked.length === 0) return
    for (const { instance, model } of yield* idleOfOurs(parts, yield* survey(parts))) {
      if (!worked.some(({ instanceId }) => instanceId === instance.id)) continue
      yield* unloadQuietly(parts, { id: instance.id, model: model.key })
    }
  }).pipe(
    Effect.interruptible,
    Effect.disconnect,
    Effect.timeout(closingTime),
    Effect.ignoreLogged,
    Effect.zipRight(parts.ledger.close)
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const isDue = (entry: LedgerEntry, now: number) =>
  (entry.way === "rest" && expiryOf(entry) <= now) || entry.state === "loading"

const unloadQuietly = (parts: LifecycleParts, instance: { readonly id: string; readonly model: string }) =>
  parts.leases
    .claim(
      instance,
      {}
    )(remove(parts, instance.id, "idle"))
    .pipe(
      Effect.catchAll((error) =>
        Effect.logWarning("an idle model was not unloaded", { instanceId: instance.id, error: error.message })
      )
    )
