/** Chooses a model when none is named. Deterministic. */
import type { ApiModel } from "../../lmstudio/ApiModel.ts"

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

/** Lower is better: moderate models in descending size (negative), large ones in ascending size, unknown ones last. */
export const sizeRank = (model: Pick<ApiModel, "sizeBytes" | "params">): number => {
  const bytes = model.sizeBytes ?? bytesOfParams(model.params)
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

/** `4B` or `26B-A4B` (all experts of a mixture are in memory) at 4 bits with some overhead; `128x2.6B` is a product. */
const bytesOfParams = (params: string | undefined): number | undefined => {
  const match = /^(?:(\d+)x)?(\d+(?:\.\d+)?)\s*([BM])/i.exec(params ?? "")
  if (match === null) return undefined
  const count = Number(match[1] ?? 1) * Number(match[2]) * (match[3]?.toUpperCase() === "M" ? 1e6 : 1e9)
  return count * 0.65
}
