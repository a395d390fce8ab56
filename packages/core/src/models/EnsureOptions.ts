/** How a model is to be loaded, and how far that is. */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type { LoadWay } from "./Ensured.ts"

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
