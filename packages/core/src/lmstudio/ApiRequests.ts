/** Requests and replies of the routes that generate text or vectors. */
import type * as Duration from "effect/Duration"
import type { ChatReply, Usage } from "./Chat.ts"

export interface EmbeddingsRequest {
  readonly model: string
  readonly input: ReadonlyArray<string>
  readonly ttlSeconds?: number | undefined
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

/** A request to `POST /api/v1/chat`, which takes no history, no tools from the caller and no TTL (contract A1). */
export interface NativeChatRequest {
  readonly model: string
  readonly input: string
  readonly systemPrompt?: string | undefined
  readonly temperature?: number | undefined
  readonly maxOutputTokens?: number | undefined
  /** One of the model's `reasoningOptions`. */
  readonly reasoning?: string | undefined
  readonly previousResponseId?: string | undefined
  /** Whether LM Studio stores the reply for `previousResponseId`; by default it does not. */
  readonly store?: boolean | undefined
}

/**
 * A request to `POST /v1/responses`. The route silently ignores `ttl` and JSON schemas (contract C4, H31), so neither
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
 * Time limits of one request; an omitted field takes the configured value. `firstByte` is long by default, because
 * LM Studio sends nothing while it processes the prompt.
 */
export interface RequestLimits {
  readonly connect?: Duration.DurationInput | undefined
  readonly firstByte?: Duration.DurationInput | undefined
  readonly betweenBytes?: Duration.DurationInput | undefined
  readonly total?: Duration.DurationInput | undefined
}
