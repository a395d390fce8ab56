/**
 * Chooses a model for work that not every model can do: chatting, seeing images, embedding texts. Pure and deterministic.
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { present } from "../../schema/Fields.ts"
import { Settings } from "../../configuration/Settings.ts"
import { LmStudioApi } from "../../lmstudio/LmStudioApi.ts"
import type { ApiModel } from "../../lmstudio/ApiModel.ts"
import type { ModelNotFound } from "../../lmstudio/LmStudioError.ts"
import { type Ability, ModelUnfit } from "../ModelUnfit.ts"
import * as ModelName from "../../lmstudio/ModelName.ts"
import { ModelEvidence } from "./ModelEvidence.ts"
import * as ModelSelection from "./ModelSelection.ts"

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
  if (!ModelName.isDefault(name)) {
    const found = ModelName.find(models, name)?.model
    if (found === undefined) return Either.left(ModelName.notFound(models, name))
    return fits(found, ability) ? Either.right(found) : Either.left(unfit(models, ability, found.key))
  }
  const wanted = Option.flatMapNullable(preferred, (key) => ModelName.find(able, key)?.model)
  const best = Option.getOrElse(wanted, () =>
    ability === "embedding" ? embedders(able).able[0] : ModelSelection.choose(able)
  )
  return best === undefined ? Either.left(unfit(models, ability)) : Either.right(best)
}

/** Whether the model has the ability, or its server does not say. */
export const fits = (model: ApiModel, ability: Ability): boolean => can(ability)(model) || isUnknown(model, ability)

/** The error of a model that does not fit, or of none that does, with those that do. */
export const unfit = (models: ReadonlyArray<ApiModel>, ability: Ability, model?: string): ModelUnfit =>
  new ModelUnfit({
    ability,
    ...present({ model }),
    suited: models
      .filter(can(ability))
      .toSorted((left, right) => Number(right.instances.length > 0) - Number(left.instances.length > 0))
      .map(({ instances, key }) => ({ model: key, loaded: instances.length > 0 }))
  })

/**
 * The key of the model that `choose` takes from the server's current list; `DEFAULT_MODEL` is preferred. Whoever names one is
 * believed; without a name, what was tried here counts more than what is declared.
 */
export const find = Effect.fn("ModelFit.find")(function* (ability: Ability, name: string | undefined) {
  const { defaultModel } = yield* Settings
  const { believed } = yield* ModelEvidence
  const listed = yield* Effect.flatMap(LmStudioApi, (api) => api.models)
  const models = ModelName.isDefault(name) ? yield* believed(listed) : listed
  const { key } = yield* choose(models, ability, name, defaultModel)
  return key
})

/**
 * Embedding models, the best first: what was seen to embed, what is in memory, what is smallest. `embeds` is what was tried or
 * seen of a model, by its key; those that were seen to refuse stand apart.
 */
export const embedders = (
  models: ReadonlyArray<ApiModel>,
  embeds: (key: string) => boolean | undefined = () => undefined
): { readonly able: ReadonlyArray<ApiModel>; readonly refusing: ReadonlyArray<ApiModel> } => {
  const [refusing, others] = Arr.partition(models, ({ key }) => embeds(key) !== false)
  const rankOf = ({ instances, key }: ApiModel) => (embeds(key) === true ? 0 : 2) + (instances.length > 0 ? 0 : 1)
  return {
    refusing,
    able: others.toSorted(
      (left, right) =>
        rankOf(left) - rankOf(right) ||
        (left.sizeBytes ?? Infinity) - (right.sizeBytes ?? Infinity) ||
        (left.key < right.key ? -1 : 1)
    )
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const can =
  (ability: Ability) =>
  ({ type, vision }: ApiModel): boolean => {
    switch (ability) {
      case "chat":
        return type === "llm"
      case "embedding":
        return type === "embedding"
      case "vision":
        return type === "llm" && vision === true
    }
  }

/** A plain OpenAI server lists only names. */
const isUnknown = ({ type, vision }: ApiModel, ability: Ability) =>
  ability === "vision" ? type === "llm" && vision === undefined : type !== "embedding" && type !== "llm"
