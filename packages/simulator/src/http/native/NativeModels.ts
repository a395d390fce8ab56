/** `/api/v1/models/load`, `unload`, `download` and its status (contract A4 to A7): strict bodies, loads that stack. */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import { present } from "@lms-bridge/core/Json"
import type { ModelOnDisk } from "../../state/Catalogue.ts"
import * as Downloads from "../../state/Downloads.ts"
import type * as Json from "../../internal/json.ts"
import type { Instance, LoadFailed } from "../../state/LmStudioState.ts"
import type { Settings } from "../../Settings.ts"
import * as ErrorBody from "../ErrorBody.ts"
import type { Handler } from "../Exchange.ts"
import { bodyOf } from "../Exchange.ts"
import type { ApiFault } from "../Reply.ts"
import { json } from "../Reply.ts"

export const load: Handler = Effect.fnUntraced(function* (exchange) {
  const { state } = exchange.world
  const body = yield* Effect.flatMap(
    bodyOf(exchange),
    strict([
      "model",
      "context_length",
      "eval_batch_size",
      "flash_attention",
      "num_experts",
      "offload_kv_cache_to_gpu",
      "echo_load_config"
    ])
  )
  const name = yield* requiredString(body, "model")
  const contextLength = yield* positiveInt(body, "context_length")
  const machine = yield* state.get
  const model = machine.models.find((candidate) => candidate.key === name || candidate.variants?.includes(name))
  if (model === undefined) {
    return yield* ErrorBody.native(404, "model_not_found", `Model '${name}' not found`, { code: "model_not_found" })
  }
  const started = yield* Clock.currentTimeMillis
  const instance = yield* state
    .load({
      key: model.key,
      by: "rest",
      ttlMs: null,
      contextLength,
      config: {
        evalBatchSize: yield* positiveInt(body, "eval_batch_size"),
        flashAttention: yield* boolean(body, "flash_attention"),
        numExperts: yield* positiveInt(body, "num_experts"),
        offloadKvCacheToGpu: yield* boolean(body, "offload_kv_cache_to_gpu")
      }
    })
    .pipe(Effect.mapError((failure) => loadFault(failure, machine.settings)))
  const echo = yield* boolean(body, "echo_load_config")
  return json(200, {
    type: instance.type,
    instance_id: instance.id,
    load_time_seconds: ((yield* Clock.currentTimeMillis) - started) / 1000,
    status: "loaded",
    ...(echo === true ? { load_config: loadConfig(model, instance) } : {})
  })
})

export const unload: Handler = Effect.fnUntraced(function* (exchange) {
  const body = yield* Effect.flatMap(bodyOf(exchange), strict(["instance_id"]))
  const id = yield* requiredString(body, "instance_id")
  // Status and text for an unknown id are not on record; the type is from the documented list.
  yield* exchange.world.state
    .unload(id, "rest")
    .pipe(
      Effect.mapError((failure) =>
        ErrorBody.native(404, "model_not_found", failure.message, { code: "model_not_found", param: "instance_id" })
      )
    )
  return json(200, { instance_id: id })
})

export const download: Handler = Effect.fnUntraced(function* (exchange) {
  const { downloads, state } = exchange.world
  const body = yield* Effect.flatMap(bodyOf(exchange), strict(["model", "quantization"]))
  const name = yield* requiredString(body, "model")
  const machine = yield* state.get
  if (machine.models.some((model) => model.key === name)) return json(200, { status: "already_downloaded" })
  const model = machine.downloadable.find((candidate) => candidate.key === name)
  if (model === undefined) {
    return yield* ErrorBody.native(404, "model_not_found", `Model '${name}' not found`, { code: "model_not_found" })
  }
  const started = yield* downloads.start(model)
  return json(200, {
    job_id: started.jobId,
    status: started.durationMs === 0 ? "completed" : "downloading",
    total_size_bytes: model.sizeBytes,
    started_at: isoOf(started.startedAt),
    ...(started.durationMs === 0 ? { completed_at: isoOf(started.startedAt) } : {})
  })
})

export const downloadStatus: Handler = Effect.fnUntraced(function* ({ parameter, world }) {
  const found = yield* world.downloads.find(parameter)
  if (found === undefined) {
    return yield* ErrorBody.native(404, "job_not_found", `Download job '${parameter}' not found`)
  }
  const fraction = Downloads.fractionOf(found, yield* Clock.currentTimeMillis)
  const perSecond = found.durationMs === 0 ? 0 : found.model.sizeBytes / (found.durationMs / 1000)
  const end = isoOf(found.startedAt + found.durationMs)
  return json(200, {
    job_id: found.jobId,
    status: fraction < 1 ? "downloading" : "completed",
    total_size_bytes: found.model.sizeBytes,
    downloaded_bytes: Math.floor(found.model.sizeBytes * fraction),
    started_at: isoOf(found.startedAt),
    ...(fraction < 1 ? { bytes_per_second: Math.round(perSecond), estimated_completion: end } : { completed_at: end })
  })
})

/** How the native routes report a failed load; the status is a setting, because the records disagree. */
export const loadFault = (failure: Pick<LoadFailed, "key" | "text">, settings: Settings): ApiFault =>
  ErrorBody.native(settings.loadFailureStatus, "model_load_failed", loadText(failure.key, failure.text))

/** Refuses keys outside `allowed`, as zod's strict objects do. */
export const strict =
  (allowed: ReadonlyArray<string>) =>
  (body: Json.JsonObject): Effect.Effect<Json.JsonObject, ApiFault> => {
    const unknown = Object.keys(body).filter((key) => !allowed.includes(key))
    return unknown.length === 0 ? Effect.succeed(body) : ErrorBody.unrecognizedKeys(unknown)
  }

export const requiredString = (body: Json.JsonObject, name: string): Effect.Effect<string, ApiFault> => {
  const value = body[name]
  if (value === undefined || value === "") return ErrorBody.missingParameter(name)
  return typeof value === "string"
    ? Effect.succeed(value)
    : ErrorBody.invalidValue(name, `Expected string, received ${typeof value}`)
}

export const positiveInt = (body: Json.JsonObject, name: string): Effect.Effect<number | undefined, ApiFault> => {
  const value = body[name]
  if (value === undefined) return Effect.succeed(undefined)
  return typeof value === "number" && Number.isInteger(value) && value > 0
    ? Effect.succeed(value)
    : ErrorBody.invalidValue(name, "Number must be greater than 0")
}

export const boolean = (body: Json.JsonObject, name: string): Effect.Effect<boolean | undefined, ApiFault> => {
  const value = body[name]
  return value === undefined || typeof value === "boolean"
    ? Effect.succeed(value)
    : ErrorBody.invalidValue(name, `Expected boolean, received ${typeof value}`)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const loadConfig = (model: ModelOnDisk, instance: Instance) => ({
  context_length: instance.contextLength,
  ...(model.type === "embedding"
    ? {}
    : {
        eval_batch_size: instance.config.evalBatchSize ?? 512,
        flash_attention: instance.config.flashAttention ?? true,
        ...present({ num_experts: instance.config.numExperts }),
        offload_kv_cache_to_gpu: instance.config.offloadKvCacheToGpu ?? true
      })
})

const loadText = (key: string, text: string) =>
  text.startsWith("Failed to load LLM") ? text : `Failed to load LLM '${key}': Error: ${text}`

const isoOf = (millis: number): string => DateTime.formatIso(DateTime.unsafeMake(millis))
