/**
 * What the page does with models: the tools' own ways, and holding one for a while.
 */
import { ModelLifecycle } from "@lms-bridge/core/ModelLifecycle"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberMap from "effect/FiberMap"

/** While it is kept, lms-bridge neither unloads nor evicts it. */
export const keptFor = Duration.hours(1)

export interface Keeping {
  readonly keptUntil: (instanceId: string) => number | undefined
  /** Fails if the model cannot be leased. Ends by itself after an hour. */
  readonly keep: (instanceId: string) => Effect.Effect<void, { readonly _tag: string; readonly message: string }>
  readonly release: (instanceId: string) => Effect.Effect<void>
}

export const make = Effect.gen(function* () {
  const lifecycle = yield* ModelLifecycle
  const fibers = yield* FiberMap.make<string>()
  const until = new Map<string, number>()
  const release = (instanceId: string) =>
    Effect.zipRight(
      FiberMap.remove(fibers, instanceId),
      Effect.sync(() => void until.delete(instanceId))
    )
  const keeping: Keeping = {
    keptUntil: (instanceId) => until.get(instanceId),
    keep: Effect.fnUntraced(function* (instanceId) {
      const held = yield* Deferred.make<void>()
      const fiber = yield* FiberMap.run(
        fibers,
        instanceId,
        lifecycle
          .withModel(instanceId)(() => Effect.zipRight(Deferred.succeed(held, undefined), Effect.sleep(keptFor)))
          .pipe(Effect.ensuring(Effect.sync(() => void until.delete(instanceId))))
      )
      yield* Effect.raceFirst(Deferred.await(held), Fiber.join(fiber))
      until.set(instanceId, (yield* Clock.currentTimeMillis) + Duration.toMillis(keptFor))
    }),
    release
  }
  return keeping
})
