/** How a model is to be loaded, and the progress of a load. */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type { LoadWay } from "./Ensured.ts"
import type { Ability } from "./ModelUnfit.ts"
import type * as PreferredContext from "./PreferredContext.ts"

/** `progress` 0..1, where known. */
export type LoadProgress =
  | { readonly _tag: "Waiting"; readonly model: string; readonly why: string }
  | { readonly _tag: "Loading"; readonly model: string; readonly way: LoadWay; readonly progress: number | undefined }
  | { readonly _tag: "Verifying"; readonly model: string }
  | { readonly _tag: "SteppedDown"; readonly model: string; readonly to: string; readonly reason: string }

/** What a model must be able to do, where its choice is left to us (`auto`). */
export interface Needs {
  readonly tools?: boolean | undefined
  /** Answers by a JSON Schema. */
  readonly schema?: boolean | undefined
  readonly images?: boolean | undefined
  /** About so many tokens have to fit into its context. */
  readonly tokens?: number | undefined
  /** With at least so much context it has to be loaded. */
  readonly contextLength?: number | undefined
}

export interface EnsureOptions {
  readonly needs?: Needs | undefined
  /** What it is needed for: a model that cannot do it is refused before anything is loaded. */
  readonly ability?: Ability | undefined
  /** Idle time until unload, capped by the policy's maximum. Has no effect on an instance that is already loaded. */
  readonly ttl?: Duration.DurationInput | undefined
  /** Short use: takes the policy's shorter default. */
  readonly temporary?: boolean | undefined
  /**
   * Minimum context in tokens. An idle instance of ours with less is reloaded. Beside an instance that is in use, or that
   * a user loaded, we load a second copy if memory allows; the user's own stays as it is.
   */
  readonly contextLength?: number | undefined
  /**
   * Contexts to load it with where nothing asks for more, the first that the model can have and that `lms` estimates to
   * fit. What LM Studio would load it with stays where that is no less. Never a reason to reload.
   */
  readonly preferredContext?: PreferredContext.Sizes | undefined
  /** Fraction of layers offloaded to the GPU, 0..1; only `lms` can set it. Not checked on an instance already loaded. */
  readonly gpu?: "off" | "max" | number | undefined
  /** Concurrent requests of the instance; only `lms` can set it. Not checked on an instance already loaded. */
  readonly parallel?: number | undefined
  /** The id to give the instance; only `lms` can set it. */
  readonly identifier?: string | undefined
  /**
   * When memory is short, unload idle models of ours, the least recently used first, and retry once. `lease` also waits
   * for other runs to end when only the models that they hold are in the way; callers waiting for the same model are
   * admitted together.
   */
  readonly makeRoom?: boolean | undefined
  /** Only beside what is in memory: fails where the only way to load it could evict a model in use. */
  readonly beside?: boolean | undefined
  /** Others need it: a lease leaves it in memory when this process ends, with its idle limit. */
  readonly stays?: boolean | undefined
  /** Models to try, in order, when this one cannot be loaded. */
  readonly fallback?: ReadonlyArray<string> | undefined
  readonly onProgress?: ((progress: LoadProgress) => Effect.Effect<void>) | undefined
}
