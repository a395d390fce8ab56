/**
 * Progress of one call: a first word at once, then whatever is told, and a sign of life in between.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import type { Progress } from "../tools/Tool.ts"

/** Clients lose patience after a minute, some after ten seconds of silence; this stays below both. */
export const heartbeatMillis = 8000

/** One notification: `progress` rises with each, as MCP demands; `message` is for a person. */
export interface Notice {
  readonly progress: number
  readonly message: string
}

/** Nobody listens. */
export const silent: Progress = { tell: () => Effect.void, note: () => Effect.void }

/** Starts the heartbeat in the current scope. */
export const make = Effect.fnUntraced(function* (first: string, send: (notice: Notice) => Effect.Effect<void>) {
  const began = yield* Clock.currentTimeMillis
  const sent = yield* Ref.make(0)
  const latest = yield* Ref.make(first)
  const emit = (message: string) =>
    Effect.flatMap(
      Ref.updateAndGet(sent, (n) => n + 1),
      (progress) => send({ progress, message })
    )
  const heartbeat = Effect.gen(function* () {
    const elapsed = (yield* Clock.currentTimeMillis) - began
    yield* emit(`${yield* Ref.get(latest)} (${Math.round(elapsed / 1000)} s)`)
  })
  yield* emit(first)
  yield* Effect.forkScoped(Effect.delay(Effect.repeat(heartbeat, Schedule.spaced(heartbeatMillis)), heartbeatMillis))
  const progress: Progress = {
    tell: (message) => Effect.zipRight(Ref.set(latest, message), emit(message)),
    note: (message) => Ref.set(latest, message)
  }
  return progress
})
