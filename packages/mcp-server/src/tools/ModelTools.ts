/**
 * Tools that show, load and unload models.
 */
import { type ApiModel, isAwake, LmStudioApi, ModelNotFound } from "@lms-bridge/core/LmStudioApi"
import {
  Ensured,
  type EnsureOptions,
  type LoadedModel,
  type LoadProgress,
  ModelLifecycle
} from "@lms-bridge/core/ModelLifecycle"
import { ModelRegistry } from "@lms-bridge/core/ModelCatalog"
import { Settings } from "@lms-bridge/core/Settings"
import * as Array from "effect/Array"
import * as Duration from "effect/Duration"
import { sizeOf } from "@lms-bridge/core/Resilience"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { present } from "@lms-bridge/core/Json"
import { argument, brief, gigabytes, modelName, option, optional, seconds, span } from "./Fields.ts"
import { percent } from "../runs/RunProgress.ts"
import * as Tool from "./Tool.ts"

const Loaded = Schema.Struct({
  model: Schema.String,
  instanceId: Schema.String,
  type: Schema.String,
  owner: Schema.String,
  contextLength: optional(Schema.Int),
  sizeBytes: optional(Schema.Number),
  status: optional(Schema.String),
  ttlMillis: optional(Schema.NullOr(Schema.Number)),
  expiresAt: optional(Schema.Number),
  leases: Schema.Int
})

const Loadeds = Schema.Array(Loaded).annotations(brief("array"))

export const listModels = Tool.make({
  name: "list_models",
  title: "List models",
  description:
    "The models on this machine: type, size, tool use, vision, context, aliases, and which are loaded. Use it to choose a model for another tool; loads none.",
  annotations: Tool.looks,
  input: Schema.Struct({}),
  output: Schema.Struct({
    models: Schema.Array(
      Schema.Struct({
        key: Schema.String,
        type: Schema.String,
        loaded: Schema.Boolean,
        contextLength: optional(Schema.Int),
        maxContextLength: optional(Schema.Int),
        sizeBytes: optional(Schema.Number),
        toolUse: optional(Schema.Boolean),
        vision: optional(Schema.Boolean),
        aliases: optional(Schema.Array(Schema.String))
      })
    ).annotations(brief("array")),
    count: Schema.Int
  }),
  text: ({ models }) => [
    models.length === 0
      ? "No models are downloaded. lms_download_model downloads one."
      : models
          .map(
            ({ aliases = [], contextLength, key, loaded, maxContextLength, sizeBytes, toolUse, type, vision }) =>
              `- ${[
                `${key}: ${type}`,
                ...(sizeBytes === undefined ? [] : [sizeOf(sizeBytes)]),
                ...(toolUse === true ? ["tool use"] : []),
                ...(vision === true ? ["vision"] : []),
                ...(maxContextLength === undefined ? [] : [`context up to ${maxContextLength}`]),
                ...(loaded ? [`loaded${contextLength === undefined ? "" : ` with ${contextLength}`}`] : []),
                ...(aliases.length === 0 ? [] : [`also called ${aliases.join(", ")}`])
              ].join(", ")}`
          )
          .join("\n")
  ],
  handler: Effect.fnUntraced(function* () {
    const models = yield* Effect.flatMap(LmStudioApi, (api) => api.models)
    const { resolve } = yield* ModelLifecycle
    const named = yield* Effect.forEach((yield* Settings).aliases.values(), ({ name }) =>
      Effect.option(Effect.map(resolve(name), (key) => ({ name, key })))
    )
    const of = (key: string) => Array.getSomes(named).flatMap((one) => (one.key === key ? [one.name] : []))
    return { models: models.map((model) => listed(model, of(model.key))), count: models.length }
  })
})

export const currentModel = Tool.make({
  name: "get_current_model",
  title: "Current model",
  description:
    "The model that is used when none is named, and whether it is loaded; loads none. Use it to know who will answer.",
  annotations: Tool.looks,
  input: Schema.Struct({}),
  output: Schema.Struct({ model: Schema.String, loaded: Schema.Boolean, instances: Loadeds }),
  text: ({ instances, loaded, model }) => [
    loaded
      ? `${model} is loaded.\n${instances.map(describe).join("\n")}`
      : `${model} would be used; it is not loaded yet, and is loaded when needed.`
  ],
  handler: Effect.fnUntraced(function* () {
    const lifecycle = yield* ModelLifecycle
    const model = yield* lifecycle.resolve(undefined)
    const instances = (yield* lifecycle.loaded).filter((instance) => instance.model === model)
    return { model, loaded: instances.length > 0, instances }
  })
})

export const modelInfo = Tool.make({
  name: "get_model_info",
  title: "Model details",
  description: "What one model is and can do, how it makes tool calls, and its loaded instances; loads none.",
  elsewhere: { list_models: "list_models has all in brief." },
  annotations: Tool.looks,
  input: Schema.Struct({ model_name: modelName }),
  aliases: { model: "model_name" },
  output: Schema.Struct({
    model: Schema.String,
    type: Schema.String,
    params: optional(Schema.String),
    quantization: optional(Schema.String),
    format: optional(Schema.String),
    architecture: optional(Schema.String),
    sizeBytes: optional(Schema.Number),
    maxContextLength: optional(Schema.Int),
    capabilities: Schema.Array(Schema.String).annotations(brief("array")),
    calls: optional(Schema.String),
    instances: Loadeds
  }),
  text: (info) => [
    [
      [
        `${info.model}: ${info.type}`,
        ...[info.params, info.architecture, info.quantization, info.format].filter((fact) => fact !== undefined),
        ...(info.sizeBytes === undefined ? [] : [`${sizeOf(info.sizeBytes)}`]),
        ...(info.maxContextLength === undefined ? [] : [`context up to ${info.maxContextLength}`]),
        ...(info.capabilities.length === 0 ? [] : [`capable of ${info.capabilities.join(", ")}`])
      ].join(", "),
      ...(info.calls === undefined ? [] : [`Calls: ${info.calls}`]),
      ...(info.instances.length === 0 ? ["It is not loaded."] : info.instances.map(describe))
    ].join("\n")
  ],
  handler: Effect.fnUntraced(function* ({ model_name }) {
    const lifecycle = yield* ModelLifecycle
    const key = yield* lifecycle.resolve(model_name)
    const models = yield* Effect.flatMap(LmStudioApi, (api) => api.models)
    const model = models.find((model) => model.key === key)
    // deleted between the two requests
    if (model === undefined) {
      const available = models.map(({ key }) => key)
      return yield* new ModelNotFound({ model: key, available, nearest: [] })
    }
    const instances = (yield* lifecycle.loaded).filter((instance) => instance.model === key)
    if (model.type === "embedding") return factsOf(model, instances)
    const { form, why } = yield* Effect.flatMap(ModelRegistry, (registry) => registry.choice(key))
    return { ...factsOf(model, instances), calls: `${form}. ${why}` }
  })
})

export const listLoaded = Tool.make({
  name: "lms_list_loaded_models",
  title: "List loaded models",
  description:
    "The models in memory: context, size, state, who loaded them, and when they are unloaded. Use it before loading another, or when memory is short.",
  annotations: Tool.looks,
  input: Schema.Struct({}),
  output: Schema.Struct({
    models: Loadeds,
    count: Schema.Int,
    totalMemoryBytes: Schema.Number,
    totalMemoryGB: Schema.Number
  }),
  text: ({ models, totalMemoryBytes }) => [
    models.length === 0
      ? "No model is loaded."
      : `${models.map(describe).join("\n")}\n${sizeOf(totalMemoryBytes)} together, where sizes are known.`
  ],
  handler: () =>
    Effect.flatMap(ModelLifecycle, (lifecycle) => lifecycle.loaded).pipe(
      Effect.map((models) => {
        const totalMemoryBytes = models.reduce((sum, { sizeBytes }) => sum + (sizeBytes ?? 0), 0)
        return { models, count: models.length, totalMemoryBytes, totalMemoryGB: gigabytes(totalMemoryBytes) }
      })
    )
})

const loading = {
  context_length: option(Schema.Int.pipe(Schema.greaterThanOrEqualTo(1)), "Minimum context in tokens")
}

const LoadResult = Schema.Struct({
  model: Schema.String,
  instanceId: Schema.String,
  wasAlreadyLoaded: Schema.Boolean,
  action: Ensured.fields.action.annotations(brief("string")),
  owner: Ensured.fields.owner.annotations(brief("string")),
  contextLength: optional(Schema.Int),
  ttlSeconds: optional(Schema.Number),
  message: Schema.String
})

export const ensureLoaded = Tool.make({
  name: "lms_ensure_model_loaded",
  title: "Ensure a model is loaded",
  description:
    "Makes sure that a model is in memory, with at least the context given, and verifies it. Other tools load what they need: use it to prepare a model, or to give it more context.",
  annotations: Tool.arranges,
  input: Schema.Struct({ model_name: modelName, ...loading }),
  aliases: { model: "model_name" },
  output: LoadResult,
  text: ({ message }) => [message],
  handler: ({ context_length, model_name }, progress) => ensure(model_name, { contextLength: context_length }, progress)
})

export const load = Tool.make({
  name: "lms_load_model",
  title: "Load a model",
  description:
    "Loads a model unless it is loaded, and says when it is unloaded. Other tools load what they need: use it to choose how long a model stays.",
  annotations: Tool.arranges,
  input: Schema.Struct({
    model_name: modelName,
    keep_loaded: option(Schema.Boolean, "false: unloaded sooner when idle", true),
    ...loading
  }),
  aliases: { model: "model_name" },
  output: LoadResult,
  text: ({ message }) => [message],
  handler: ({ context_length, keep_loaded, model_name }, progress) =>
    Effect.map(
      ensure(model_name, { contextLength: context_length, temporary: keep_loaded === false }, progress),
      (result) =>
        // LM Studio sets the idle limit of a model only when it loads it
        result.wasAlreadyLoaded && keep_loaded !== undefined
          ? { ...result, message: `${result.message} keep_loaded has no effect on a loaded model.` }
          : result
    )
})

export const unload = Tool.make({
  name: "lms_unload_model",
  title: "Unload a model",
  description:
    "Unloads a model and verifies that it is gone. Use it to free memory; one that is busy, or that the user loaded, needs force: ask the user first.",
  annotations: Tool.arranges,
  input: Schema.Struct({
    model_name: argument(Schema.NonEmptyString, "Model key or instance id"),
    force: option(Schema.Boolean, "Also a busy one or one of the user", false)
  }),
  aliases: { model: "model_name" },
  output: Schema.Struct({ model: Schema.String, unloaded: Schema.Array(Schema.String), message: Schema.String }),
  text: ({ message }) => [message],
  handler: Effect.fnUntraced(function* ({ force, model_name }, progress) {
    const lifecycle = yield* ModelLifecycle
    const loaded = yield* lifecycle.loaded
    const named = loaded.filter(({ instanceId }) => instanceId === model_name)
    const model = named[0]?.model ?? (yield* lifecycle.resolve(model_name))
    const instances = named.length > 0 ? named : loaded.filter((instance) => instance.model === model)
    yield* Effect.forEach(instances, ({ instanceId }) =>
      Effect.zipRight(
        progress.tell(`unloading ${instanceId}`),
        lifecycle.unload(instanceId, force === undefined ? {} : { force })
      )
    )
    const unloaded = instances.map(({ instanceId }) => instanceId)
    return {
      model,
      unloaded,
      message: unloaded.length === 0 ? `${model} was not loaded.` : `Unloaded ${unloaded.join(", ")}.`
    }
  })
})

export const tools: ReadonlyArray<Tool.Tool<LmStudioApi | ModelLifecycle | ModelRegistry | Settings>> = [
  listModels,
  currentModel,
  modelInfo,
  listLoaded,
  ensureLoaded,
  load,
  unload
]

/** Reports the progress of a load in words. */
export const loadProgress =
  (progress: Tool.Progress) =>
  (event: LoadProgress): Effect.Effect<void> => {
    switch (event._tag) {
      case "Waiting":
        return progress.tell(`${event.model}: waiting, ${event.why}`)
      case "Loading":
        return event.progress === undefined
          ? progress.tell(`${event.model}: loading`)
          : progress.note(`${event.model}: loading, ${percent(event.progress)}`)
      case "Verifying":
        return progress.note(`${event.model}: verifying that it is loaded`)
      case "SteppedDown":
        return progress.tell(`${event.model} cannot be loaded (${event.reason}); trying ${event.to}`)
    }
  }

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const listed = (model: ApiModel, aliases: ReadonlyArray<string>) => {
  const contextLength = model.instances[0]?.contextLength
  return {
    key: model.key,
    type: model.type,
    loaded: model.instances.some(isAwake),
    ...present({
      contextLength,
      maxContextLength: model.maxContextLength,
      sizeBytes: model.sizeBytes,
      toolUse: model.toolUse,
      vision: model.vision
    }),
    ...(aliases.length === 0 ? {} : { aliases })
  }
}

const factsOf = (model: ApiModel, instances: ReadonlyArray<LoadedModel>) => ({
  model: model.key,
  type: model.type,
  ...present({
    params: model.params,
    quantization: model.quantization,
    format: model.format,
    architecture: model.architecture,
    sizeBytes: model.sizeBytes,
    maxContextLength: model.maxContextLength
  }),
  capabilities: [
    ...(model.toolUse === true ? ["tool use"] : []),
    ...(model.vision === true ? ["vision"] : []),
    ...((model.reasoningOptions ?? []).length === 0 ? [] : ["reasoning"])
  ],
  instances
})

const ensure = Effect.fnUntraced(function* (name: string, options: EnsureOptions, progress: Tool.Progress) {
  const lifecycle = yield* ModelLifecycle
  const ensured = yield* lifecycle.ensureLoaded(name, { ...options, onProgress: loadProgress(progress) })
  return {
    model: ensured.model,
    instanceId: ensured.instanceId,
    wasAlreadyLoaded: ensured.action === "already-loaded",
    action: ensured.action,
    owner: ensured.owner,
    ...present({ contextLength: ensured.contextLength }),
    ...(ensured.ttlMillis === undefined ? {} : { ttlSeconds: Duration.toSeconds(ensured.ttlMillis) }),
    message: loadMessage(ensured)
  }
})

const loadMessage = (ensured: Ensured): string => {
  const how =
    ensured.action === "already-loaded"
      ? "was already loaded"
      : `was ${ensured.action} in ${seconds(ensured.tookMillis)}`
  const context = ensured.contextLength === undefined ? "" : ` with a context of ${ensured.contextLength} tokens`
  const until =
    ensured.ttlMillis !== undefined
      ? ` It is unloaded after ${span(ensured.ttlMillis)} without use.`
      : ensured.owner === "user"
        ? " It was not loaded by lms-bridge and stays as it is."
        : ""
  const pushed = ensured.pushedOut === undefined ? "" : ` For it, ${ensured.pushedOut.join(", ")} was unloaded.`
  return `${ensured.model} ${how}${context}.${until}${pushed}`
}

const describe = (instance: typeof Loaded.Type): string =>
  [
    `- ${instance.instanceId}${instance.instanceId === instance.model ? "" : ` (${instance.model})`}`,
    ...(instance.contextLength === undefined ? [] : [`context ${instance.contextLength}`]),
    ...(instance.sizeBytes === undefined ? [] : [`${sizeOf(instance.sizeBytes)}`]),
    ...(instance.status === undefined ? [] : [instance.status]),
    `loaded by ${instance.owner === "user" ? "the user" : "lms-bridge"}`,
    ...(instance.ttlMillis === undefined
      ? []
      : [instance.ttlMillis === null ? "stays" : `unloaded after ${span(instance.ttlMillis)} idle`]),
    ...(instance.leases === 0 ? [] : ["in use by a run"])
  ].join(", ")
