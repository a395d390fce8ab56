/** The context that a model can be loaded with on this machine, by what `lms` estimates. */
import * as Effect from "effect/Effect"
import { LmsCli } from "../lmstudio/LmsCli.ts"
import { LmStudioApi } from "../lmstudio/LmStudioApi.ts"
import { ModelLifecycle } from "./ModelLifecycle.ts"
import * as PreferredContext from "./PreferredContext.ts"

/**
 * The largest of a few sizes, in tokens, with which the model fits into memory now; undefined when it is in memory already,
 * when none fits, or when nobody can estimate it.
 */
export const largest = Effect.fn("ContextFit.largest")(function* (name: string | undefined) {
  const key = yield* Effect.flatMap(ModelLifecycle, (lifecycle) => lifecycle.resolve(name))
  const model = (yield* Effect.flatMap(LmStudioApi, (api) => api.models)).find((one) => one.key === key)
  if (model === undefined || model.instances.length > 0) return undefined
  const lms = yield* LmsCli
  for (const contextLength of PreferredContext.within(PreferredContext.largest, model.maxContextLength)) {
    const fits = yield* Effect.match(lms.estimate({ key, contextLength }), {
      onFailure: () => undefined,
      onSuccess: (estimate) => estimate.fits
    })
    if (fits === undefined) return undefined
    if (fits) return contextLength
  }
  return undefined
})
