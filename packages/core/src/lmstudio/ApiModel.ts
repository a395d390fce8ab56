/** The server, its models and the operations on them, the same for every dialect. */
import * as Schema from "effect/Schema"
import { optional } from "../schema/Fields.ts"

/**
 * Which family of routes a server has. Found out once per server by the form of its replies, because an unknown route
 * answers 200 (contract 0.1): `native-v1` has `/api/v1/models` with `models`, `legacy-v0` has `/api/v0/models` with
 * `data`, `openai` has only `/v1/models`.
 */
export const Dialect = Schema.Literal("native-v1", "legacy-v0", "openai")
export type Dialect = typeof Dialect.Type

export const ServerInfo = Schema.Struct({
  /** Without a trailing slash and without credentials. */
  baseUrl: Schema.String,
  dialect: Dialect,
  /** Whether `/lmstudio-greeting` named the product; false for llama-server, Ollama, vLLM and the like. */
  isLmStudio: Schema.Boolean
})
export type ServerInfo = typeof ServerInfo.Type

/** Who may use a server: `open` is anybody, `token` only clients with an API token. */
export type Access = "open" | "token"

/** A copy of a model in memory. `contextLength` is in tokens; undefined where the dialect does not report it. */
export const ModelInstance = Schema.Struct({
  id: Schema.String,
  contextLength: optional(Schema.NonNegativeInt)
})
export type ModelInstance = typeof ModelInstance.Type

/**
 * A model as the server lists it, the same for every dialect. `type` and `format` are kept verbatim, except that `vlm`
 * becomes `llm` (+ `vision`) and `embeddings` becomes `embedding`.
 */
export const ApiModel = Schema.Struct({
  key: Schema.String,
  type: Schema.String,
  displayName: Schema.String,
  publisher: optional(Schema.String),
  architecture: optional(Schema.String),
  quantization: optional(Schema.String),
  sizeBytes: optional(Schema.Number),
  params: optional(Schema.String),
  format: optional(Schema.String),
  maxContextLength: optional(Schema.NonNegativeInt),
  vision: optional(Schema.Boolean),
  toolUse: optional(Schema.Boolean),
  reasoningOptions: optional(Schema.Array(Schema.String)),
  variants: Schema.Array(Schema.String),
  /**
   * Empty when the model is not in memory. A plain OpenAI server does not report it; there each model is its own
   * instance.
   */
  instances: Schema.Array(ModelInstance)
})
export type ApiModel = typeof ApiModel.Type

export interface LoadOptions {
  readonly contextLength?: number | undefined
  readonly flashAttention?: boolean | undefined
  readonly offloadKvCacheToGpu?: boolean | undefined
}

/** What `POST /api/v1/models/load` did. LM Studio gives no TTL to a model loaded this way. */
export interface ApiLoaded {
  readonly instanceId: string
  readonly loadTimeSeconds: number | undefined
  readonly contextLength: number | undefined
}

/**
 * State of a download. `status` is kept verbatim; `downloading`, `paused`, `completed`, `failed` and
 * `already_downloaded` are known.
 */
export interface DownloadStatus {
  readonly jobId: string | undefined
  readonly status: string
  readonly totalBytes: number | undefined
  readonly downloadedBytes: number | undefined
  readonly bytesPerSecond: number | undefined
}
