/** The models that come closest to one that is not there, with reasons. Pure. */
import * as Schema from "effect/Schema"
import type { ApiModel } from "../../lmstudio/ApiModel.ts"
import * as ModelName from "../../lmstudio/ModelName.ts"

/** What a model is wanted for. */
export const Purpose = Schema.Literal("coding", "reasoning", "chat", "analysis", "vision")
export type Purpose = typeof Purpose.Type

/** `score` is the sum of the reasons' weights; it only orders the models. */
export interface Alternative {
  readonly model: ApiModel
  readonly score: number
  readonly reasons: ReadonlyArray<string>
}

/**
 * Language models, the closest first: by name, by purpose as far as LM Studio or the name says, and by being loaded.
 * Nothing else about a model is taken into account.
 */
export const rank = (
  models: ReadonlyArray<ApiModel>,
  wanted: string,
  purpose: Purpose | undefined
): ReadonlyArray<Alternative> => {
  const near = ModelName.nearest(
    wanted,
    models.map(({ key }) => key)
  )
  return models
    .filter(({ type }) => type === "llm")
    .map((model) => {
      const place = near.indexOf(model.key)
      const found = [
        ...(place === -1 ? [] : [{ weight: 6 - place, reason: "its name is close" }]),
        ...(purpose === undefined ? [] : forPurpose(model, purpose)),
        ...(model.instances.length > 0 ? [{ weight: 2, reason: "it is loaded" }] : []),
        ...(model.toolUse === true ? [{ weight: 2, reason: "trained for tool use" }] : [])
      ]
      return {
        model,
        score: found.reduce((sum, { weight }) => sum + weight, 0),
        reasons: found.map(({ reason }) => reason)
      }
    })
    .toSorted((left, right) => right.score - left.score || (left.model.key < right.model.key ? -1 : 1))
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const named: Readonly<Record<Exclude<Purpose, "vision">, RegExp>> = {
  coding: /cod(er|e)|starcoder|devstral/i,
  reasoning: /(^|[-_/.])(r1|qwq|o1|thinking|reasoning|magistral)([-_/.]|$)/i,
  chat: /chat|instruct/i,
  analysis: /instruct|analy/i
}

const forPurpose = (
  { key, reasoningOptions, vision }: ApiModel,
  purpose: Purpose
): ReadonlyArray<{ readonly weight: number; readonly reason: string }> => {
  if (purpose === "vision") return vision === true ? [{ weight: 4, reason: "it can see images" }] : []
  if (purpose === "reasoning" && (reasoningOptions ?? []).length > 0) return [{ weight: 4, reason: "it can reason" }]
  return named[purpose].test(key) ? [{ weight: 3, reason: `its name says ${purpose}` }] : []
}
