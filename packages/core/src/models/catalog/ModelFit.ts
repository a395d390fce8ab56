/**
 * Chooses a model for work that not every model can do: seeing images, embedding texts. Pure and deterministic.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { optional } from "../../schema/Fields.ts"
import { Settings } from "../../configuration/Settings.ts"
import { LmStudioApi } from "../../lmstudio/LmStudioApi.ts"
import type { ApiModel } from "../../lmstudio/ApiModel.ts"
import type { ModelNotFound } from "../../lmstudio/LmStudioError.ts"
import * as ModelName from "../../lmstudio/ModelName.ts"
import * as ModelSelection from "./ModelSelection.ts"

export const Ability = Schema.Literal("vision", "embedding")
export type Ability = typeof Ability.Type

/** The named model cannot do it, or no model on this machine can. */
export class ModelUnfit extends Schema.TaggedError<ModelUnfit>()("ModelUnfit", {
  ability: Ability,
  /** The named model; absent when none was named. */
  model: optional(Schema.String),
  /** The models that can, loaded ones first. */
  suited: Schema.Array(Schema.Struct({ model: Schema.String, loaded: Schema.Boolean }))
}) {
  readonly retryable = false
  override get message() {
    const does = this.ability === "vision" ? "see images" : "embed texts"
    const what = this.model === undefined ? "" : `"${this.model}" cannot ${does}. `
    if (this.suited.length === 0) return `${what}No model on this machine can ${does}. Download one in LM Studio.`
    const list = this.suited.slice(0, 5).map(({ loaded, model }) => (loaded ? `${model} (loaded)` : model))
    return `${what}These can: ${list.join(", ")}.`
  }
}

/**
 * A named model must have the ability, or its server must not report abilities. Without a name: `preferred` if it has the
 * ability, else a model in memory, else the most suitable one on disk.
 */
export const choose = (
  models: ReadonlyArray<ApiModel>,
  ability: Ability,
  name: string | undefined,
  preferred: Option.Option<string> = Option.none()
): Either.Either<ApiModel, ModelUnfit | ModelNotFound> => {
  const able = models.filter(can(ability))
  const suited = able
    .toSorted((left, right) => Number(right.instances.length > 0) - Number(left.instances.length > 0))
    .map(({ instances, key }) => ({ model: key, loaded: instances.length > 0 }))
  if (!ModelName.isDefault(name)) {
    const found = ModelName.find(models, name)?.model
    if (found === undefined) return Either.left(ModelName.notFound(models, name))
    return can(ability)(found) || isUnknown(found, ability)
      ? Either.right(found)
      : Either.left(new ModelUnfit({ ability, model: found.key, suited }))
  }
  const wanted = Option.flatMapNullable(preferred, (key) => ModelName.find(able, key)?.model)
  const best = Option.getOrElse(wanted, () => (ability === "vision" ? ModelSelection.choose(able) : smallest(able)))
  return best === undefined ? Either.left(new ModelUnfit({ ability, suited })) : Either.right(best)
}

/** The key of the model that `choose` takes from the server's current list; `DEFAULT_MODEL` is preferred. */
export const find = Effect.fn("ModelFit.find")(function* (ability: Ability, name: string | undefined) {
  const { defaultModel } = yield* Settings
  const models = yield* Effect.flatMap(LmStudioApi, (api) => api.models)
  const { key } = yield* choose(models, ability, name, defaultModel)
  return key
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const can =
  (ability: Ability) =>
  ({ type, vision }: ApiModel): boolean =>
    ability === "embedding" ? type === "embedding" : type === "llm" && vision === true

/** A plain OpenAI server lists only names. */
const isUnknown = ({ type, vision }: ApiModel, ability: Ability) =>
  ability === "vision" ? type === "llm" && vision === undefined : type !== "embedding" && type !== "llm"

const smallest = (models: ReadonlyArray<ApiModel>) => {
  const loaded = models.filter(({ instances }) => instances.length > 0)
  return (loaded.length > 0 ? loaded : models).toSorted(
    (left, right) => (left.sizeBytes ?? Infinity) - (right.sizeBytes ?? Infinity) || (left.key < right.key ? -1 : 1)
  )[0]
}
