/**
 * The ways to load a model, as data: their order of preference, what each supports, and which of them meet given
 * requirements in a given situation.
 */
import type { Dialect } from "../../lmstudio/ApiModel.ts"
import type { LoadWay } from "../Ensured.ts"

/** What a way may support beyond loading a model with its defaults. */
export type Requirement = "contextLength" | "gpu" | "parallel" | "identifier" | "variant" | "secondCopy"

export interface Ability {
  readonly way: LoadWay
  readonly supports: ReadonlyArray<Requirement>
  /** Whether LM Studio itself enforces the TTL; otherwise our reaper does. */
  readonly carriesTtl: boolean
  /** The servers that offer it. */
  readonly dialects: ReadonlyArray<Dialect>
}

/**
 * All ways, the preferred first. `lms` cannot choose a variant (contract F1); a just-in-time load takes no context length;
 * REST takes no identifier, GPU share or number of requests (A4). Every just-in-time load sends a TTL; LM Studio ignores it
 * when the user has switched "Auto Unload Unused JIT Models" off, which is their choice.
 */
export const standard: ReadonlyArray<Ability> = [
  {
    way: "cli",
    supports: ["contextLength", "gpu", "parallel", "identifier", "secondCopy"],
    carriesTtl: true,
    dialects: ["native-v1", "legacy-v0"]
  },
  { way: "jit", supports: ["variant"], carriesTtl: true, dialects: ["native-v1", "legacy-v0"] },
  { way: "rest", supports: ["contextLength", "variant", "secondCopy"], carriesTtl: false, dialects: ["native-v1"] }
]

export interface Situation {
  readonly dialect: Dialect
  readonly isLmStudio: boolean
  /** Whether `lms` is available and talks to the same LM Studio. */
  readonly lms: boolean
  /** Why `lms` is not available, where known. */
  readonly lmsWhy?: string | undefined
  /**
   * Whether a just-in-time load could evict a model in use: it makes LM Studio unload other models that were loaded just
   * in time (contract E).
   */
  readonly jitMayEvict: boolean
  /** Whether no model in use may be evicted for it, so that such a way is not taken at all. */
  readonly beside?: boolean
}

/** `passedOver` says for each way that is not in `ways` what it lacks. */
export interface Choice {
  readonly ways: ReadonlyArray<LoadWay>
  readonly passedOver: ReadonlyArray<{ readonly way: LoadWay; readonly why: string }>
}

/** The ways to try, in order. Just-in-time loading comes last when it could evict a model in use. */
export const choose = (
  requirements: ReadonlyArray<Requirement>,
  situation: Situation,
  order: ReadonlyArray<Ability> = standard
): Choice => {
  const judged = order.map((ability) => ({ way: ability.way, why: lack(ability, requirements, situation) }))
  const able = judged.filter(({ why }) => why === undefined).map(({ way }) => way)
  return {
    ways: situation.jitMayEvict
      ? [...able.filter((way) => way !== "jit"), ...able.filter((way) => way === "jit")]
      : able,
    passedOver: judged.flatMap(({ way, why }) => (why === undefined ? [] : [{ way, why }]))
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const lack = (ability: Ability, requirements: ReadonlyArray<Requirement>, situation: Situation): string | undefined => {
  if (!situation.isLmStudio) return "the server is not LM Studio"
  if (!ability.dialects.includes(situation.dialect)) return `not possible with ${situation.dialect}`
  if (ability.way === "jit" && situation.jitMayEvict && situation.beside === true)
    return "it could evict a model in use"
  if (ability.way === "cli" && !situation.lms) return situation.lmsWhy ?? "`lms` is not available"
  const unmet = requirements.filter((requirement) => !ability.supports.includes(requirement))
  return unmet.length === 0 ? undefined : `cannot ${unmet.map((requirement) => words[requirement]).join(", ")}`
}

const words: Record<Requirement, string> = {
  contextLength: "set the context length",
  gpu: "set the GPU share",
  parallel: "set the number of concurrent requests",
  identifier: "set an identifier",
  variant: "choose a variant",
  secondCopy: "load a second copy"
}
