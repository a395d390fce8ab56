/**
 * Models that are truly loaded: looked for, loaded with a limit on their idle time, verified, leased while in use, and
 * never taken from somebody who works with them.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { ChatEvent, ChatReply, ChatRequest } from "../lmstudio/Chat.ts"
import type { ApiError, RequestLimits } from "../lmstudio/LmStudioApi.ts"
import type { LmsCallError } from "../lmstudio/LmsCli.ts"

/**
 * Ways to get a model into memory. `cli` is `lms load --ttl`, `jit` a request with `ttl` that makes LM Studio load it,
 * `rest` is `/api/v1/models/load` plus our own idle reaper, because that route takes no TTL.
 *
 * @since 0.1.0
 * @category models
 */
export const LoadWay = Schema.Literal("cli", "jit", "rest")
/**
 * @since 0.1.0
 * @category models
 */
export type LoadWay = typeof LoadWay.Type

/**
 * What `ensureLoaded` found or did, verified through the API.
 *
 * @since 0.1.0
 * @category models
 */
export const Ensured = Schema.Struct({
  /** The model key. */
  model: Schema.String,
  /** What to put into a request's `model`. */
  instanceId: Schema.String,
  action: Schema.Literal("already-loaded", "loaded", "reloaded"),
  /** How it was loaded, when we did it now. */
  way: Schema.optionalWith(LoadWay, { exact: true }),
  /** Who loaded this instance. A user's instance is used and never unloaded or changed by us. */
  owner: Schema.Literal("lms-bridge", "user"),
  /** Tokens; absent where the server does not tell. */
  contextLength: Schema.optionalWith(Schema.NonNegativeInt, { exact: true }),
  /** Idle milliseconds until it is unloaded; absent when a user loaded it without a limit or nobody can tell. */
  ttlMillis: Schema.optionalWith(Schema.NonNegative, { exact: true }),
  /** Epoch milliseconds of the unload if nobody uses it until then. */
  expiresAt: Schema.optionalWith(Schema.Number, { exact: true }),
  tookMillis: Schema.NonNegative,
  /** Models of the fallback chain that were tried before this one, and why each was passed over. */
  steppedDown: Schema.Array(Schema.Struct({ model: Schema.String, reason: Schema.String }))
})
/**
 * @since 0.1.0
 * @category models
 */
export type Ensured = typeof Ensured.Type

/**
 * `progress` 0..1 where it is known.
 *
 * @since 0.1.0
 * @category models
 */
export type LoadProgress =
  | { readonly _tag: "Waiting"; readonly model: string; readonly why: string }
  | { readonly _tag: "Loading"; readonly model: string; readonly way: LoadWay; readonly progress: number | undefined }
  | { readonly _tag: "Verifying"; readonly model: string }
  | { readonly _tag: "SteppedDown"; readonly model: string; readonly to: string; readonly reason: string }

/**
 * @since 0.1.0
 * @category models
 */
export interface EnsureOptions {
  /** Idle time until unload; capped by the policy's maximum. Without effect on an instance that is loaded. */
  readonly ttl?: Duration.DurationInput | undefined
  /** Short use: the policy's shorter default. */
  readonly temporary?: boolean | undefined
  /** Least context in tokens. A loaded instance of ours with less is reloaded when it is idle. */
  readonly contextLength?: number | undefined
  readonly gpu?: "off" | "max" | number | undefined
  readonly identifier?: string | undefined
  /** When memory is short, unload idle models of ours, oldest first, and try once more. */
  readonly makeRoom?: boolean | undefined
  /** Models to try, in order, when this one cannot be had. */
  readonly fallback?: ReadonlyArray<string> | undefined
  readonly onProgress?: ((progress: LoadProgress) => Effect.Effect<void>) | undefined
}

/**
 * A model in memory, wherever the fact came from.
 *
 * @since 0.1.0
 * @category models
 */
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
/**
 * @since 0.1.0
 * @category models
 */
export type LoadedModel = typeof LoadedModel.Type

/**
 * The instance is at work, or a user loaded it, so it was left alone.
 *
 * @since 0.1.0
 * @category errors
 */
export class ModelInUse extends Schema.TaggedError<ModelInUse>()("ModelInUse", {
  instanceId: Schema.String,
  reason: Schema.Literal("Busy", "Leased", "UserLoaded")
}) {
  get retryable() {
    return this.reason !== "UserLoaded"
  }
  override get message() {
    switch (this.reason) {
      case "Busy":
        return `"${this.instanceId}" is answering a request. Wait until it is idle, or use --force.`
      case "Leased":
        return `"${this.instanceId}" is held by a run. Wait until the run ends, or use --force.`
      case "UserLoaded":
        return `"${this.instanceId}" was not loaded by lms-bridge, so it is left as it is. Use --force to unload it anyway.`
    }
  }
}

/**
 * Unloading was asked for and carried out, but the instance is still listed.
 *
 * @since 0.1.0
 * @category errors
 */
export class UnloadNotVerified extends Schema.TaggedError<UnloadNotVerified>()("UnloadNotVerified", {
  instanceId: Schema.String
}) {
  readonly retryable = true
  override get message() {
    return `LM Studio still lists "${this.instanceId}" after unloading it. Look at \`lms-bridge models ps\` and try again.`
  }
}

/**
 * @since 0.1.0
 * @category errors
 */
export type ModelLifecycleError = ApiError | LmsCallError | ModelInUse | UnloadNotVerified

/**
 * A hold on a loaded model: while it lasts, nobody of ours unloads, evicts or reaps the instance.
 *
 * @since 0.1.0
 * @category models
 */
export interface ModelLease {
  /** The instance now; it changes when the model had to be loaded again. */
  readonly ensured: Effect.Effect<Ensured>
  /**
   * Asks this model. If it turns out to be unloaded or crashed before any output was delivered, it is ensured and asked
   * once more, never oftener.
   */
  readonly chatStream: (
    request: Omit<ChatRequest, "model">,
    limits?: RequestLimits
  ) => Stream.Stream<ChatEvent, ModelLifecycleError>
  readonly chat: (
    request: Omit<ChatRequest, "model">,
    limits?: RequestLimits
  ) => Effect.Effect<ChatReply, ModelLifecycleError>
}

/**
 * @since 0.1.0
 * @category services
 */
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
>() {}
