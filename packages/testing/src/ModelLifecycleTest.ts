/**
 * Doubles of `ModelLifecycle`: one that plays scripted outcomes, and one for which every model is loaded and answers by a
 * function.
 *
 * @since 0.1.0
 */
import { eventsOf, type ChatReply, type ChatRequest } from "@lms-bridge/core/lmstudio/Chat"
import {
  ModelLifecycle,
  type EnsureOptions,
  type LoadedModel,
  type ModelLease,
  type ModelLifecycleError
} from "@lms-bridge/core/models/ModelLifecycle"
import type { Ensured } from "@lms-bridge/core/models/Ensured"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Scripted from "./Scripted.ts"

type Shape = Context.Tag.Service<ModelLifecycle>

/**
 * Per operation its outcomes in order; wrap the last in `Scripted.always` when it answers all further calls. `withModel`
 * takes the outcomes of `lease`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Script {
  readonly resolve?: Scripted.Outcomes<Effect.Effect<string, ModelLifecycleError>>
  readonly ensureLoaded?: Scripted.Outcomes<
    | Effect.Effect<Ensured, ModelLifecycleError>
    | ((name: string | undefined, options?: EnsureOptions) => Effect.Effect<Ensured, ModelLifecycleError>)
  >
  readonly lease?: Scripted.Outcomes<
    | Effect.Effect<ModelLease, ModelLifecycleError>
    | ((name: string | undefined, options?: EnsureOptions) => Effect.Effect<ModelLease, ModelLifecycleError>)
  >
  readonly loaded?: Scripted.Outcomes<Effect.Effect<ReadonlyArray<LoadedModel>, ModelLifecycleError>>
  readonly unload?: Scripted.Outcomes<Effect.Effect<void, ModelLifecycleError>>
}

/**
 * What was asked of the double.
 *
 * @since 0.1.0
 * @category services
 */
export class ModelLifecycleCalls extends Context.Tag("@lms-bridge/testing/ModelLifecycleCalls")<
  ModelLifecycleCalls,
  Effect.Effect<ReadonlyArray<Scripted.Call>>
>() {}

/**
 * An operation without outcomes dies when it is called.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerTest = (script: Script): Layer.Layer<ModelLifecycle | ModelLifecycleCalls> =>
  Layer.effectContext(
    Effect.map(Scripted.make("ModelLifecycle"), (scripted) => {
      const lease = scripted.call("lease", script.lease)
      const lifecycle: Shape = {
        resolve: scripted.call("resolve", script.resolve),
        ensureLoaded: scripted.call("ensureLoaded", script.ensureLoaded),
        lease,
        withModel: (name, options) => (use) => Effect.flatMap(lease(name, options), use),
        loaded: scripted.value("loaded", script.loaded),
        unload: scripted.call("unload", script.unload)
      }
      return Context.make(ModelLifecycle, lifecycle).pipe(Context.add(ModelLifecycleCalls, scripted.calls))
    })
  )

/**
 * A machine on which every name is a model in memory that answers with what `answer` returns.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerAlwaysLoaded = (
  answer: (request: Omit<ChatRequest, "model">, model: string) => Effect.Effect<ChatReply, ModelLifecycleError>,
  changes: Partial<Ensured> = {}
): Layer.Layer<ModelLifecycle> =>
  Layer.effect(
    ModelLifecycle,
    Effect.map(Ref.make<ReadonlyArray<string>>([]), (held) => {
      const resolved = (name: string | undefined) => name ?? changes.model ?? "test/model"
      const ensure = (name: string | undefined) => ensured(resolved(name), changes)
      const lease: Shape["lease"] = (name) =>
        Effect.acquireRelease(
          Effect.as(
            Ref.update(held, (all) => [...all, resolved(name)]),
            leaseOf(ensure(name), answer)
          ),
          () => Ref.update(held, (all) => all.filter((_, index) => index !== all.indexOf(resolved(name))))
        )
      const lifecycle: Shape = {
        resolve: (name) => Effect.succeed(resolved(name)),
        ensureLoaded: (name) => Effect.succeed(ensure(name)),
        lease,
        withModel: (name, options) => (use) => Effect.scoped(Effect.flatMap(lease(name, options), use)),
        loaded: Effect.map(Ref.get(held), (all) =>
          [...new Set(all)].map((model) => ({
            model,
            instanceId: model,
            type: "llm",
            owner: "lms-bridge" as const,
            leases: all.filter((other) => other === model).length
          }))
        ),
        unload: () => Effect.void
      }
      return lifecycle
    })
  )

/**
 * A model that was in memory with 8192 tokens of context.
 *
 * @since 0.1.0
 * @category constructors
 */
export const ensured = (model: string, changes: Partial<Ensured> = {}): Ensured => ({
  model,
  instanceId: model,
  action: "already-loaded",
  owner: "lms-bridge",
  contextLength: 8192,
  ttlMillis: 600_000,
  tookMillis: 0,
  steppedDown: [],
  ...changes
})

/**
 * A hold on it that answers with what `answer` returns.
 *
 * @since 0.1.0
 * @category constructors
 */
export const leaseOf = (
  held: Ensured,
  answer: (request: Omit<ChatRequest, "model">, model: string) => Effect.Effect<ChatReply, ModelLifecycleError>
): ModelLease => ({
  ensured: Effect.succeed(held),
  chat: (request) => answer(request, held.instanceId),
  chatWith: (request, onEvent) =>
    Effect.tap(answer(request, held.instanceId), (reply) => Effect.forEach(eventsOf(reply), onEvent, { discard: true }))
})
