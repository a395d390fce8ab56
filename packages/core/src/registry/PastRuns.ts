/** What the runs that are kept have shown of a model: asked when its file cannot be read. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type { Tally } from "./Evidence.ts"

/** None where there are none; that is the default. Never fails. */
export class PastRuns extends Context.Reference<PastRuns>()("@lms-bridge/core/registry/PastRuns", {
  defaultValue: (): { readonly of: (model: string) => Effect.Effect<Option.Option<Tally>> } => ({
    of: () => Effect.succeedNone
  })
}) {}
