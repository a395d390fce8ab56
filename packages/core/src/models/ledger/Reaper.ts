/**
 * Ends the idle time of models that LM Studio would keep for ever, because they were loaded by a route that takes no TTL;
 * also of those that a process loaded which has died since.
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

/** How often it looks into the ledger. LM Studio is asked only when something there has expired. */
export const reapEvery = Duration.seconds(15)

/** An entry that nobody has used for so long beyond its TTL is dropped unlooked at: LM Studio has long ended it. */
export const forgetAfterMillis = 24 * 60 * 60 * 1000

/** How long the end of the process may be held up by unloading. */
export const closingTime = Duration.seconds(2)

/**
 * One look: takes over what dead processes left, and unloads what is ours, has been idle for its whole TTL by everybody's
 * knowledge, is not held, not busy, and is still the instance that we loaded. Never fails: what cannot be done now is
 * tried again at the next look.
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
    // what is listed under an id of ours and is not ours any more has nothing to do with us
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
  Effect.catchAllCause((cause) => Effect.logWarning("looking for idle models failed", cause))
)

/** Looks now and then, for as long as the scope is open. */
export const run = (parts: LifecycleParts) =>
  Effect.all([
    Effect.forkScoped(Effect.repeat(reap(parts), Schedule.spaced(reapEvery))),
    Effect.forkScoped(Effect.repeat(parts.ledger.beat, Schedule.spaced(Duration.millis(beatMillis))))
  ])

/**
 * When the process ends in good order, nobody is left to end what LM Studio would keep for ever. What a run has worked
 * with is unloaded; what was only loaded, at somebody's wish, stays for the next lms-bridge process to look after.
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
    )(remove(parts, instance.id))
    .pipe(
      Effect.tap(() => Effect.logInfo("unloaded an idle model", { instanceId: instance.id })),
      Effect.catchAll((error) =>
        Effect.logWarning("an idle model was not unloaded", { instanceId: instance.id, error: error.message })
      )
    )
