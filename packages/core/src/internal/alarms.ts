/**
 * Time limits of many things at once, kept by one fiber: a limit of its own would cost each request a race.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/**
 * Something that has to be done unless it is taken back before.
 *
 * @internal
 */
export interface Alarm {
  /** Epoch milliseconds by the Clock. It may move at any time; to an earlier one only with `sooner`. */
  readonly due: () => number
  /** Afterwards it is either due later or never again. Nobody waits for it, so it is short. */
  readonly ring: Effect.Effect<unknown>
}

/**
 * @internal
 */
export interface Alarms {
  readonly set: (alarm: Alarm) => void
  readonly takeBack: (alarm: Alarm) => void
  /** To be called when an alarm is due earlier than it was. */
  readonly sooner: () => void
}

/**
 * Rings until the scope closes.
 *
 * @internal
 */
export const make: Effect.Effect<Alarms, never, Scope.Scope> = Effect.gen(function* () {
  const alarms = new Set<Alarm>()
  const woken = yield* Effect.makeLatch(false)
  const state = { lookAt: Number.POSITIVE_INFINITY }

  const earliest = () => {
    let earliest = Number.POSITIVE_INFINITY
    for (const { due } of alarms) earliest = Math.min(earliest, due())
    return earliest
  }
  const wakeFor = (at: number) => {
    if (at < state.lookAt) woken.unsafeOpen()
  }

  yield* Effect.gen(function* () {
    for (;;) {
      woken.unsafeClose()
      const now = yield* Clock.currentTimeMillis
      for (const alarm of [...alarms].filter(({ due }) => due() <= now)) {
        // the one before may have taken it back or put it off
        if (!alarms.has(alarm) || alarm.due() > now) continue
        // a bug in one limit must not be the end of all
        yield* Effect.catchAllDefect(alarm.ring, (defect) => Effect.logError("a time limit could not be kept", defect))
        if (alarm.due() <= now) alarms.delete(alarm)
      }
      state.lookAt = earliest()
      yield* state.lookAt === Number.POSITIVE_INFINITY
        ? woken.await
        : Effect.raceFirst(woken.await, Effect.sleep(Duration.millis(state.lookAt - now)))
    }
  }).pipe(Effect.interruptible, Effect.forkScoped)

  return {
    set: (alarm) => {
      alarms.add(alarm)
      wakeFor(alarm.due())
    },
    takeBack: (alarm) => void alarms.delete(alarm),
    sooner: () => wakeFor(earliest())
  }
})
