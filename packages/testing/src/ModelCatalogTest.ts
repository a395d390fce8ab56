/**
 * A double of `ModelCatalog`: its pictures of the models play the outcomes that a test gives it.
 *
 * @since 0.1.0
 */
import type { ApiError, ApiModel } from "@lms-bridge/core/lmstudio/LmStudioApi"
import * as CatalogMerge from "@lms-bridge/core/models/CatalogMerge"
import { ModelCatalog, type Catalog } from "@lms-bridge/core/models/ModelCatalog"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { serverInfo } from "./LmStudioApiTest.ts"
import * as Scripted from "./Scripted.ts"

/**
 * Per operation its outcomes in order; wrap the last in `Scripted.always` when it answers all further calls.
 *
 * @since 0.1.0
 * @category models
 */
export interface Script {
  readonly inMemory?: Scripted.Outcomes<Effect.Effect<Catalog, ApiError>>
  readonly everything?: Scripted.Outcomes<Effect.Effect<Catalog, ApiError>>
}

/**
 * What was asked of the double.
 *
 * @since 0.1.0
 * @category services
 */
export class ModelCatalogCalls extends Context.Tag("@lms-bridge/testing/ModelCatalogCalls")<
  ModelCatalogCalls,
  Effect.Effect<ReadonlyArray<Scripted.Call>>
>() {}

/**
 * An operation without outcomes dies when it is called.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerTest = (script: Script): Layer.Layer<ModelCatalog | ModelCatalogCalls> =>
  Layer.effectContext(
    Effect.map(Scripted.make("ModelCatalog"), (scripted) =>
      Context.make(ModelCatalog, {
        inMemory: scripted.value("inMemory", script.inMemory),
        everything: scripted.value("everything", script.everything)
      }).pipe(Context.add(ModelCatalogCalls, scripted.calls))
    )
  )

/**
 * The same models whenever it is asked.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerOf = (models: ReadonlyArray<ApiModel>): Layer.Layer<ModelCatalog | ModelCatalogCalls> => {
  const outcomes = [Scripted.always(Effect.succeed(catalogOf(models)))]
  return layerTest({ inMemory: outcomes, everything: outcomes })
}

/**
 * What LM Studio 0.4 alone would tell of these models, without `lms`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const catalogOf = (models: ReadonlyArray<ApiModel>): Catalog =>
  CatalogMerge.apiOnly(serverInfo, models, "`lms` was not asked")
