/** A double of `ModelLifecycle`: each model is in memory already, and `LmStudioApi` answers for it. */
import { LmStudioApi } from "@lms-bridge/core/LmStudioApi"
import { type Ensured, ModelLifecycle, type ModelLease } from "@lms-bridge/core/ModelLifecycle"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/** `changes` replaces fields of what is found in memory: the model, by default `test/model`, or its context. */
export const layerAlwaysLoaded = (changes: Partial<Ensured> = {}): Layer.Layer<ModelLifecycle, never, LmStudioApi> =>
  Layer.effect(
    ModelLifecycle,
    Effect.map(LmStudioApi, (api) => {
      const ensure = (name: string | undefined): Ensured => {
        const model = name ?? changes.model ?? "test/model"
        return {
          instanceId: model,
          action: "already-loaded",
          owner: "user",
          contextLength: 8192,
          tookMillis: 0,
          steppedDown: [],
          ...changes,
          model
        }
      }
      const lease = (name: string | undefined): ModelLease => {
        const ensured = ensure(name)
        return {
          ensured: Effect.succeed(ensured),
          chat: (request, limits) => api.chat({ ...request, model: ensured.instanceId }, limits),
          chatWith: (request, onEvent, limits) =>
            api.chatWith({ ...request, model: ensured.instanceId }, onEvent, limits)
        }
      }
      return {
        resolve: (name) => Effect.succeed(ensure(name).model),
        ensureLoaded: (name) => Effect.succeed(ensure(name)),
        lease: (name) => Effect.succeed(lease(name)),
        withModel: (name) => (use) => use(lease(name)),
        loaded: Effect.succeed([]),
        unload: () => Effect.void
      }
    })
  )
