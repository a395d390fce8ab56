/**
 * The life cycle of models: found, loaded with a limit on their idle time, verified, leased while in use, and never
 * unloaded while somebody uses them.
 */
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { Settings } from "../configuration/Settings.ts"
import type { LmStudioApi } from "../lmstudio/LmStudioApi.ts"
import type { LmsCli } from "../lmstudio/LmsCli.ts"
import * as AliasedLifecycle from "./aliases/AliasedLifecycle.ts"
import * as Lifecycle from "./loading/Lifecycle.ts"
import type { Ensured } from "./Ensured.ts"
import { ModelCatalog } from "./catalog/ModelCatalog.ts"
import type { ModelLifecycleError } from "./ModelLifecycleError.ts"
import type { EnsureOptions } from "./EnsureOptions.ts"
import type { LoadedModel } from "./LoadedModel.ts"
import { type ModelLease } from "./LoadedModel.ts"
import type { Ability } from "./ModelUnfit.ts"

export { LoadWay } from "./Ensured.ts"
export { ModelInUse, UnloadNotVerified, type ModelLifecycleError } from "./ModelLifecycleError.ts"

export class ModelLifecycle extends Context.Tag("@lms-bridge/core/models/ModelLifecycle")<
  ModelLifecycle,
  {
    /**
     * The key that a name refers to: an exact key in any letter case, an instance id, a variant, or `default` (also
     * undefined) for the configured, else a loaded, else the most suitable model. Fails with `ModelNotFound`, and
     * with `ModelUnfit` for a model without the ability.
     */
    readonly resolve: (name: string | undefined, ability?: Ability) => Effect.Effect<string, ModelLifecycleError>
    /**
     * Ensures that a model is in memory: resolves the name, looks, loads in the best available way, verifies. Idempotent;
     * one load per model at a time in this process and on this machine; interrupting one caller does not affect others.
     */
    readonly ensureLoaded: (
      name: string | undefined,
      options?: EnsureOptions
    ) => Effect.Effect<Ensured, ModelLifecycleError>
    /** Ensures the model and leases it until the scope closes. */
    readonly lease: (
      name: string | undefined,
      options?: EnsureOptions
    ) => Effect.Effect<ModelLease, ModelLifecycleError, Scope.Scope>
    /** Ensures the model and leases it while `use` runs. */
    readonly withModel: (
      name: string | undefined,
      options?: EnsureOptions
    ) => <A, E, R>(use: (lease: ModelLease) => Effect.Effect<A, E, R>) => Effect.Effect<A, E | ModelLifecycleError, R>
    /** Everything in memory, merged from the API and, where available, `lms ps`. */
    readonly loaded: Effect.Effect<ReadonlyArray<LoadedModel>, ModelLifecycleError>
    /** Unloads an instance and verifies that it is gone. Refuses busy, leased and users' instances unless `force`. */
    readonly unload: (
      instanceId: string,
      options?: { readonly force?: boolean | undefined }
    ) => Effect.Effect<void, ModelLifecycleError>
  }
>() {
  /** Over a given catalog. */
  static readonly layerNoDeps: Layer.Layer<
    ModelLifecycle,
    never,
    ModelCatalog | LmStudioApi | LmsCli | Settings | FileSystem.FileSystem | Path.Path
  > = Layer.scoped(
    this,
    Effect.flatMap(Effect.zip(Lifecycle.make, Settings), ([inner, settings]) => AliasedLifecycle.over(inner, settings))
  )

  /**
   * Reads `HOME` (or `USERPROFILE`) through `Config` when no data folder is configured. Processes on this machine share
   * there what they load and hold; without a writable folder, each process knows only its own.
   */
  static readonly layer: Layer.Layer<
    ModelLifecycle,
    never,
    LmStudioApi | LmsCli | Settings | FileSystem.FileSystem | Path.Path
  > = this.layerNoDeps.pipe(Layer.provide(ModelCatalog.layer))
}
