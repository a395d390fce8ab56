/** Whether a model could carry on with a task, by what is known of it before it is loaded. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { LmStudioApi } from "../lmstudio/LmStudioApi.ts"
import { ModelLifecycle } from "../models/ModelLifecycle.ts"
import * as Known from "./Known.ts"
import { ModelRegistry } from "./ModelRegistry.ts"

/** What a task needs. `context` is the fewest tokens with which it could go on. */
export interface Needs {
  readonly vision: boolean
  readonly tools: boolean
  readonly schema: boolean
  readonly context: number
}

/** What the model lacks, as a sentence; undefined where nothing speaks against it: what is unknown does not. Pure. */
export const lacking = (known: Known.Known, needs: Needs): string | undefined => {
  const cannot = (capability: Parameters<typeof Known.can>[1]) => Known.can(known, capability) === false
  const most = Known.about(known, "context")?.value
  if (needs.vision && cannot("vision")) return "It cannot see images, and the task has some."
  // a model that the engine cannot give tools may still make calls in another form
  if (needs.tools && cannot("toolCalls") && cannot("callsInText") && cannot("boundSteps")) {
    return "It makes calls in none of the forms that were tried, and the task has tools."
  }
  if (needs.schema && cannot("jsonSchema")) return "Its answers do not fit a schema, and the task has one."
  return most !== undefined && most < needs.context
    ? `It can have a context of ${most} tokens, and the task takes at least ${needs.context}.`
    : undefined
}

/** Nothing speaks against any model; that is the default. */
export class Suitability extends Context.Reference<Suitability>()("@lms-bridge/core/registry/Suitability", {
  defaultValue: (): {
    /** What the model by this name lacks; undefined also for a name that nobody knows, because loading it says so. */
    readonly lacking: (name: string, needs: Needs) => Effect.Effect<string | undefined>
  } => ({ lacking: () => Effect.succeed(undefined) })
}) {
  static readonly layer: Layer.Layer<never, never, ModelRegistry | ModelLifecycle | LmStudioApi> = Layer.effectContext(
    Effect.map(Effect.all([ModelRegistry, ModelLifecycle, LmStudioApi]), ([registry, lifecycle, api]) =>
      Context.make(Suitability, {
        lacking: Effect.fnUntraced(
          function* (name, needs) {
            const key = yield* lifecycle.resolve(name)
            const model = (yield* api.models).find((model) => model.key === key)
            if (model === undefined) return undefined
            return lacking((yield* registry.known([model])).get(key) ?? [], needs)
          },
          Effect.orElseSucceed(() => undefined)
        )
      })
    )
  )
}
