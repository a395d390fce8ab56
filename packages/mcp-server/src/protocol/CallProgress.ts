/**
 * Progress of one call: a first message at once, then every message that is sent, and a heartbeat in between.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import type { Progress } from "../tools/Tool.ts"

/** Clients time out after a minute, some after ten seconds without progress; this is below both. */
export const heartbeatMillis = 8000

/** One notification: `progress` increases with each, as MCP requires; `message` is for a person. */
export interface Notice {
  readonly progress: number
  readonly message: string
}

/** For a client that asked for no progress. */
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
