/**
 * Tools that list, resolve and download models.
 */
import { ModelLifecycle } from "@lms-bridge/core/ModelLifecycle"
import { LmStudioApi } from "@lms-bridge/core/LmStudioApi"
import { Alternatives, Downloader, ModelEvidence, ModelName, ModelSearch } from "@lms-bridge/core/ModelCatalog"
import { sizeOf } from "@lms-bridge/core/Resilience"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { present } from "@lms-bridge/core/Json"
import { brief, gigabytes, option, optional } from "./Fields.ts"
import { percent } from "../runs/RunProgress.ts"
import * as Tool from "./Tool.ts"

const OnDisk = Schema.Struct({
  key: Schema.String,
  type: Schema.String,
  sizeBytes: optional(Schema.Number),
  params: optional(Schema.String),
  quantization: optional(Schema.String),
  loaded: Schema.Boolean
})

const onDisk = Effect.map(
  Effect.flatMap(LmStudioApi, (api) => api.models),
  (models) =>
    models.map(({ instances, key, params, quantization, sizeBytes, type }) => ({
      key,
      type,
      ...present({ sizeBytes, params, quantization }),
      loaded: instances.length > 0
    }))
)

const line = ({ key, loaded, quantization, sizeBytes, type }: typeof OnDisk.Type) =>
  [
    `- ${key}: ${type}`,
    ...(sizeBytes === undefined ? [] : [`${sizeOf(sizeBytes)}`]),
    ...(quantization === undefined ? [] : [quantization]),
    ...(loaded ? ["loaded"] : [])
  ].join(", ")

export const listDownloaded = Tool.make({
  name: "lms_list_downloaded_models",
  title: "List downloaded models",
  description:
    "Models on disk, with size and quantization, and how much they take together. Use it to see what could be deleted.",
  elsewhere: { list_models: "list_models says what each can do." },
  annotations: Tool.looks,
  input: Schema.Struct({}),
  output: Schema.Struct({
    models: Schema.Array(OnDisk).annotations(brief("array")),
    count: Schema.Int,
    totalSizeBytes: Schema.Number,
    totalSizeGB: Schema.Number
  }),
  listed: [],
  text: ({ models, totalSizeBytes }) => [
    models.length === 0
      ? "No models are downloaded. lms_download_model downloads one."
      : `${models.map(line).join("\n")}\n${sizeOf(totalSizeBytes)} together, where sizes are known.`
  ],
  handler: () =>
    Effect.map(onDisk, (models) => {
      const totalSizeBytes = models.reduce((sum, { sizeBytes }) => sum + (sizeBytes ?? 0), 0)
      return { models, count: models.length, totalSizeBytes, totalSizeGB: gigabytes(totalSizeBytes) }
    })
})

const elsewhere = (query: string) =>
  `LM Studio lets no program search its catalogue. A person can search it in LM Studio, or at ${ModelSearch.places(
    query
  )
    .map(({ url }) => url)
    .join(" or ")}. lms_download_model accepts the name found there.`

export const search = Tool.make({
  name: "lms_search_models",
  title: "Search models",
  description:
    "Searches the names of models on disk. It cannot search LM Studio's catalogue, and says where a person can.",
  annotations: Tool.looks,
  input: Schema.Struct({
    query: Schema.NonEmptyString,
    limit: option(Schema.Int.pipe(Schema.greaterThanOrEqualTo(1)), "Most names", 10)
  }),
  output: Schema.Struct({ models: Schema.Array(OnDisk).annotations(brief("array")), message: Schema.String }),
  listed: [],
  text: ({ message, models }) => [[...models.map(line), message].join("\n")],
  handler: ({ limit = 10, query }) =>
    Effect.map(onDisk, (models) => {
      const found = ModelSearch.onDisk(query, models)
      const here = found.length === 0 ? "None of the models on disk matches." : "These are on disk."
      return { models: found.slice(0, limit), message: `${here} ${elsewhere(query)}` }
    })
})

export const download = Tool.make({
  name: "lms_download_model",
  title: "Download a model",
  description:
    "Downloads a model from LM Studio's catalogue or a Hugging Face URL. Use it only when the user wants that model: it takes gigabytes and minutes.",
  annotations: { destructiveHint: false, idempotentHint: true },
  long: true,
  input: Schema.Struct({
    model_key: Schema.NonEmptyTrimmedString.annotations(brief("string")),
    wait: option(Schema.Boolean, "Until it is downloaded", false)
  }),
  aliases: { model: "model_key", model_name: "model_key" },
  output: Schema.Struct({
    model: Schema.String,
    status: Schema.Literal("already-there", "downloaded", "downloading").annotations(brief("string")),
    message: Schema.String
  }),
  listed: [],
  text: ({ message }) => [message],
  handler: Effect.fnUntraced(function* ({ model_key, wait = false }, progress) {
    const downloader = yield* Downloader
    const { key = model_key, status } = yield* downloader.download(model_key, {
      wait,
      onProgress: ({ bytesPerSecond, fraction }) =>
        progress.note(
          `downloading ${model_key}, ${percent(fraction)}${bytesPerSecond === undefined ? "" : `, ${Math.round(bytesPerSecond / 1e5) / 10} MB/s`}`
        )
    })
    const message = {
      "already-there": `${key} is already on disk.`,
      downloaded: `${key} is downloaded, and LM Studio lists it.`,
      downloading: `LM Studio is downloading ${key}. Call again with wait to wait for the end.`
    }[status]
    return { model: key, status, message }
  })
})

const Candidate = Schema.Struct({
  model_key: Schema.String,
  score: Schema.Number,
  reasons: Schema.Array(Schema.String),
  size_gb: optional(Schema.Number),
  trained_for_tool_use: optional(Schema.Boolean)
})

export const resolve = Tool.make({
  name: "lms_resolve_model",
  title: "Resolve a model name",
  description:
    "The model that a name means, or the nearest ones with reasons; loads none. Use it when a model was not found, or to choose one for a purpose.",
  annotations: Tool.looks,
  input: Schema.Struct({
    model_key: Schema.NonEmptyTrimmedString.annotations(brief("string")),
    auto_fallback: option(Schema.Boolean, "Take the nearest", false),
    task_type: optional(Alternatives.Purpose)
  }),
  aliases: { model: "model_key", model_name: "model_key" },
  output: Schema.Struct({
    requested_model: Schema.String,
    resolved_model: Schema.NullOr(Schema.String),
    status: Schema.Literal("available", "fallback", "unavailable").annotations(brief("string")),
    alternatives: Schema.Array(Candidate).annotations(brief("array")),
    message: Schema.String
  }),
  listed: [],
  success: ({ resolved_model }) => resolved_model !== null,
  text: ({ alternatives, message }) => [
    [
      message,
      ...alternatives.map(
        ({ model_key, reasons }) => `- ${model_key}${reasons.length === 0 ? "" : `: ${reasons.join(", ")}`}`
      )
    ].join("\n")
  ],
  handler: Effect.fnUntraced(function* ({ auto_fallback = false, model_key, task_type }) {
    const models = yield* Effect.flatMap(LmStudioApi, (api) => api.models)
    if (ModelName.isAuto(model_key)) {
      const wanted = model_key.includes(":") || task_type === undefined ? model_key : `auto:${task_type}`
      const key = yield* Effect.flatMap(ModelLifecycle, (lifecycle) => lifecycle.resolve(wanted))
      const message = `"${wanted}" is ${key} now, by what is known of the models here.`
      return {
        requested_model: model_key,
        resolved_model: key,
        status: "available" as const,
        alternatives: [],
        message
      }
    }
    const meaning = Option.fromNullable(ModelName.find(models, model_key))
    const asked = { requested_model: model_key }
    if (Option.isSome(meaning)) {
      const { key } = meaning.value.model
      const message = `"${model_key}" is ${key}.`
      return { ...asked, resolved_model: key, status: "available" as const, alternatives: [], message }
    }
    const { believed } = yield* ModelEvidence
    const alternatives = Alternatives.rank(yield* believed(models), model_key, task_type)
      .slice(0, 5)
      .map(({ model, reasons, score }) => ({
        model_key: model.key,
        score,
        reasons,
        ...(model.sizeBytes === undefined ? {} : { size_gb: gigabytes(model.sizeBytes) }),
        ...present({ trained_for_tool_use: model.toolUse })
      }))
    const best = alternatives[0]?.model_key
    return auto_fallback && best !== undefined
      ? {
          ...asked,
          resolved_model: best,
          status: "fallback" as const,
          alternatives,
          message: `There is no "${model_key}"; ${best} comes closest.`
        }
      : {
          ...asked,
          resolved_model: null,
          status: "unavailable" as const,
          alternatives,
          message: `There is no "${model_key}".${best === undefined ? " No language models are downloaded." : ""}`
        }
  })
})

export const tools: ReadonlyArray<Tool.Tool<LmStudioApi | Downloader | ModelLifecycle>> = [
  listDownloaded,
  search,
  download,
  resolve
]
