/** The life cycle with `auto` in front: such a name becomes that of the model that suits the task best, by what is known. */
import type * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { Settings } from "../configuration/Settings.ts"
import { LmsCli } from "../lmstudio/LmsCli.ts"
import { LmStudioApi } from "../lmstudio/LmStudioApi.ts"
import { ModelNotFound } from "../lmstudio/LmStudioError.ts"
import * as ModelName from "../lmstudio/ModelName.ts"
import { CurrentMemory } from "../machine/CurrentMemory.ts"
import type { Ensured } from "../models/Ensured.ts"
import type { EnsureOptions } from "../models/EnsureOptions.ts"
import { ModelLifecycle, type ModelLifecycleError } from "../models/ModelLifecycle.ts"
import { ModelUnfit } from "../models/ModelUnfit.ts"
import { present } from "../schema/Fields.ts"
import { knownOf } from "./KnownModels.ts"
import * as RecordFiles from "./RecordFiles.ts"
import * as Routing from "./Routing.ts"

interface Route {
  readonly name: string | undefined
  readonly why?: string
}

export const layer: Layer.Layer<
  ModelLifecycle,
  never,
  ModelLifecycle | LmStudioApi | LmsCli | Settings | FileSystem.FileSystem | Path.Path
> = Layer.effect(
  ModelLifecycle,
  Effect.gen(function* () {
    const inner = yield* ModelLifecycle
    const parts = { api: yield* LmStudioApi, cli: yield* LmsCli }
    const { defaultModel } = yield* Settings
    const { read } = yield* RecordFiles.make
    const memory = yield* CurrentMemory

    const route = Effect.fn("Routing.route")(function* (
      name: string | undefined,
      { ability, needs = {} }: Pick<EnsureOptions, "ability" | "needs"> = {}
    ): Effect.fn.Return<Route, ModelLifecycleError> {
      const asked = ModelName.isDefault(name) ? Option.getOrUndefined(defaultModel) : name
      const wish = asked === undefined ? undefined : Routing.wishOf(asked)
      if (wish === undefined && ModelName.isAuto(asked)) {
        return yield* new ModelNotFound({ model: asked, available: Routing.names, nearest: [] })
      }
      if (wish === undefined) return { name }
      // LM Studio may have to be started, which the life cycle does
      yield* Effect.ignore(inner.resolve(undefined))
      const models = yield* parts.api.models
      const known = yield* knownOf(parts, read, models)
      const chosen = Routing.choose(
        models.map((model) => ({ model, known: known.get(model.key) ?? [] })),
        {
          wish,
          needs: ability === "vision" ? { ...needs, images: true } : needs,
          memory,
          preferred: Option.getOrUndefined(
            Option.flatMapNullable(defaultModel, (key) => ModelName.find(models, key)?.model.key)
          )
        }
      )
      if (Either.isLeft(chosen)) {
        const wanted = wish === "vision" || needs.images === true ? "vision" : "chat"
        return yield* new ModelUnfit({ ability: ability ?? wanted, lacks: chosen.left, suited: [] })
      }
      return { name: chosen.right.model, why: chosen.right.why }
    })

    const withWhy =
      ({ why }: Route) =>
      (ensured: Ensured): Ensured => ({ ...ensured, ...present({ chosen: why }) })

    const lease: typeof inner.lease = Effect.fnUntraced(function* (name, options) {
      const taken = yield* route(name, options)
      const held = yield* inner.lease(taken.name, options)
      return taken.why === undefined ? held : { ...held, ensured: Effect.map(held.ensured, withWhy(taken)) }
    })
    return ModelLifecycle.of({
      ...inner,
      resolve: (name, ability) =>
        Effect.flatMap(route(name, { ability }), (taken) => inner.resolve(taken.name, ability)),
      ensureLoaded: (name, options) =>
        Effect.flatMap(route(name, options), (taken) =>
          Effect.map(inner.ensureLoaded(taken.name, options), withWhy(taken))
        ),
      lease,
      withModel: (name, options) => (use) => Effect.scoped(Effect.flatMap(lease(name, options), use))
    })
  })
)
