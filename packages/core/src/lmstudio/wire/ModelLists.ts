/** The model lists of the three dialects (contract A3, B, C1), converted to one form. */
import * as Schema from "effect/Schema"
import type { ApiModel, Dialect, ModelInstance } from "../ApiModel.ts"
import { Amount, Count, listOf, open, openArray, present } from "../../schema/Fields.ts"

/** `GET /api/v1/models`. Other servers answer this path too, so an entry must look like a model of LM Studio. */
export const NativeList = Schema.Struct({
  models: listOf(
    Schema.Struct({
      key: Schema.String,
      type: open(Schema.String),
      publisher: open(Schema.String),
      display_name: open(Schema.String),
      architecture: open(Schema.String),
      quantization: open(Schema.Struct({ name: open(Schema.String) })),
      size_bytes: Amount,
      params_string: open(Schema.String),
      loaded_instances: openArray(
        Schema.Struct({ id: Schema.String, config: open(Schema.Struct({ context_length: Count })) })
      ),
      max_context_length: Count,
      format: open(Schema.String),
      capabilities: open(
        Schema.Struct({
          vision: open(Schema.Boolean),
          trained_for_tool_use: open(Schema.Boolean),
          reasoning: open(Schema.Struct({ allowed_options: openArray(Schema.String) }))
        })
      ),
      variants: openArray(Schema.String)
    })
  )
})

/** `GET /api/v0/models`. A loaded copy is a row of its own (`key:2`). */
export const LegacyList = Schema.Struct({
  data: listOf(
    Schema.Struct({
      id: Schema.String,
      type: open(Schema.String),
      publisher: open(Schema.String),
      arch: open(Schema.String),
      compatibility_type: open(Schema.String),
      quantization: open(Schema.String),
      state: open(Schema.String),
      max_context_length: Count,
      loaded_context_length: Count,
      capabilities: openArray(Schema.String)
    })
  )
})

/** `GET /v1/models`, with the fields that vLLM (`max_model_len`) and llama-server (`meta`) add. */
export const OpenAiList = Schema.Struct({
  data: listOf(
    Schema.Struct({
      id: Schema.String,
      owned_by: open(Schema.String),
      max_model_len: Count,
      // llama.cpp's router, which has a list of its own
      status: open(Schema.Struct({ value: Schema.String })),
      meta: open(Schema.Struct({ n_ctx: Count, n_ctx_train: Count, size: Amount }))
    })
  )
})

export const fromNative = ({ models }: typeof NativeList.Type): ReadonlyArray<ApiModel> =>
  once(
    models.map((model) => ({
      key: model.key,
      ...kindOf(model.type),
      displayName: model.display_name ?? model.key,
      ...present({
        publisher: model.publisher,
        architecture: model.architecture,
        quantization: model.quantization?.name,
        sizeBytes: model.size_bytes,
        params: model.params_string,
        format: model.format,
        maxContextLength: model.max_context_length,
        vision: model.capabilities?.vision,
        toolUse: model.capabilities?.trained_for_tool_use,
        reasoningOptions: model.capabilities?.reasoning?.allowed_options
      }),
      variants: model.variants,
      instances: model.loaded_instances.map(({ config, id }) => instance(id, config?.context_length))
    }))
  )

export const fromLegacy = ({ data }: typeof LegacyList.Type): ReadonlyArray<ApiModel> => {
  const ids = new Set(data.map(({ id }) => id))
  const keyOf = ({ id, state }: (typeof data)[number]) => {
    const base = id.replace(/:\d+$/, "")
    // a numbered copy may be the only one left, and then its model has no row of its own
    return base !== id && (ids.has(base) || state === "loaded") ? base : id
  }
  return once(
    data
      .filter((row) => keyOf(row) === row.id || !ids.has(keyOf(row)))
      .map((model) => ({
        key: keyOf(model),
        ...kindOf(model.type),
        displayName: keyOf(model),
        ...present({
          publisher: model.publisher,
          architecture: model.arch,
          quantization: model.quantization,
          format: model.compatibility_type,
          maxContextLength: model.max_context_length,
          toolUse: model.capabilities.includes("tool_use") ? true : undefined
        }),
        variants: [],
        instances: data
          // a model in any state but `loaded` is not usable (contract B)
          .filter((row) => row.state === "loaded" && keyOf(row) === keyOf(model))
          .map((row) => instance(row.id, row.loaded_context_length))
      }))
  )
}

/** This list does not say what is in memory. Every listed model can be used, so each is its own instance. */
export const fromOpenAi = ({ data }: typeof OpenAiList.Type): ReadonlyArray<ApiModel> =>
  data.map((model) => ({
    key: model.id,
    type: /\bembed/i.test(model.id) ? "embedding" : "llm",
    displayName: model.id,
    ...present({
      publisher: model.owned_by,
      sizeBytes: model.meta?.size,
      maxContextLength: model.max_model_len ?? model.meta?.n_ctx_train
    }),
    variants: [],
    instances: [instance(model.id, model.max_model_len ?? model.meta?.n_ctx)]
  }))

/** Where each dialect lists its models. */
export const paths: Record<Dialect, string> = {
  "native-v1": "/api/v1/models",
  "legacy-v0": "/api/v0/models",
  openai: "/v1/models",
  "llama-router": "/v1/models"
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** A model that was reloaded after its TTL may have two rows (H24). */
const once = (models: ReadonlyArray<ApiModel>): ReadonlyArray<ApiModel> => {
  const byKey = new Map<string, ApiModel>()
  for (const model of models) {
    const listed = [...(byKey.get(model.key)?.instances ?? []), ...model.instances]
    byKey.set(model.key, { ...model, instances: [...new Map(listed.map((one) => [one.id, one])).values()] })
  }
  return [...byKey.values()]
}

const instance = (id: string, contextLength: number | undefined): ModelInstance => ({
  id,
  ...present({ contextLength })
})

/** One name per kind: v0 says `vlm` and `embeddings` (contract 0.6). */
const kindOf = (type: string | undefined): { readonly type: string; readonly vision?: boolean } => {
  if (type === "vlm") return { type: "llm", vision: true }
  return { type: type === "embeddings" ? "embedding" : (type ?? "llm") }
}
