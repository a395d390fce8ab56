/** What trials and measurements come to, as evidence. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Ensured } from "../../models/Ensured.ts"
import { present } from "../../schema/Fields.ts"
import type { Capability, Evidence } from "../Evidence.ts"

export type Found = { readonly [K in Capability]?: Evidence }

/** The majority decides. */
export const result = (right: ReadonlyArray<boolean>, detail?: string): Effect.Effect<Evidence> =>
  Effect.map(Clock.currentTimeMillis, (at) => {
    const value = right.filter(Boolean).length
    return {
      source: "verified",
      holds: value * 2 > right.length,
      value,
      trials: right.length,
      at,
      ...present({ detail })
    }
  })

/** The median, if there is any. */
export const measured = <K extends Capability>(
  measure: K,
  values: ReadonlyArray<number>,
  trials = values.length
): Effect.Effect<Found> =>
  Effect.map(Clock.currentTimeMillis, (at) => {
    const value = median(values)
    return value === undefined
      ? {}
      : { [measure]: { source: "verified", holds: true, value, trials, at } satisfies Evidence }
  })

export const median = (values: ReadonlyArray<number>): number | undefined =>
  values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)]

/** Nothing of a model that was in memory before. */
export const loadTime = ({ action, tookMillis }: Ensured): Effect.Effect<Found> =>
  measured("loadSeconds", action === "already-loaded" ? [] : [tookMillis / 1000])
