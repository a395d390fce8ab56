/**
 * Whether the model that answered is the one that was asked. With one model loaded, LM Studio lets it answer for any
 * name, with HTTP 200 (contract C2, H4).
 */
import type { ApiModel } from "./ApiModel.ts"

/**
 * By the names alone: the same key in any letter case, a numbered copy of it (`key:2`), or a variant (`key@q4_k_m`).
 */
export const sameName = (asked: string, answered: string): boolean => {
  if (asked.toLowerCase() === answered.toLowerCase()) return true
  const [a, b] = [bare(asked), bare(answered)]
  const variants = a.variant === "" || b.variant === "" || a.variant === b.variant
  return a.key === b.key && variants
}

/**
 * By what the server lists: an instance under a name of its own answers for its key, and the other way round. Where
 * `listed` does not know who answered, only a server that is not LM Studio is believed: others name themselves freely.
 */
export const sameModel = (
  asked: string,
  answered: string,
  listed: ReadonlyArray<ApiModel>,
  isLmStudio: boolean
): boolean => {
  if (sameName(asked, answered)) return true
  const theAsked = modelOf(asked, listed)
  const theAnswered = modelOf(answered, listed)
  if (theAnswered === undefined) return !isLmStudio
  return theAsked !== undefined && theAsked.key === theAnswered.key
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const bare = (name: string) => {
  const [key = "", variant = ""] = name.toLowerCase().replace(/:\d+$/, "").split("@")
  return { key, variant }
}

const modelOf = (name: string, listed: ReadonlyArray<ApiModel>): ApiModel | undefined =>
  listed.find(({ instances }) => instances.some(({ id }) => id === name)) ??
  listed.find((model) => sameName(model.key, name) || model.variants.some((variant) => sameName(variant, name)))
