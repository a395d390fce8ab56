/** The context that a model can be loaded with on this machine, by what `lms` estimates. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { LmsCli } from "../lmstudio/LmsCli.ts"
import { LmStudioApi } from "../lmstudio/LmStudioApi.ts"
import { ModelLifecycle } from "./ModelLifecycle.ts"
import * as PreferredContext from "./PreferredContext.ts"

/** The context in tokens, or why there is none to ask for, as a sentence. */
export type Largest =
  | { readonly _tag: "Fits"; readonly contextLength: number }
  | { readonly _tag: "None"; readonly why: string }

/** The largest of a few sizes with which the model fits into memory now. */
export const largest = Effect.fn("ContextFit.largest")(function* (name: string | undefined) {
  const key = yield* Effect.flatMap(ModelLifecycle, (lifecycle) => lifecycle.resolve(name))
  const model = (yield* Effect.flatMap(LmStudioApi, (api) => api.models)).find((one) => one.key === key)
  const loaded = model?.instances[0]
  if (loaded !== undefined) {
    const context = loaded.contextLength === undefined ? "" : `, with ${loaded.contextLength} tokens`
    return none(`${key} is in memory already${context}.`)
  }
  const lms = yield* LmsCli
  for (const contextLength of PreferredContext.within(PreferredContext.largest, model?.maxContextLength)) {
    const estimate = yield* Effect.option(lms.estimate({ key, contextLength }))
    if (Option.isNone(estimate)) return none("only `lms` can estimate what fits, and it does not.")
    if (estimate.value.fits) return { _tag: "Fits", contextLength } as Largest
  }
  return none(`${key} does not fit with ${PreferredContext.largest.at(-1)} tokens.`)
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const none = (why: string): Largest => ({ _tag: "None", why })
