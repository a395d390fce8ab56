/**
 * Whether the model that answered is the requested one. With one model loaded, LM Studio lets it answer for any name,
 * with HTTP 200 (contract C2, H4).
 */
import type { ApiModel } from "./ApiModel.ts"

/** By the names alone: the same key in any case, a numbered copy of it (`key:2`), or a variant (`key@q4_k_m`). */
export const sameName = (asked: string, answered: string): boolean => {
  if (asked.toLowerCase() === answered.toLowerCase()) return true
  const [a, b] = [bare(asked), bare(answered)]
  const variants = a.variant === "" || b.variant === "" || a.variant === b.variant
  return a.key === b.key && variants
}

/**
 * By the server's list: an instance with its own name answers for its key, and the other way round. If `listed` does
 * not contain the model that answered, the reply is accepted only from other servers than LM Studio: they use any name.
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
