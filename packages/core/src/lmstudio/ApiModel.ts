/** The server, its models and the operations on them, the same for every dialect. */
import * as Schema from "effect/Schema"
import { optional } from "../schema/Fields.ts"

/**
 * Which family of routes a server has. Found out once per server by the form of its replies, because an unknown route
 * answers 200 (contract 0.1): `native-v1` has `/api/v1/models` with `models`, `legacy-v0` has `/api/v0/models` with
 * `data`, `openai` has only `/v1/models`. `llama-router` is llama.cpp's server with many models: its `/v1/models` says of
 * each whether it runs, and it has routes to load and unload.
 */
export const Dialect = Schema.Literal("native-v1", "legacy-v0", "openai", "llama-router")
export type Dialect = typeof Dialect.Type

export const ServerInfo = Schema.Struct({
  /** Without a trailing slash and without credentials. */
  baseUrl: Schema.String,
  dialect: Dialect,
  /** Whether `/lmstudio-greeting` named the product; false for llama-server, Ollama, vLLM and the like. */
  isLmStudio: Schema.Boolean
})
export type ServerInfo = typeof ServerInfo.Type

/** What answers, for a sentence. */
export const productOf = ({ dialect, isLmStudio }: Pick<ServerInfo, "dialect" | "isLmStudio">): string =>
  isLmStudio ? "LM Studio" : dialect === "llama-router" ? "llama.cpp's router" : "An OpenAI-compatible server"

/** Who may use a server: `open` is anybody, `token` only clients with an API token. */
export type Access = "open" | "token"

/**
 * A copy of a model in memory. `contextLength` is in tokens; undefined where the dialect does not report it. `sleeping` is a
 * process of llama.cpp's router that has given its memory back: it keeps its place, and the next request wakes it.
 */
export const ModelInstance = Schema.Struct({
  id: Schema.String,
  contextLength: optional(Schema.NonNegativeInt),
  status: optional(Schema.String)
})
export type ModelInstance = typeof ModelInstance.Type

export const isAwake = ({ status }: Pick<ModelInstance, "status">): boolean => status !== "sleeping"

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
  /** The context that it gets when it is loaded, where the server alone decides that. */
  fixedContext: optional(Schema.NonNegativeInt),
  /** What only llama.cpp's router says of a model that does not run: that it is being loaded, or how its process ended. */
  absence: optional(
    Schema.Union(Schema.TaggedStruct("Loading", {}), Schema.TaggedStruct("Failed", { exitCode: optional(Schema.Int) }))
  ),
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

/** What llama.cpp's router said to a request for a load; it says so at once, and loads afterwards. */
export type LoadStart = "begun" | "running before"

/** How many models llama.cpp's router keeps at a time, and whether a request to one that does not run starts it. */
export interface Places {
  /** Undefined means that there is no limit. */
  readonly limit: number | undefined
  readonly autoload: boolean
}

/** What runs a model: the engine with its version, the model's chat template, and the name of its file. */
export interface EngineFacts {
  readonly version?: string | undefined
  readonly template?: string | undefined
  readonly file?: string | undefined
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
