/** Chooses a model when none is named. Deterministic. */
import type { ApiModel } from "../../lmstudio/ApiModel.ts"
import * as ModelName from "../../lmstudio/ModelName.ts"

/** The part of a model that the choice needs. */
export type Candidate = Pick<ApiModel, "key" | "type" | "toolUse" | "sizeBytes" | "params" | "instances">

/** Size in bytes up to which a model should run well on an ordinary machine: about 8 billion parameters at 4 bits. */
export const moderateBytes = 6_000_000_000

/**
 * The model to use when none is named or configured: a language model in memory, else one on disk, never an embedding
 * model. Among several, models trained for tool use come first, then the largest moderate one, then the smallest large
 * one, then by name. Undefined when there is no language model.
 */
export const choose = <M extends Candidate>(models: ReadonlyArray<M>): M | undefined => {
  const languageModels = models.filter(({ type }) => type === "llm")
  const loaded = languageModels.filter(({ instances }) => instances.length > 0)
  return (loaded.length > 0 ? loaded : languageModels).toSorted(compare)[0]
}

/**
 * Lower is better: moderate models in descending size (negative), large ones in ascending size, unknown ones last. The size is
 * what the server states, else what the name says.
 */
export const sizeRank = (model: Pick<ApiModel, "key" | "sizeBytes" | "params">): number => {
  const bytes = model.sizeBytes ?? bytesNamedIn(model.params ?? "") ?? bytesNamedIn(model.key)
  if (bytes === undefined) return Number.MAX_VALUE
  return bytes <= moderateBytes ? -bytes : bytes
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const compare = (left: Candidate, right: Candidate): number =>
  Number(right.toolUse === true) - Number(left.toolUse === true) ||
  sizeRank(left) - sizeRank(right) ||
  (left.key < right.key ? -1 : 1)

/** At 4 bits with some overhead. */
const bytesNamedIn = (text: string): number | undefined => {
  const size = ModelName.sizeIn(text)
  return size === undefined ? undefined : size.experts * size.billions * 650_000_000
}
