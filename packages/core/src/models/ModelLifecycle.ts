/**
 * Models that are truly loaded: looked for, loaded with a limit on their idle time, verified, leased while in use, and
 * never taken from somebody who works with them.
 */
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { Settings } from "../configuration/Settings.ts"
import type { ChatEvent, ChatReply, ChatRequest } from "../lmstudio/Chat.ts"
import type { LmStudioApi, RequestLimits } from "../lmstudio/LmStudioApi.ts"
import type { LmsCli } from "../lmstudio/LmsCli.ts"
import * as Lifecycle from "./loading/Lifecycle.ts"
import type { LoadWay } from "./loading/LoadWays.ts"
import type { Ensured } from "./Ensured.ts"
import { ModelCatalog } from "./catalog/ModelCatalog.ts"
import type { ModelLifecycleError } from "./ModelLifecycleError.ts"

export { LoadWay } from "./loading/LoadWays.ts"
export { ModelInUse, UnloadNotVerified, type ModelLifecycleError } from "./ModelLifecycleError.ts"

/** `progress` 0..1 where it is known. */
export type LoadProgress =
  | { readonly _tag: "Waiting"; readonly model: string; readonly why: string }
  | { readonly _tag: "Loading"; readonly model: string; readonly way: LoadWay; readonly progress: number | undefined }
  | { readonly _tag: "Verifying"; readonly model: string }
  | { readonly _tag: "SteppedDown"; readonly model: string; readonly to: string; readonly reason: string }

export interface EnsureOptions {
  /** Idle time until unload; capped by the policy's maximum. Without effect on an instance that is loaded. */
  readonly ttl?: Duration.DurationInput | undefined
  /** Short use: the policy's shorter default. */
  readonly temporary?: boolean | undefined
  /**
   * Least context in tokens. A loaded instance of ours with less is loaded again when it is idle. Beside one that is in
   * use, or that a user loaded, a second copy of ours is loaded if memory allows; the user's own stays as it is.
   */
  readonly contextLength?: number | undefined
  /** Share of layers on the GPU, 0..1; only `lms` can set it. Not asked of an instance that is loaded. */
  readonly gpu?: "off" | "max" | number | undefined
  /** Requests that the instance works on at the same time; only `lms` can set it. Not asked of one that is loaded. */
  readonly parallel?: number | undefined
  /** The id that the instance shall have; only `lms` can give one. */
  readonly identifier?: string | undefined
  /**
   * When memory is short, unload idle models of ours, the longest unused first, and try once more. With `lease` also:
   * when only models that other runs hold are in the way, wait until they end; who waits for the same model goes together.
   */
  readonly makeRoom?: boolean | undefined
  /** Models to try, in order, when this one cannot be had. */
  readonly fallback?: ReadonlyArray<string> | undefined
  readonly onProgress?: ((progress: LoadProgress) => Effect.Effect<void>) | undefined
}

/** A model in memory, wherever the fact came from. */
export const LoadedModel = Schema.Struct({
  model: Schema.String,
  instanceId: Schema.String,
  type: Schema.String,
  owner: Schema.Literal("lms-bridge", "user"),
  contextLength: Schema.optionalWith(Schema.NonNegativeInt, { exact: true }),
  sizeBytes: Schema.optionalWith(Schema.Number, { exact: true }),
  /** `idle`, `processingPrompt`, `generating`, …; absent without `lms`. */
  status: Schema.optionalWith(Schema.String, { exact: true }),
  /** Null is for ever; absent is unknown. */
  ttlMillis: Schema.optionalWith(Schema.NullOr(Schema.NonNegative), { exact: true }),
  expiresAt: Schema.optionalWith(Schema.Number, { exact: true }),
  /** How many runs of this process hold it. */
  leases: Schema.NonNegativeInt
})
export type LoadedModel = typeof LoadedModel.Type

/** A hold on a loaded model: while it lasts, nobody of ours unloads, evicts or reaps the instance. */
export interface ModelLease {
  /** The instance now; it changes when the model had to be loaded again. */
  readonly ensured: Effect.Effect<Ensured>
  /**
   * Asks this model. If it turns out to be unloaded or crashed before any output was delivered, it is ensured and asked
   * once more, never oftener.
   */
  readonly chat: (
    request: Omit<ChatRequest, "model">,
    limits?: RequestLimits
  ) => Effect.Effect<ChatReply, ModelLifecycleError>
  /** The same, with each event of the reply handed to `onEvent`, whose failure ends the request. */
  readonly chatWith: <E>(
    request: Omit<ChatRequest, "model">,
    onEvent: (event: ChatEvent) => Effect.Effect<void, E>,
    limits?: RequestLimits
  ) => Effect.Effect<ChatReply, ModelLifecycleError | E>
}

export class ModelLifecycle extends Context.Tag("@lms-bridge/core/models/ModelLifecycle")<
  ModelLifecycle,
  {
    /**
     * The key that a name means: an exact key in any letter case, an instance id, a variant, or `default` (and
     * undefined) for the configured, else a loaded, else the best suited model. Fails with `ModelNotFound`.
     */
    readonly resolve: (name: string | undefined) => Effect.Effect<string, ModelLifecycleError>
    /**
     * Makes sure that a model is in memory: resolve, look, load by the best way there is, verify. Idempotent; one load
     * per model at a time in this process and on this machine; interrupting one caller harms no other.
     */
    readonly ensureLoaded: (
      name: string | undefined,
      options?: EnsureOptions
    ) => Effect.Effect<Ensured, ModelLifecycleError>
    /** Ensures the model and holds it until the scope closes. */
    readonly lease: (
      name: string | undefined,
      options?: EnsureOptions
    ) => Effect.Effect<ModelLease, ModelLifecycleError, Scope.Scope>
    /** Ensures the model and holds it while `use` runs. */
    readonly withModel: (
      name: string | undefined,
      options?: EnsureOptions
    ) => <A, E, R>(use: (lease: ModelLease) => Effect.Effect<A, E, R>) => Effect.Effect<A, E | ModelLifecycleError, R>
    /** Everything in memory, merged from the API and, where it is at hand, `lms ps`. */
    readonly loaded: Effect.Effect<ReadonlyArray<LoadedModel>, ModelLifecycleError>
    /** Unloads an instance and verifies that it is gone. Refuses busy, leased and users' instances unless `force`. */
    readonly unload: (
      instanceId: string,
      options?: { readonly force?: boolean | undefined }
    ) => Effect.Effect<void, ModelLifecycleError>
  }
>() {
  /** Over a catalog that is given. */
  static readonly layerNoDeps: Layer.Layer<
    ModelLifecycle,
    never,
    ModelCatalog | LmStudioApi | LmsCli | Settings | FileSystem.FileSystem | Path.Path
  > = Layer.scoped(this, Lifecycle.make)

  /**
   * Reads `HOME` (or `USERPROFILE`) through `Config` when no data folder is configured. What other processes of this
   * machine load and hold is told and learnt there; without a folder that can be written, each process knows only of
   * itself.
   */
  static readonly layer: Layer.Layer<
    ModelLifecycle,
    never,
    LmStudioApi | LmsCli | Settings | FileSystem.FileSystem | Path.Path
  > = this.layerNoDeps.pipe(Layer.provide(ModelCatalog.layer))
}
