/**
 * The ways to get a model into memory as data: their order of preference, what each can do, and which of them serve a
 * given wish in a given situation.
 */
import type { Dialect } from "../../lmstudio/ApiModel.ts"
import type { LoadWay } from "../Ensured.ts"

/** What a way can do beside loading a model as it is. */
export type Wish = "contextLength" | "gpu" | "parallel" | "identifier" | "variant" | "secondCopy"

export interface Ability {
  readonly way: LoadWay
  readonly grants: ReadonlyArray<Wish>
  /** Whether LM Studio itself ends the model's idle time; where not, our reaper does. */
  readonly carriesTtl: boolean
  /** Servers that have it. */
  readonly dialects: ReadonlyArray<Dialect>
}

/**
 * All ways, the preferred first. `lms` cannot name a variant (contract F1); a request cannot ask for a context; REST
 * takes no identifier, share of the GPU or number of requests (A4). Every request for a just-in-time load names a TTL; LM Studio
 * disregards it when the person has switched "Auto Unload Unused JIT Models" off, and then it is their wish.
 */
export const standard: ReadonlyArray<Ability> = [
  {
    way: "cli",
    grants: ["contextLength", "gpu", "parallel", "identifier", "secondCopy"],
    carriesTtl: true,
    dialects: ["native-v1", "legacy-v0"]
  },
  { way: "jit", grants: ["variant"], carriesTtl: true, dialects: ["native-v1", "legacy-v0"] },
  { way: "rest", grants: ["contextLength", "variant", "secondCopy"], carriesTtl: false, dialects: ["native-v1"] }
]

export interface Situation {
  readonly dialect: Dialect
  readonly isLmStudio: boolean
  /** Whether `lms` is there and speaks of the same LM Studio. */
  readonly lms: boolean
  /** Why there is no `lms`, where that is known. */
  readonly lmsWhy?: string | undefined
  /**
   * Whether a just-in-time load could push another model out: LM Studio then unloads models that were loaded just in
   * time (contract E), and one of them may be in use.
   */
  readonly jitMayEvict: boolean
}

/** `passedOver` says of each way that is not in `ways` what it lacks. */
export interface Choice {
  readonly ways: ReadonlyArray<LoadWay>
  readonly passedOver: ReadonlyArray<{ readonly way: LoadWay; readonly why: string }>
}

/** The ways to try, in order. Just-in-time loading goes last when it could push out a model that somebody uses. */
export const choose = (
  wishes: ReadonlyArray<Wish>,
  situation: Situation,
  order: ReadonlyArray<Ability> = standard
): Choice => {
  const judged = order.map((ability) => ({ way: ability.way, why: lack(ability, wishes, situation) }))
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

const lack = (ability: Ability, wishes: ReadonlyArray<Wish>, situation: Situation): string | undefined => {
  if (!situation.isLmStudio) return "the server is not LM Studio"
  if (!ability.dialects.includes(situation.dialect)) return `not possible with ${situation.dialect}`
  if (ability.way === "cli" && !situation.lms) return situation.lmsWhy ?? "`lms` is not there"
  const ungranted = wishes.filter((wish) => !ability.grants.includes(wish))
  return ungranted.length === 0 ? undefined : `cannot ${ungranted.map((wish) => words[wish]).join(", ")}`
}

const words: Record<Wish, string> = {
  contextLength: "set the context length",
  gpu: "set the share of the GPU",
  parallel: "set how many requests it takes at a time",
  identifier: "set an identifier",
  variant: "choose a variant",
  secondCopy: "load a second copy"
}
