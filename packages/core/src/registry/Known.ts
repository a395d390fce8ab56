/**
 * What is known of a model, and how: what was tried here, what finished runs showed, what the server says, and what the
 * name only suggests. The strongest of them counts, also where it says no and a weaker one says yes. Pure.
 */
import * as Schema from "effect/Schema"
import * as FormChoice from "../agent/forms/FormChoice.ts"
import type { ApiModel } from "../lmstudio/ApiModel.ts"
import { present } from "../schema/Fields.ts"
import {
  Ability,
  Capability,
  type EmbeddingTally,
  Evidence,
  type EvidenceRow,
  Measure,
  type Tally
} from "./Evidence.ts"

/** The strongest evidence first. */
export const Fact = Schema.Struct({ capability: Capability, evidence: Schema.NonEmptyArray(Evidence) })
export type Fact = typeof Fact.Type

export type Known = ReadonlyArray<Fact>

/** `row` is what was found of the build that the server has now. */
export const of = (model: ApiModel, row: EvidenceRow | undefined): Known =>
  capabilities.flatMap((capability) => {
    const [first, ...rest] = [
      row?.evidence[capability],
      row?.observed === undefined ? undefined : observed(row.observed)[capability],
      row?.embedded === undefined ? undefined : embedded(row.embedded)[capability],
      declared(model)[capability],
      named(model)[capability]
    ].filter((evidence) => evidence !== undefined)
    return first === undefined ? [] : [{ capability, evidence: [first, ...rest] }]
  })

/** What was tried of a build. */
export const ofRow = ({ evidence }: EvidenceRow): Known =>
  capabilities.flatMap((capability) => {
    const tried = evidence[capability]
    return tried === undefined ? [] : [{ capability, evidence: [tried] }]
  })

/** The strongest evidence of a capability. */
export const about = (known: Known, capability: Capability): Evidence | undefined =>
  known.find((fact) => fact.capability === capability)?.evidence[0]

/** Whether it can, by the strongest evidence; undefined where nothing is known. */
export const can = (known: Known, capability: Capability): boolean | undefined => about(known, capability)?.holds

/** The same, of what was tried or seen here only. */
export const found = (known: Known, capability: Capability): Evidence | undefined => {
  const best = about(known, capability)
  return best?.source === "verified" || best?.source === "observed" ? best : undefined
}

/** The model as its server lists it, except for what was found here. */
export const believed = (model: ApiModel, known: Known): ApiModel => {
  const calls = forms.map((form) => found(known, form)?.holds)
  const toolUse = calls.includes(true) ? true : calls.every((holds) => holds === false) ? false : undefined
  return { ...model, ...present({ toolUse, vision: found(known, "vision")?.holds }) }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const forms = ["toolCalls", "boundSteps", "callsInText"] as const

const capabilities: ReadonlyArray<Capability> = [...Ability.literals, ...Measure.literals]

type Found = { readonly [K in Capability]?: Evidence }

/** Fewer say too little against what the server declares. */
const leastObserved = 3

const observed = (tally: Tally): Found => {
  const counted = (value: number, others: number): Evidence | undefined => {
    const trials = value + others
    return trials < leastObserved
      ? undefined
      : { source: "observed", holds: value * 2 > trials, value, trials, at: tally.at }
  }
  const found = {
    toolCalls: counted(tally.native.valid, tally.native.refused),
    callsInText: counted(tally.text.valid, tally.text.refused),
    boundSteps: counted(tally.bound.valid, tally.bound.refused),
    jsonSchema: counted(tally.schemaMet, tally.schemaMissed)
  }
  return Object.fromEntries(Object.entries(found).filter(([, evidence]) => evidence !== undefined))
}

/** The last use counts: a refusal is one of a short word, and what has answered once may have been replaced. */
const embedded = ({ answered, at, dimensions, millisPerText, refused, said }: EmbeddingTally): Found => {
  const evidence = { source: "observed", holds: true, trials: answered + refused, at } as const
  return {
    embeddings: { ...evidence, holds: said === undefined, value: answered, ...present({ detail: said }) },
    ...(dimensions === undefined ? {} : { dimensions: { ...evidence, value: dimensions } }),
    ...(millisPerText === undefined ? {} : { millisPerText: { ...evidence, value: millisPerText } })
  }
}

const word = (source: "declared" | "named", holds: boolean, more: Partial<Evidence> = {}): Evidence => ({
  source,
  holds,
  trials: 0,
  at: 0,
  ...more
})

const isSwitch = (options: ReadonlyArray<string>) => options.includes("off") && options.length > 1

const declared = ({ maxContextLength, reasoningOptions, toolUse, type, vision }: ApiModel): Found =>
  type === "llm"
    ? {
        ...(toolUse === undefined ? {} : { toolCalls: word("declared", toolUse) }),
        ...(vision === undefined ? {} : { vision: word("declared", vision) }),
        ...(reasoningOptions === undefined
          ? {}
          : {
              reasoning: word("declared", reasoningOptions.length > 0),
              reasoningSwitch: word("declared", isSwitch(reasoningOptions), {
                detail: reasoningOptions.length === 0 ? "no options" : `options ${reasoningOptions.join(", ")}`
              })
            }),
        ...(maxContextLength === undefined ? {} : { context: word("declared", true, { value: maxContextLength }) })
      }
    : type === "embedding"
      ? { embeddings: word("declared", true) }
      : {}

const named = ({ key, type }: ApiModel): Found => {
  if (type !== "llm") return {}
  const form = FormChoice.of(key, undefined)
  return {
    ...(form?.form === "bound"
      ? { toolCalls: word("named", false, { detail: form.why }), boundSteps: word("named", true, { detail: form.why }) }
      : {}),
    ...(/(^|[-_/.\d])(vl|vision|llava|pixtral|moondream)([-_/.\d]|$)/i.test(key)
      ? { vision: word("named", true) }
      : {}),
    ...(/(^|[-_/.])(r1|qwq|thinking|reasoning|reasoner|magistral)([-_/.]|$)/i.test(key)
      ? { reasoning: word("named", true) }
      : {})
  }
}
