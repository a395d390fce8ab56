/** LM Studio's HTTP interface: native v1, legacy v0 or plain OpenAI, whichever the server speaks. */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type { ChatEvent, ChatReply, ChatRequest, Usage } from "./Chat.ts"
import type { Settings } from "../configuration/Settings.ts"
import type { CircuitOpen } from "../resilience/CircuitBreaker.ts"
import type { Resilience } from "../resilience/Resilience.ts"
import * as Api from "./http/Api.ts"
import type { LmStudioError } from "./LmStudioError.ts"

/**
 * Which family of routes a server has. Found out once per server by what bodies look like, because an unknown route
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

/** Who may ask a server: `open` is anybody, `token` only who has an API token, as we have. */
export type Access = "open" | "token"

/** A copy of a model in memory. `contextLength` in tokens; undefined where the dialect does not tell. */
export const ModelInstance = Schema.Struct({
  id: Schema.String,
  contextLength: Schema.optionalWith(Schema.NonNegativeInt, { exact: true })
})
export type ModelInstance = typeof ModelInstance.Type

/**
 * A model as the server lists it, the same for every dialect. `type` and `format` are kept as they come, with `vlm`
 * folded into `llm` (+ `vision`) and `embeddings` into `embedding`.
 */
export const ApiModel = Schema.Struct({
  key: Schema.String,
  type: Schema.String,
  displayName: Schema.String,
  publisher: Schema.optionalWith(Schema.String, { exact: true }),
  architecture: Schema.optionalWith(Schema.String, { exact: true }),
  quantization: Schema.optionalWith(Schema.String, { exact: true }),
  sizeBytes: Schema.optionalWith(Schema.Number, { exact: true }),
  params: Schema.optionalWith(Schema.String, { exact: true }),
  format: Schema.optionalWith(Schema.String, { exact: true }),
  maxContextLength: Schema.optionalWith(Schema.NonNegativeInt, { exact: true }),
  vision: Schema.optionalWith(Schema.Boolean, { exact: true }),
  toolUse: Schema.optionalWith(Schema.Boolean, { exact: true }),
  reasoningOptions: Schema.optionalWith(Schema.Array(Schema.String), { exact: true }),
  variants: Schema.Array(Schema.String),
  /** Empty when the model is not in memory. A plain OpenAI server does not tell; there each model is its own instance. */
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

export interface Embeddings {
  readonly model: string
  readonly vectors: ReadonlyArray<ReadonlyArray<number>>
  readonly usage: Usage | undefined
}

export interface CompletionRequest {
  readonly model: string
  readonly prompt: string
  readonly maxTokens?: number | undefined
  readonly temperature?: number | undefined
  readonly stop?: ReadonlyArray<string> | undefined
  readonly ttlSeconds?: number | undefined
}

export interface Completion {
  readonly model: string
  readonly text: string
  readonly finishReason: string
  readonly usage: Usage | undefined
}

/** A request of `POST /api/v1/chat`, which takes no history, no tools of the caller's and no TTL (contract A1). */
export interface NativeChatRequest {
  readonly model: string
  readonly input: string
  readonly systemPrompt?: string | undefined
  readonly temperature?: number | undefined
  readonly maxOutputTokens?: number | undefined
  /** One of the model's `reasoningOptions`. */
  readonly reasoning?: string | undefined
  readonly previousResponseId?: string | undefined
  /** Whether LM Studio keeps the reply for `previousResponseId`; it does not unless this says so. */
  readonly store?: boolean | undefined
}

/**
 * A request of `POST /v1/responses`. The route ignores `ttl` and JSON schemas silently (contract C4, H31), so neither
 * is offered here.
 */
export interface ResponsesRequest {
  readonly model: string
  readonly input: string | ReadonlyArray<ResponsesInput>
  readonly instructions?: string | undefined
  readonly previousResponseId?: string | undefined
  readonly store?: boolean | undefined
  readonly temperature?: number | undefined
  readonly maxOutputTokens?: number | undefined
  readonly reasoningEffort?: string | undefined
  readonly tools?: ReadonlyArray<{
    readonly name: string
    readonly description: string
    readonly parameters: Record<string, unknown>
  }>
}

export type ResponsesInput =
  | { readonly type: "message"; readonly role: "user" | "system" | "assistant"; readonly content: string }
  | { readonly type: "function_call"; readonly callId: string; readonly name: string; readonly arguments: string }
  | { readonly type: "function_call_output"; readonly callId: string; readonly output: string }

export interface ResponsesReply extends ChatReply {
  readonly id: string
  readonly status: string
}

/**
 * State of a download. `status` is kept as it comes; `downloading`, `paused`, `completed`, `failed` and
 * `already_downloaded` are known.
 */
export interface DownloadStatus {
  readonly jobId: string | undefined
  readonly status: string
  readonly totalBytes: number | undefined
  readonly downloadedBytes: number | undefined
  readonly bytesPerSecond: number | undefined
}

/**
 * Time limits of one request; a field left out takes the configured value. `firstByte` is long by default, because
 * LM Studio sends nothing while it processes the prompt.
 */
export interface RequestLimits {
  readonly connect?: Duration.DurationInput | undefined
  readonly firstByte?: Duration.DurationInput | undefined
  readonly betweenBytes?: Duration.DurationInput | undefined
  readonly total?: Duration.DurationInput | undefined
}

export type ApiError = LmStudioError | CircuitOpen

/**
 * One method per thing LM Studio can do over HTTP. Transient failures are retried and counted by the breaker of the
 * call's operation class (`Resilience`); nothing is repeated once output was delivered. Methods never load a model by
 * themselves: that is `ModelLifecycle`'s business. Interrupting a call closes its socket at once.
 */
export class LmStudioApi extends Context.Tag("@lms-bridge/core/lmstudio/LmStudioApi")<
  LmStudioApi,
  {
    /** Who answers at the configured address. Found out at the first call and kept; a failure is not kept. */
    readonly server: Effect.Effect<ServerInfo, ApiError>
    /** `GET /lmstudio-greeting`, else the dialect's model list: the cheapest sign of life. Starts nothing. */
    readonly ping: Effect.Effect<ServerInfo, ApiError>
    /**
     * Whether the server wants an API token; fails with `Unauthorized` when it wants one and ours is missing or refused.
     * With a token of ours it takes two requests, one of them without it.
     */
    readonly access: Effect.Effect<Access, ApiError>
    /** All models the server lists, with their loaded instances. One cheap GET. */
    readonly models: Effect.Effect<ReadonlyArray<ApiModel>, ApiError>
    /**
     * `POST /v1/chat/completions` with `stream: true`. The last event is always `Completed`; a stream that ends any
     * other way fails. Fails with `WrongModelAnswered` when the reply comes from a model that `model` cannot mean.
     */
    readonly chatStream: (request: ChatRequest, limits?: RequestLimits) => Stream.Stream<ChatEvent, ApiError>
    /**
     * `POST /api/v1/chat` with `stream: true`: the only route that tells how far the model is loaded and the prompt
     * processed. It gives no reason for the reply's end. A model that it loads has LM Studio's own TTL of 60 minutes, so
     * ensure it first.
     */
    readonly nativeChatStream: (
      request: NativeChatRequest,
      limits?: RequestLimits
    ) => Stream.Stream<ChatEvent, ApiError>
    /** `chatStream`, collected. */
    readonly chat: (request: ChatRequest, limits?: RequestLimits) => Effect.Effect<ChatReply, ApiError>
    /**
     * `chat` that is listened to: `onEvent` gets each event, in order and before the next one is read. When it fails, the
     * request ends with its failure.
     */
    readonly chatWith: <E>(
      request: ChatRequest,
      onEvent: (event: ChatEvent) => Effect.Effect<void, E>,
      limits?: RequestLimits
    ) => Effect.Effect<ChatReply, ApiError | E>
    /** `POST /v1/completions`: no chat template. */
    readonly complete: (request: CompletionRequest, limits?: RequestLimits) => Effect.Effect<Completion, ApiError>
    /** `POST /v1/embeddings`. LM Studio cuts texts beyond the loaded context silently (H34). */
    readonly embed: (
      request: {
        readonly model: string
        readonly input: ReadonlyArray<string>
        readonly ttlSeconds?: number | undefined
      },
      limits?: RequestLimits
    ) => Effect.Effect<Embeddings, ApiError>
    /** `POST /v1/responses`, collected. */
    readonly respond: (request: ResponsesRequest, limits?: RequestLimits) => Effect.Effect<ResponsesReply, ApiError>
    /**
     * `POST /api/v1/models/load`. Blocks until the model is in memory. Not idempotent: loading a loaded key adds a
     * second copy `key:2`. Gives no TTL. Only `ModelLifecycle` should call it.
     */
    readonly load: (key: string, options?: LoadOptions) => Effect.Effect<ApiLoaded, ApiError>
    /** `POST /api/v1/models/unload`. Takes an instance id. */
    readonly unload: (instanceId: string) => Effect.Effect<void, ApiError>
    /** `POST /api/v1/models/download`: starts one, or says that the model is there. */
    readonly download: (model: string, quantization?: string) => Effect.Effect<DownloadStatus, ApiError>
    /** `GET /api/v1/models/download/status/:job_id`. */
    readonly downloadStatus: (jobId: string) => Effect.Effect<DownloadStatus, ApiError>
  }
>() {
  /** The client must not add limits of its own: undici gives up after 300 s without headers unless it is told otherwise. */
  static readonly layer: Layer.Layer<LmStudioApi, never, HttpClient.HttpClient | Settings | Resilience> = Layer.scoped(
    this,
    Api.make
  )
}
