/** The types of a conversation with a model, independent of the LM Studio route that carries them. */
import * as Schema from "effect/Schema"
import { optional } from "../schema/Fields.ts"

/** A call that a model requested. `arguments` is the text exactly as the model wrote it: JSON, broken JSON or "". */
export const ToolCall = Schema.Struct({
  id: Schema.String,
  name: Schema.String,
  arguments: Schema.String
})
export type ToolCall = typeof ToolCall.Type

/** An image as LM Studio takes it: a `data:` URL with base64. */
export const ImagePart = Schema.Struct({ type: Schema.Literal("image"), dataUrl: Schema.String })
export const TextPart = Schema.Struct({ type: Schema.Literal("text"), text: Schema.String })

/** One message of the history that is sent with each request. */
export const ChatMessage = Schema.Union(
  Schema.Struct({ role: Schema.Literal("system"), content: Schema.String }),
  Schema.Struct({
    role: Schema.Literal("user"),
    content: Schema.Union(Schema.String, Schema.Array(Schema.Union(TextPart, ImagePart)))
  }),
  Schema.Struct({
    role: Schema.Literal("assistant"),
    content: Schema.String,
    toolCalls: Schema.Array(ToolCall),
    /** The reply as the model wrote it, where its calls were found in its text. */
    written: Schema.optionalWith(Schema.String, { exact: true })
  }),
  Schema.Struct({ role: Schema.Literal("tool"), toolCallId: Schema.String, content: Schema.String })
)
export type ChatMessage = typeof ChatMessage.Type

/** A tool as it is offered to a model. `parameters` is a JSON Schema object. */
export const ToolDefinition = Schema.Struct({
  name: Schema.String,
  description: Schema.String,
  parameters: Schema.Record({ key: Schema.String, value: Schema.Unknown })
})
export type ToolDefinition = typeof ToolDefinition.Type

/** Token counts as the server reports them; absent where it does not. */
export const Usage = Schema.Struct({
  inputTokens: Schema.NonNegativeInt,
  outputTokens: Schema.NonNegativeInt,
  reasoningTokens: optional(Schema.NonNegativeInt),
  /** Of `inputTokens`, those that the engine had read before and did not read again. */
  reusedTokens: optional(Schema.NonNegativeInt)
})
export type Usage = typeof Usage.Type

/** Why a reply ended. LM Studio may add values, so any string is kept; `stop`, `length` and `tool_calls` are known. */
export const FinishReason = Schema.String

/** A request to a model. `model` is a real model key or instance id, never `default`. */
export interface ChatRequest {
  readonly model: string
  readonly messages: ReadonlyArray<ChatMessage>
  readonly tools?: ReadonlyArray<ToolDefinition> | undefined
  /** LM Studio takes only strings; an object is refused (contract C2). */
  readonly toolChoice?: "auto" | "none" | "required" | undefined
  readonly temperature?: number | undefined
  readonly topP?: number | undefined
  readonly maxTokens?: number | undefined
  readonly stop?: ReadonlyArray<string> | undefined
  readonly seed?: number | undefined
  /** Answer in JSON that fits this schema; sent as `response_format: json_schema`. */
  readonly responseSchema?: { readonly name: string; readonly schema: Record<string, unknown> } | undefined
  /**
   * Idle seconds for a model that this very request loads just in time; no effect on a model that is already loaded.
   */
  readonly ttlSeconds?: number | undefined
}

/**
 * What happens while a reply streams in. Text and reasoning come as they are generated. A tool call is announced once
 * its name is known; the complete call is in the final `ChatReply`.
 */
export type ChatEvent =
  | { readonly _tag: "ModelLoading"; readonly progress?: number | undefined }
  | { readonly _tag: "PromptProcessing"; readonly progress: number }
  | { readonly _tag: "TextDelta"; readonly text: string }
  | { readonly _tag: "ReasoningDelta"; readonly text: string }
  | { readonly _tag: "ToolCallStarted"; readonly index: number; readonly name: string }
  /** A piece of the arguments, as it is generated. */
  | { readonly _tag: "ToolCallDelta"; readonly index: number; readonly text: string }
  | { readonly _tag: "Completed"; readonly reply: ChatReply }

/** A whole reply. `model` is the model that answered according to the server, which may not be the requested one. */
export const ChatReply = Schema.Struct({
  model: Schema.String,
  content: Schema.String,
  reasoning: Schema.String,
  toolCalls: Schema.Array(ToolCall),
  /** "" when the stream ended without saying why. */
  finishReason: FinishReason,
  usage: optional(Usage),
  /** Milliseconds from the request to the first generated piece, by our clock. */
  firstTokenMillis: Schema.NonNegative,
  /** Milliseconds from the request to the end of the reply, by our clock. */
  totalMillis: Schema.NonNegative
})
export type ChatReply = typeof ChatReply.Type

/** The events of a reply that arrived in one piece. */
export const eventsOf = (reply: ChatReply): ReadonlyArray<ChatEvent> => [
  ...(reply.reasoning === "" ? [] : [{ _tag: "ReasoningDelta", text: reply.reasoning } as const]),
  ...(reply.content === "" ? [] : [{ _tag: "TextDelta", text: reply.content } as const]),
  ...reply.toolCalls.map(({ name }, index) => ({ _tag: "ToolCallStarted", index, name }) as const),
  { _tag: "Completed", reply }
]

/** Generated tokens per second between the first token and the end; undefined when the server sent no usage. */
export const tokensPerSecond = (reply: ChatReply): number | undefined => {
  const millis = reply.totalMillis - reply.firstTokenMillis
  return reply.usage === undefined || millis <= 0 ? undefined : (reply.usage.outputTokens * 1000) / millis
}
