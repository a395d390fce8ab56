/** Whether a model could carry on with a task, by what is known of it before it is loaded. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { LmStudioApi } from "../lmstudio/LmStudioApi.ts"
import type { Needs } from "../models/EnsureOptions.ts"
import { ModelLifecycle } from "../models/ModelLifecycle.ts"
import * as Known from "./Known.ts"
import { ModelRegistry } from "./ModelRegistry.ts"

/**
 * What a model lacks, as a clause after its name; undefined where nothing speaks against it. What is not known is no lack,
 * and a guess by a name is no knowledge. Pure.
 */
export const lackOf = (
  known: Known.Known,
  { contextLength = 0, images = false, schema = false, tokens = 0, tools = false }: Needs
): string | undefined => {
  const cannot = (capability: Parameters<typeof Known.can>[1]) => Known.can(known, capability) === false
  if (images && cannot("vision")) return "does not see images"
  // a model that the engine cannot give tools may still make calls in another form
  if (tools && cannot("toolCalls") && cannot("boundSteps") && Known.can(known, "callsInText") !== true) {
    return "makes no tool calls"
  }
  if (schema && cannot("jsonSchema")) return "does not answer by a schema"
  // what worked here did so with the context of that time; the most is only declared
  const most = known
    .find(({ capability }) => capability === "context")
    ?.evidence.find(({ source }) => source === "declared")
  if (most?.value !== undefined && most.value < contextLength) {
    return `has at most ${most.value} tokens of context, and the task takes at least ${contextLength}`
  }
  const context = Known.about(known, "context")
  return context?.value !== undefined && context.source !== "named" && context.value < tokens
    ? `has ${Math.round(context.value)} tokens of context, and the task needs about ${tokens}`
    : undefined
}

/** Nothing speaks against any model; that is the default. */
export class Suitability extends Context.Reference<Suitability>()("@lms-bridge/core/registry/Suitability", {
  defaultValue: (): {
    /** What the model by this name lacks, as a sentence; undefined also for a name that nobody knows, as loading it says so. */
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
            const lack = lackOf((yield* registry.known([model])).get(key) ?? [], needs)
            return lack === undefined ? undefined : `It ${lack}.`
          },
          Effect.orElseSucceed(() => undefined)
        )
      })
    )
  )
}
