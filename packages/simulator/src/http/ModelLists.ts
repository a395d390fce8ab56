/** The models of the machine in three dialects: native v1, legacy v0, and OpenAI's list (contract A3, B, C1). */
import * as Effect from "effect/Effect"
import { present } from "@lms-bridge/core/Json"
import type { ModelOnDisk } from "../state/Catalogue.ts"
import type { Instance, Machine } from "../state/LmStudioState.ts"
import * as ErrorBody from "./ErrorBody.ts"
import type { Handler } from "./Exchange.ts"
import { json } from "./Reply.ts"

export const nativeModels: Handler = ({ world }) =>
  Effect.map(world.state.get, (machine) =>
    json(200, { models: machine.models.map((model) => nativeModel(machine, model)) })
  )

export const legacyModels: Handler = ({ world }) =>
  Effect.map(world.state.get, (machine) => json(200, { object: "list", data: legacyRows(machine) }))

export const legacyModel: Handler = ({ parameter, world }) =>
  Effect.flatMap(world.state.get, (machine) => {
    const row = legacyRows(machine).find((candidate) => candidate.id === parameter)
    return row === undefined ? ErrorBody.bare(404, `Model "${parameter}" not found`) : Effect.succeed(json(200, row))
  })

export const openAiModels: Handler = ({ world }) =>
  Effect.map(world.state.get, (machine) =>
    json(200, {
      data: openAiIds(machine).map((id) => ({ id, object: "model", owned_by: "organization_owner" })),
      object: "list"
    })
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const nativeModel = (machine: Machine, model: ModelOnDisk) => {
  const llm = model.type === "llm"
  return {
    type: model.type,
    publisher: model.publisher,
    key: model.key,
    display_name: model.displayName,
    ...(llm ? { architecture: model.architecture } : {}),
    quantization: { name: model.quantization.name, bits_per_weight: model.quantization.bits },
    size_bytes: model.sizeBytes,
    params_string: model.paramsString,
    loaded_instances: machine.instances
      .filter((instance) => instance.key === model.key)
      .map((instance) => ({ id: instance.id, config: instanceConfig(model, instance) })),
    max_context_length: model.maxContextLength,
    format: model.format,
    ...(llm
      ? {
          capabilities: {
            vision: model.vision,
            trained_for_tool_use: model.trainedForToolUse,
            ...(model.reasoning === undefined
              ? {}
              : {
                  reasoning: {
                    allowed_options: model.reasoning.allowedOptions,
                    default: model.reasoning.defaultOption
                  }
                })
          },
          description: model.description
        }
      : {}),
    ...(model.variants === undefined ? {} : { variants: model.variants, selected_variant: model.selectedVariant })
  }
}

// MLX instances have only context and parallel, embedding ones only the context.
const instanceConfig = (model: ModelOnDisk, instance: Instance) => {
  const context = { context_length: instance.contextLength }
  if (model.type === "embedding") return context
  if (model.format === "mlx") return { ...context, parallel: instance.parallel }
  return {
    ...context,
    eval_batch_size: instance.config.evalBatchSize ?? 512,
    parallel: instance.parallel,
    flash_attention: instance.config.flashAttention ?? true,
    ...present({ num_experts: instance.config.numExperts }),
    offload_kv_cache_to_gpu: instance.config.offloadKvCacheToGpu ?? true
  }
}

const legacyRows = (machine: Machine) =>
  machine.models.flatMap((model) => {
    const loaded = machine.settings.v0Lags ? [] : machine.instances.filter((instance) => instance.key === model.key)
    return loaded.length === 0
      ? [legacyRow(model, model.key, undefined)]
      : loaded.map((instance) => legacyRow(model, instance.id, instance))
  })

const legacyRow = (model: ModelOnDisk, id: string, instance: Instance | undefined) => ({
  id,
  object: "model",
  type: model.type === "embedding" ? "embeddings" : model.type === "llm" && model.vision ? "vlm" : model.type,
  publisher: model.publisher,
  arch: model.architecture,
  compatibility_type: model.format,
  quantization: model.quantization.name,
  state: instance === undefined ? "not-loaded" : "loaded",
  max_context_length: model.maxContextLength,
  ...(instance === undefined ? {} : { loaded_context_length: instance.contextLength }),
  ...(model.trainedForToolUse ? { capabilities: ["tool_use"] } : {})
})

const openAiIds = (machine: Machine): ReadonlyArray<string> => {
  const loaded = machine.instances.map((instance) => instance.id)
  if (!machine.settings.jitLoading) return loaded
  const idle = machine.models.map((model) => model.key).filter((key) => !loaded.includes(key))
  return [...loaded, ...idle]
}
