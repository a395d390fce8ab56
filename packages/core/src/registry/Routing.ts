/**
 * Chooses a model by evidence, where a task leaves that to us with `auto`: what the task needs filters, evidence ranks, memory
 * decides. Pure.
 */
import * as Either from "effect/Either"
import type { Purpose } from "../models/catalog/Alternatives.ts"
import * as ModelSelection from "../models/catalog/ModelSelection.ts"
import type { Needs } from "../models/EnsureOptions.ts"
import type { ApiModel } from "../lmstudio/ApiModel.ts"
import * as Known from "./Known.ts"
import type { Capability, Evidence } from "./Evidence.ts"
import * as Suitability from "./Suitability.ts"

/** What is wanted besides what the task needs. */
export type Wish = "any" | "fast" | "best" | Purpose

export interface Candidate {
  readonly model: ApiModel
  readonly known: Known.Known
}

export interface Chosen {
  readonly model: string
  /** One sentence. */
  readonly why: string
}

/** `auto`, `auto:fast`, …; undefined for any other name. */
export const wishOf = (name: string): Wish | undefined => {
  const [auto, wish = "any", ...more] = name.trim().toLowerCase().split(":")
  return auto === "auto" && more.length === 0 ? wishes.find((known) => known === wish) : undefined
}

/** The words that `auto:` takes. */
export const wishes: ReadonlyArray<Wish> = ["any", "fast", "best", "vision", "coding", "reasoning", "chat", "analysis"]

/** `auto`, and each of them after it. */
export const names: ReadonlyArray<string> = wishes.map((wish) => (wish === "any" ? "auto" : `auto:${wish}`))

/**
 * `preferred` is the configured model: it is taken by `auto` alone, if it has what the task needs. Left: why none fits.
 * `memory` is that of the machine, in bytes.
 */
export const choose = (
  candidates: ReadonlyArray<Candidate>,
  {
    memory,
    needs,
    preferred,
    wish
  }: {
    readonly wish: Wish
    readonly needs: Needs
    readonly preferred?: string | undefined
    readonly memory?: number | undefined
  }
): Either.Either<Chosen, string> => {
  const wanted: Needs = wish === "vision" ? { ...needs, images: true } : needs
  const models = candidates.filter(({ model }) => model.type === "llm")
  if (models.length === 0) return Either.left("there is no language model on this machine")
  const lacks = models.map((candidate) => ({ ...candidate, lack: lackOf(candidate, wanted, memory) }))
  const able = lacks.filter(({ lack }) => lack === undefined)
  const configured = wish === "any" ? able.find(({ model }) => model.key === preferred) : undefined
  if (configured !== undefined) {
    return Either.right({
      model: configured.model.key,
      why: "it is DEFAULT_MODEL, and nothing says that it cannot do this"
    })
  }
  const [best, ...others] = able.toSorted((left, right) =>
    compare(scoreOf(left, wanted, wish), scoreOf(right, wanted, wish))
  )
  if (best === undefined) {
    return Either.left(lacks.map(({ lack, model }) => `${model.key} ${lack ?? ""}`).join("; "))
  }
  return Either.right({ model: best.model.key, why: whyOf(best, others, lacks, wanted, wish) })
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Weights and what an engine needs besides them; the rest of the machine needs memory, too. */
const inMemory = 1.2
const shareOfMemory = 0.75

/** What it lacks. Nobody has named it, so what is not known to see images is not taken for them. */
const lackOf = ({ known, model }: Candidate, needs: Needs, memory: number | undefined): string | undefined => {
  const size = model.sizeBytes
  if (
    memory !== undefined &&
    size !== undefined &&
    model.instances.length === 0 &&
    size * inMemory > memory * shareOfMemory
  ) {
    return "does not fit into the memory of this machine"
  }
  if (needs.images === true && Known.can(known, "vision") !== true) return "does not see images"
  return Suitability.lackOf(known, needs)
}

/** Calls in any form: a run takes the form that works. */
const forms: ReadonlyArray<Capability> = ["toolCalls", "boundSteps", "callsInText"]
const callsOf = (known: Known.Known): ReadonlyArray<Evidence> => forms.flatMap((form) => Known.about(known, form) ?? [])

const strength = { verified: 3, observed: 2, declared: 1, named: 0 }

const shareOf = (evidence: Evidence | undefined): number =>
  evidence === undefined
    ? 0
    : evidence.trials === 0
      ? evidence.holds
        ? 0.5
        : 0
      : (evidence.value ?? 0) / evidence.trials

const bestCalls = (known: Known.Known): Evidence | undefined =>
  callsOf(known)
    .filter(({ holds }) => holds)
    .toSorted((left, right) => strength[right.source] - strength[left.source] || shareOf(right) - shareOf(left))[0]

type Criterion = "purpose" | "evidence" | "share" | "quality" | "resident" | "size" | "small" | "speed"

/** Smaller is better, the first difference decides. */
type Score = ReadonlyArray<readonly [Criterion, number]>

const deciding = (left: Score, right: Score) => {
  for (const [index, [criterion, one]] of left.entries()) {
    const difference = one - (right[index]?.[1] ?? 0)
    if (difference !== 0 && !Number.isNaN(difference)) return { criterion, difference }
  }
  return undefined
}

const compare = (left: Score, right: Score): number => deciding(left, right)?.difference ?? 0

const neededOf = ({ known }: Candidate, { images = false, schema = false, tools = false }: Needs) =>
  [
    tools ? bestCalls(known) : undefined,
    schema ? Known.about(known, "jsonSchema") : undefined,
    images ? Known.about(known, "vision") : undefined
  ].filter((evidence) => evidence !== undefined)

/** What tells good work: tasks of the bench done, and with tools the trials around them. */
const qualityOf = ({ known }: Candidate, { tools = false }: Needs): number => {
  const around: ReadonlyArray<Capability> = tools ? ["restraint", "jsonSchema", "parallelToolCalls"] : ["jsonSchema"]
  const trials = around.reduce((sum, one) => sum + shareOf(Known.found(known, one)), 0)
  return 4 * shareOf(Known.found(known, "tasks")) + trials
}

const scoreOf = (candidate: Candidate, needs: Needs, wish: Wish): Score => {
  const { known, model } = candidate
  const needed = neededOf(candidate, needs)
  const of: Readonly<Record<Criterion, number>> = {
    purpose: isFor(candidate, wish) ? 0 : 1,
    evidence: -needed.reduce((sum, { source }) => sum + strength[source], 0),
    share: -needed.reduce((sum, one) => sum + shareOf(one), 0),
    quality: -Math.round(qualityOf(candidate, needs) * 2),
    resident: model.instances.length > 0 ? 0 : 1,
    size: ModelSelection.sizeRank(model),
    small: smallFirst(model),
    speed: -(Known.about(known, "tokensPerSecond")?.value ?? 0)
  }
  return orderOf(wish).map((criterion) => [criterion, of[criterion]])
}

const orderOf = (wish: Wish): ReadonlyArray<Criterion> => {
  switch (wish) {
    case "fast":
      return ["evidence", "speed", "small", "resident"]
    case "best":
      return ["evidence", "share", "quality", "size", "resident"]
    default:
      return ["purpose", "evidence", "share", "quality", "resident", "size", "speed"]
  }
}

/** What put it before the next one. */
const because: Readonly<Record<Criterion, string>> = {
  purpose: "the others are not known for that",
  evidence: "more is known of it",
  share: "it succeeds more often",
  quality: "it did more of what was tried",
  resident: "it is loaded",
  size: "it is the largest that runs well",
  small: "it is the smallest",
  speed: "it is the fastest"
}

const smallFirst = ({ sizeBytes }: ApiModel) => sizeBytes ?? Number.MAX_VALUE

const purposes: Partial<Record<Wish, RegExp>> = {
  coding: /cod(er|e)|starcoder|devstral/i,
  chat: /chat|instruct/i,
  analysis: /instruct|analy/i
}

const isFor = ({ known, model }: Candidate, wish: Wish): boolean =>
  wish === "reasoning" ? Known.can(known, "reasoning") === true : (purposes[wish]?.test(model.key) ?? false)

const words = {
  verified: "tried here",
  observed: "seen in runs here",
  declared: "only declared",
  named: "only guessed by its name"
}

const whyOf = (
  best: Candidate,
  others: ReadonlyArray<Candidate>,
  all: ReadonlyArray<Candidate & { readonly lack: string | undefined }>,
  needs: Needs,
  wish: Wish
): string => {
  const { known, model } = best
  const calls = needs.tools === true ? bestCalls(known) : undefined
  const speed = Known.about(known, "tokensPerSecond")?.value
  const tasks = Known.found(known, "tasks")
  const left = all.filter(({ lack }) => lack !== undefined)
  const [next] = others
  return [
    ...(needs.tools === true
      ? [
          calls === undefined
            ? Known.can(known, "toolCalls") === false
              ? "it makes no native tool calls, and other forms were not tried"
              : "nothing is known of its tool calls"
            : `its tool calls are ${words[calls.source]}${calls.trials === 0 ? "" : ` (${calls.value ?? 0} of ${calls.trials})`}`
        ]
      : []),
    ...(needs.images === true || wish === "vision"
      ? [`it sees images (${words[Known.about(known, "vision")?.source ?? "named"]})`]
      : []),
    ...(needs.schema === true && Known.can(known, "jsonSchema") === true ? ["it answers by a schema"] : []),
    ...(isFor(best, wish) ? [`it is one for ${wish}`] : []),
    ...(tasks === undefined ? [] : [`it did ${tasks.value ?? 0} of ${tasks.trials} tasks of the bench`]),
    ...(wish === "fast" && speed !== undefined ? [`it writes ${Math.round(speed)} tokens/s`] : []),
    ...(model.instances.length > 0 ? ["it is loaded"] : []),
    next === undefined && left.length === 0
      ? "there is no other"
      : next === undefined
        ? `no other fits: ${left.map((one) => `${one.model.key} ${one.lack}`).join(", ")}`
        : aheadOf(best, others, needs, wish)
  ].join(", ")
}

const aheadOf = (best: Candidate, others: ReadonlyArray<Candidate>, needs: Needs, wish: Wish): string => {
  const [next] = others
  const decided =
    next === undefined ? undefined : deciding(scoreOf(best, needs, wish), scoreOf(next, needs, wish))?.criterion
  const reason =
    decided === undefined
      ? "nothing known tells them apart"
      : decided === "size" && ModelSelection.sizeRank(best.model) > 0
        ? because.small
        : because[decided]
  const isTried = [best, ...others].some(({ known }) =>
    known.some(({ evidence: [{ source }] }) => source === "verified" || source === "observed")
  )
  if (isTried && decided === undefined) {
    return `nothing known tells it from ${others.length === 1 ? "the other one" : `the ${others.length} others`} that can do this`
  }
  return isTried
    ? `of ${others.length + 1} that can do this it comes first because ${reason}`
    : `none of the ${others.length + 1} that can do this was tried here, and ${reason}`
}
