/**
 * What a switch has made of an alias. Pure. Kept in the data folder, where the processes of this machine meet; without it,
 * the settings say which model is behind the name.
 */
import * as Schema from "effect/Schema"
import { ProcessIdentity } from "../../machine/ProcessIdentity.ts"
import type { Alias } from "../../configuration/AliasSetting.ts"

const common = {
  version: Schema.Literal(1),
  alias: Schema.String,
  /** What the settings said then: once they say something else, they count. */
  base: Schema.String,
  from: Schema.String,
  to: Schema.String,
  /** Epoch milliseconds. */
  since: Schema.Number
}

/**
 * `Waiting`: new requests wait until the old model has ended, because there is memory for one only; `by` writes `beatAt`
 * meanwhile. `Canary`: `share` (0..1) of the requests goes to the new one until `runs` of them have ended. `Switched`:
 * `leaving` while the old one is to be let go. `Returned`: the old one has the name again, and why.
 */
export const AliasState = Schema.Union(
  Schema.TaggedStruct("Waiting", { ...common, by: ProcessIdentity, beatAt: Schema.Number }),
  Schema.TaggedStruct("Canary", { ...common, share: Schema.Number, runs: Schema.Int }),
  Schema.TaggedStruct("Switched", { ...common, leaving: Schema.Boolean }),
  Schema.TaggedStruct("Returned", { ...common, reason: Schema.String })
)
export type AliasState = typeof AliasState.Type

/** What became of one lease during a canary. `requests`, `millis` and `tokens` are of the requests that were answered. */
export const Sample = Schema.Struct({
  /** Of the canary: its `since`. */
  canary: Schema.Number,
  isNew: Schema.Boolean,
  /** What went wrong because of the model. */
  failed: Schema.NullOr(Schema.String),
  requests: Schema.Int,
  millis: Schema.Number,
  tokens: Schema.Number
})
export type Sample = typeof Sample.Type

/** The model that has the name now; while requests wait, the one that they will not get. */
export const currentOf = (alias: Alias, state: AliasState | undefined): string =>
  state === undefined ? alias.model : state._tag === "Switched" ? state.to : state.from

/** The models that a request for the alias may get now; none while requests wait. */
export const targetsOf = (alias: Alias, state: AliasState | undefined): ReadonlyArray<string> => {
  if (state?._tag === "Waiting") return []
  return state?._tag === "Canary" ? [state.from, state.to] : [currentOf(alias, state)]
}

/** One side of a canary. */
export interface Side {
  readonly runs: number
  readonly failed: number
  /** Milliseconds for each answered request; undefined without any. */
  readonly perRequest: number | undefined
  readonly tokensPerSecond: number | undefined
  /** The latest failure. */
  readonly problem: string | undefined
}

export const sideOf = (samples: ReadonlyArray<Sample>): Side => {
  const sum = (of: (sample: Sample) => number) => samples.reduce((total, sample) => total + of(sample), 0)
  const [requests, millis] = [sum((sample) => sample.requests), sum((sample) => sample.millis)]
  return {
    runs: samples.length,
    failed: samples.filter(({ failed }) => failed !== null).length,
    perRequest: requests === 0 ? undefined : millis / requests,
    tokensPerSecond: millis === 0 ? undefined : (sum((sample) => sample.tokens) * 1000) / millis,
    problem: samples.findLast(({ failed }) => failed !== null)?.failed ?? undefined
  }
}

/** Failures before which nothing is concluded: one or two may have had another cause. */
export const fewestFailures = 3

/** How much more of the runs may fail on the new model than on the old one. */
export const tolerated = 0.2

export type Verdict =
  | { readonly _tag: "GoOn" }
  | { readonly _tag: "TakeOver" }
  | { readonly _tag: "Return"; readonly reason: string }

/** What a canary has shown so far. Speed is told, and decides nothing. */
export const verdict = (
  { runs, to }: Extract<AliasState, { readonly _tag: "Canary" }>,
  sides: { readonly old: Side; readonly new: Side }
): Verdict => {
  const fresh = sides.new
  const before = sides.old.runs === 0 ? 0 : sides.old.failed / sides.old.runs
  if (fresh.failed >= fewestFailures && fresh.failed / fresh.runs >= before + tolerated) {
    const old = sides.old.runs === 0 ? "" : `, ${sides.old.failed} of ${sides.old.runs} on the old one`
    return {
      _tag: "Return",
      reason: `${fresh.failed} of ${fresh.runs} runs failed on ${to}${old}; the last: ${fresh.problem}`
    }
  }
  return fresh.runs >= runs ? { _tag: "TakeOver" } : { _tag: "GoOn" }
}
