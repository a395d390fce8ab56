/** LM Studio's HTTP interface: native v1, legacy v0, plain OpenAI or llama.cpp's router, whichever the server speaks. */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Stream from "effect/Stream"
import type { ChatEvent, ChatReply, ChatRequest } from "./Chat.ts"
import type { Settings } from "../configuration/Settings.ts"
import type { Resilience } from "../resilience/Resilience.ts"
import * as Api from "./http/Api.ts"
import type { ServerInfo, ApiModel } from "./ApiModel.ts"
import {
  type Access,
  type LoadOptions,
  type ApiLoaded,
  type DownloadStatus,
  type EngineFacts,
  type LoadStart,
  type Places
} from "./ApiModel.ts"
import type {
  Embeddings,
  CompletionRequest,
  Completion,
  NativeChatRequest,
  ResponsesRequest,
  ResponsesReply,
  RequestLimits,
  EmbeddingsRequest
} from "./ApiRequests.ts"
import type { ApiError } from "./LmStudioError.ts"

/**
 * One method per thing LM Studio can do over HTTP. Transient failures are retried and counted by the breaker of the
 * call's operation class (`Resilience`); nothing is repeated once output was delivered. Methods never load a model by
 * themselves: that is the task of `ModelLifecycle`. Interrupting a call closes its socket at once.
 */
export class LmStudioApi extends Context.Tag("@lms-bridge/core/lmstudio/LmStudioApi")<
  LmStudioApi,
  {
    /** The server at the configured address. Found out on the first call and cached; a failure is not cached. */
    readonly server: Effect.Effect<ServerInfo, ApiError>
    /** `GET /lmstudio-greeting`, else the dialect's model list: the cheapest sign of life. Starts nothing. */
    readonly ping: Effect.Effect<ServerInfo, ApiError>
    /**
     * Whether the server requires an API token; fails with `Unauthorized` when it does and ours is missing or refused.
     * If a token is configured, this takes two requests, one of them without it.
     */
    readonly access: Effect.Effect<Access, ApiError>
    /** All models the server lists, with their loaded instances. One cheap GET. */
    readonly models: Effect.Effect<ReadonlyArray<ApiModel>, ApiError>
    /**
     * `POST /v1/chat/completions` with `stream: true`. The last event is always `Completed`; a stream that ends in any
     * other way fails. Fails with `WrongModelAnswered` when the reply comes from a model that `model` cannot mean.
     */
    readonly chatStream: (request: ChatRequest, limits?: RequestLimits) => Stream.Stream<ChatEvent, ApiError>
    /**
     * `POST /api/v1/chat` with `stream: true`: the only route that reports the progress of loading the model and of
     * processing the prompt. It gives no finish reason. A model that it loads gets LM Studio's own TTL of 60 minutes,
     * so ensure it first.
     */
    readonly nativeChatStream: (
      request: NativeChatRequest,
      limits?: RequestLimits
    ) => Stream.Stream<ChatEvent, ApiError>
    /** `chatStream`, collected. */
    readonly chat: (request: ChatRequest, limits?: RequestLimits) => Effect.Effect<ChatReply, ApiError>
    /**
     * `chat` with an observer: `onEvent` gets each event, in order and before the next one is read. When `onEvent`
     * fails, the request ends with its failure.
     */
    readonly chatWith: <E>(
      request: ChatRequest,
      onEvent: (event: ChatEvent) => Effect.Effect<void, E>,
      limits?: RequestLimits
    ) => Effect.Effect<ChatReply, ApiError | E>
    /** `POST /v1/completions`: no chat template. */
    readonly complete: (request: CompletionRequest, limits?: RequestLimits) => Effect.Effect<Completion, ApiError>
    /** `POST /v1/embeddings`. LM Studio silently cuts texts that exceed the loaded context (H34). */
    readonly embed: (request: EmbeddingsRequest, limits?: RequestLimits) => Effect.Effect<Embeddings, ApiError>
    /** `POST /v1/responses`, collected. */
    readonly respond: (request: ResponsesRequest, limits?: RequestLimits) => Effect.Effect<ResponsesReply, ApiError>
    /**
     * `POST /api/v1/models/load`. Blocks until the model is in memory. Not idempotent: loading a loaded key adds a
     * second copy `key:2`. Sets no TTL. Only `ModelLifecycle` should call it.
     */
    readonly load: (key: string, options?: LoadOptions) => Effect.Effect<ApiLoaded, ApiError>
    /**
     * Only llama.cpp's router: `POST /models/load`, which answers at once and loads afterwards; `models` shows when it is
     * done, and how it failed. Whoever hears `begun` is the one who loaded it. Only `ModelLifecycle` should call it.
     */
    readonly beginLoad: (key: string) => Effect.Effect<LoadStart, ApiError>
    /**
     * Only llama.cpp's router: whether a model in memory is at work; undefined where the server does not tell. Wakes a
     * sleeping one, and returns when it is awake. Loads none.
     */
    readonly rouse: (key: string) => Effect.Effect<{ readonly busy: boolean | undefined }, ApiError>
    /** Only llama.cpp's server, with one model or many: what it runs a model with. Empty where it does not tell. */
    readonly engine: (key: string) => Effect.Effect<EngineFacts, ApiError>
    /** Only llama.cpp's router: for how many models it has a place. */
    readonly places: Effect.Effect<Places, ApiError>
    /** `POST /api/v1/models/unload`, or the router's `POST /models/unload`. Takes an instance id. */
    readonly unload: (instanceId: string) => Effect.Effect<void, ApiError>
    /** `POST /api/v1/models/download`: starts a download, or reports that the model is already there. */
    readonly download: (model: string, quantization?: string) => Effect.Effect<DownloadStatus, ApiError>
    /** `GET /api/v1/models/download/status/:job_id`. */
    readonly downloadStatus: (jobId: string) => Effect.Effect<DownloadStatus, ApiError>
  }
>() {
  /** The client must not add limits of its own: by default, undici gives up after 300 s without headers. */
  static readonly layer: Layer.Layer<LmStudioApi, never, HttpClient.HttpClient | Settings | Resilience> = Layer.scoped(
    this,
    Api.make
  )
}
