/** The form of calls that suits a model, by what was tried. Pure. */
import * as DateTime from "effect/DateTime"
import type { ToolForm } from "../agent/ToolForm.ts"
import type { Capability, Evidence, EvidenceRow, FormsTried, FormTried } from "./Evidence.ts"

export interface FoundForm {
  readonly form: ToolForm
  /** With the date and the counts. */
  readonly why: string
}

/** The form with most tasks done; of equals the one with fewer that were called done but wrong, then the faster one. */
export const bestOf = (tried: FormsTried): ToolForm | undefined => {
  const found = forms.flatMap(([form]) => {
    const one = tried[form]
    return one === undefined || one.done === 0 ? [] : [{ form, one }]
  })
  return found.toSorted((left, right) => compare(left.one, right.one))[0]?.form
}

/**
 * Whole tasks count for more than single requests. Without them, native where every native trial succeeded, else the form
 * with most successes. Of equals, native is the engine's own way, and bound steps did better than calls in text on every
 * model that was measured (docs/decisions/0034).
 */
export const formOf = (row: EvidenceRow): FoundForm => {
  const best = row.forms === undefined ? undefined : bestOf(row.forms)
  return row.forms === undefined || best === undefined
    ? byRequests(row)
    : { form: best, why: `Tasks of the bench done on ${date(row.forms.at)}: ${counted(row.forms)}.` }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const date = (millis: number) => DateTime.formatIsoDateUtc(DateTime.unsafeMake(millis))

const compare = (left: FormTried, right: FormTried): number =>
  right.done / right.tasks - left.done / left.tasks ||
  left.wrong / left.tasks - right.wrong / right.tasks ||
  left.seconds / left.tasks - right.seconds / right.tasks

const counted = (tried: FormsTried) =>
  forms
    .flatMap(([form]) => {
      const one = tried[form]
      return one === undefined ? [] : [`${form} ${one.done} of ${one.tasks}`]
    })
    .join(", ")

const byRequests = (row: EvidenceRow): FoundForm => {
  const on = `Tried on ${date(row.at)}`
  if (row.unfinished !== undefined) return { form: "native", why: `${on}: ${row.unfinished}` }
  const tried = forms.flatMap(([form, capability]) => {
    const found = row.evidence[capability]
    return found === undefined ? [] : [{ form, found, right: found.value ?? 0 }]
  })
  const counts = tried.map(({ form, found, right }) => `${form} ${right} of ${found.trials}`).join(", ")
  const details = tried.flatMap(({ found }) => found.detail ?? [])
  const dropped = row.evidence["toolsInTemplate" satisfies Capability]?.holds === false
  const best = tried.reduce<(typeof tried)[number] | undefined>(
    (best, one) => (best === undefined || share(one.found) > share(best.found) ? one : best),
    undefined
  )
  const form = best === undefined || best.right === 0 ? (dropped ? "bound" : "native") : best.form
  const notes = [...new Set([...(dropped ? ["the chat template drops the tools"] : []), ...details])]
  return { form, why: `${on}: ${[counts, ...notes].filter((part) => part !== "").join("; ")}.` }
}

/** In the order of preference among equals. */
const forms: ReadonlyArray<readonly [ToolForm, Capability]> = [
  ["native", "toolCalls"],
  ["bound", "boundSteps"],
  ["text", "callsInText"]
]

const share = ({ trials, value = 0 }: Evidence) => (trials === 0 ? 0 : value / trials)
