/**
 * The ways to write a model's name, and which model it means. We look names up ourselves, because LM Studio lets any
 * loaded model answer for a name it does not know (contract C2, H4).
 */
import { ModelNotFound } from "./LmStudioError.ts"
import { nearest as nearestOf } from "../names/nearest.ts"

/** The parts of `owner/name@variant:2`. `copy` is the number that LM Studio appends to further instances of a model. */
export interface NameParts {
  readonly key: string
  readonly variant: string | undefined
  readonly copy: number | undefined
}

/** The part of a model that name lookup needs. */
export interface Named {
  readonly key: string
  readonly variants: ReadonlyArray<string>
  readonly instances: ReadonlyArray<{ readonly id: string }>
}

/**
 * The result of looking up a name. `instanceId` is set when the name is that of a copy in memory, `variant`
 * (`key@quant`) when it names one of several variants of the model.
 */
export interface Meaning<M extends Named> {
  readonly model: M
  readonly instanceId: string | undefined
  readonly variant: string | undefined
}

/**
 * Whether the caller leaves the choice to us: nothing, blanks, or `default`, which must never be sent (contract C4).
 */
export const isDefault = (name: string | undefined): name is undefined =>
  name === undefined || name.trim() === "" || sameName(name, "default")

/** Whether the caller leaves the choice to the evidence: `auto`, `auto:fast`, … */
export const isAuto = (name: string | undefined): name is string =>
  name !== undefined && /^\s*auto(?::|\s*$)/i.test(name)

export const sameName = (left: string, right: string): boolean =>
  left.trim().toLowerCase() === right.trim().toLowerCase()

export const parse = (name: string): NameParts => {
  const match = /^(.+?)(?:@([^@:]+))?(?::(\d+))?$/.exec(name.trim())
  return {
    key: match?.[1] ?? name.trim(),
    variant: match?.[2],
    copy: match?.[3] === undefined ? undefined : Number(match[3])
  }
}

/**
 * The size that a name or LM Studio's `params` states, in billions of parameters: `qwen3-4b`, `270M`, `26B-A4B`, and `8x7B` with
 * eight experts, all of which are in memory. `1m` in a name is a context.
 */
export const sizeIn = (text: string): { readonly experts: number; readonly billions: number } | undefined => {
  const match = /(?:^|[^\w.])(?:(\d+)x)?(?:(\d+(?:\.\d+)?)b|(\d{2,4})m)(?![a-z\d])/i.exec(text)
  if (match === null) return undefined
  const [, experts = "1", billions, millions] = match
  return { experts: Number(experts), billions: billions === undefined ? Number(millions) / 1000 : Number(billions) }
}

/**
 * The one model that a name means. In this order: an exact key, an exact instance id, then a key, a variant or an
 * instance id in any case, then the name without the number of a copy. Undefined when there is none.
 */
export const find = <M extends Named>(models: ReadonlyArray<M>, name: string): Meaning<M> | undefined => {
  const wanted = name.trim()
  const meaning = (model: M | undefined, more: Partial<Meaning<M>> = {}): Meaning<M> | undefined =>
    model === undefined ? undefined : { model, instanceId: undefined, variant: undefined, ...more }
  const byInstance = (same: (left: string, right: string) => boolean) => {
    for (const model of models) {
      const instance = model.instances.find(({ id }) => same(id, wanted))
      if (instance !== undefined) {
        // an instance named like its model does not say which copy is meant
        return meaning(model, sameName(instance.id, model.key) ? {} : { instanceId: instance.id })
      }
    }
    return undefined
  }
  const byVariant = () => {
    for (const model of models) {
      const variant = model.variants.find((candidate) => sameName(candidate, wanted))
      // a single variant is the model itself
      if (variant !== undefined) return meaning(model, model.variants.length === 1 ? {} : { variant })
    }
    return undefined
  }
  const { copy, key, variant } = parse(wanted)
  return (
    meaning(models.find((model) => model.key === wanted)) ??
    byInstance((left, right) => left === right) ??
    meaning(models.find((model) => sameName(model.key, wanted))) ??
    byVariant() ??
    byInstance(sameName) ??
    (copy === undefined ? undefined : find(models, variant === undefined ? key : `${key}@${variant}`))
  )
}

/** At most three known names that are most similar to `wanted`. */
export const nearest = (wanted: string, keys: ReadonlyArray<string>): ReadonlyArray<string> => {
  const parts = parse(wanted)
  const found = nearestOf(parts.key, keys)
  if (found.length > 0) return found
  // `qwen3 4b` and `qwen3-4b-instruct` for `qwen/qwen3-4b-2507`: the most words in common
  const words = wordsOf(parts.key)
  return keys
    .map((key) => ({ key, shared: wordsOf(key).filter((word) => words.includes(word)).length }))
    .filter(({ shared }) => shared > 0)
    .toSorted((left, right) => right.shared - left.shared || (left.key < right.key ? -1 : 1))
    .slice(0, 3)
    .map(({ key }) => key)
}

/** The error for a name that matches no model, with the available names and the nearest ones. */
export const notFound = (models: ReadonlyArray<Named>, name: string): ModelNotFound => {
  const available = models.map(({ key }) => key)
  return new ModelNotFound({ model: name, available, nearest: nearest(name, available) })
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const wordsOf = (name: string): ReadonlyArray<string> =>
  name.toLowerCase().match(/[a-z]+\d*(?:\.\d+)*|\d+[a-z]*/g) ?? []
