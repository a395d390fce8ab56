/**
 * `POST /v1/chat/completions` (contract C2): what is sent, and what a stream's events hold.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { ChatEvent, ChatMessage, ChatRequest, Usage } from "../Chat.ts"
import { errorIn, errorOf, type ErrorFacts } from "./ErrorBody.ts"
import { Count, open, openArray, present } from "./Open.ts"
import type { ServerSentEvent } from "./ServerSentEvents.ts"

/**
 * The request as LM Studio takes it: `tool_choice` a string, `response_format` a JSON schema, never a null `content`,
 * never an empty tool id (the next request would be refused, H11).
 *
 * @since 0.1.0
 * @category encoding
 */
export const encodeRequest = (request: ChatRequest): Record<string, unknown> =>
  present({
    model: request.model,
    messages: encodeMessages(request.messages),
    tools:
      request.tools === undefined || request.tools.length === 0
        ? undefined
        : request.tools.map(({ description, name, parameters }) => ({
            type: "function",
            function: { name, description, parameters }
          })),
    tool_choice: request.toolChoice,
    temperature: request.temperature,
    top_p: request.topP,
    max_tokens: request.maxTokens,
    stop: request.stop,
    seed: request.seed,
    response_format:
      request.responseSchema === undefined
        ? undefined
        : {
            type: "json_schema",
            json_schema: { name: request.responseSchema.name, strict: true, schema: request.responseSchema.schema }
          },
    ttl: request.ttlSeconds,
    stream: true,
    stream_options: { include_usage: true }
  })

/**
 * What one piece of a stream, or a whole reply, may say. Reasoning comes under two names.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Delta = Schema.Struct({
  content: open(Schema.String),
  reasoning_content: open(Schema.String),
  reasoning: open(Schema.String),
  tool_calls: openArray(
    Schema.Struct({
      index: open(Schema.NonNegativeInt),
      id: open(Schema.String),
      function: open(Schema.Struct({ name: open(Schema.String), arguments: open(Schema.String) }))
    })
  )
})
/**
 * @since 0.1.0
 * @category models
 */
export type Delta = typeof Delta.Type

/**
 * @since 0.1.0
 * @category schemas
 */
export const UsageBody = Schema.Struct({
  prompt_tokens: Count,
  completion_tokens: Count,
  completion_tokens_details: open(Schema.Struct({ reasoning_tokens: Count }))
})

/**
 * @since 0.1.0
 * @category decoding
 */
export const usageOf = (body: typeof UsageBody.Type | undefined): Usage | undefined =>
  body === undefined
    ? undefined
    : {
        inputTokens: body.prompt_tokens ?? 0,
        outputTokens: body.completion_tokens ?? 0,
        ...present({ reasoningTokens: body.completion_tokens_details?.reasoning_tokens })
      }

/**
 * A `chat.completion.chunk`, or a whole `chat.completion` (which has `message` for `delta`).
 *
 * @since 0.1.0
 * @category schemas
 */
export const Chunk = Schema.Struct({
  id: open(Schema.String),
  model: open(Schema.String),
  choices: openArray(Schema.Struct({ delta: open(Delta), message: open(Delta), finish_reason: open(Schema.String) })),
  usage: open(UsageBody)
})
/**
 * @since 0.1.0
 * @category models
 */
export type Chunk = typeof Chunk.Type

/**
 * What an event of a stream is. `Broken` began as JSON and is none: the last of a stream was cut, any other is wrong.
 *
 * @since 0.1.0
 * @category models
 */
export type Frame =
  | { readonly _tag: "Chunk"; readonly chunk: Chunk }
  /** Something to show that is no part of the reply. */
  | { readonly _tag: "Progress"; readonly event: ChatEvent }
  | { readonly _tag: "Done" }
  | { readonly _tag: "Fault"; readonly facts: ErrorFacts }
  | { readonly _tag: "Broken"; readonly text: string }
  | { readonly _tag: "Noise" }

/**
 * Errors come as `event: error` or as data with `error`, after HTTP 200, as a text or as an object (H15).
 *
 * @since 0.1.0
 * @category decoding
 */
export const decodeFrame = ({ data, event }: ServerSentEvent): Frame => {
  const text = data.trim()
  if (text === "[DONE]") return { _tag: "Done" }
  if (event === "error") return { _tag: "Fault", facts: errorOf(text) }
  if (!text.startsWith("{")) return { _tag: "Noise" }
  return Either.match(parse(text), {
    onLeft: () => ({ _tag: "Broken", text: text.slice(0, 200) }),
    onRight: (body) => decodeReply(body)
  })
}

/**
 * A JSON body: an error, or a reply.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decodeReply = (body: unknown): Frame => {
  const facts = errorIn(body)
  if (facts._tag === "Some") return { _tag: "Fault", facts: facts.value }
  return Either.match(decodeChunk(body), {
    onLeft: () => ({ _tag: "Noise" }),
    onRight: (chunk) => ({ _tag: "Chunk", chunk })
  })
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const parse = Schema.decodeEither(Schema.parseJson())

const decodeChunk = Schema.decodeUnknownEither(Chunk)

/** Calls without an id are given one, and so are, in their order, the results that answer them. */
const encodeMessages = (messages: ReadonlyArray<ChatMessage>): ReadonlyArray<Record<string, unknown>> => {
  const unanswered: Array<string> = []
  return messages.map((message, at) => {
    switch (message.role) {
      case "system":
        return { role: "system", content: message.content }
      case "user":
        return {
          role: "user",
          content:
            typeof message.content === "string"
              ? message.content
              : message.content.map((part) =>
                  part.type === "text"
                    ? { type: "text", text: part.text }
                    : { type: "image_url", image_url: { url: part.dataUrl } }
                )
        }
      case "assistant":
        return {
          role: "assistant",
          content: message.content,
          ...(message.toolCalls.length === 0
            ? {}
            : {
                tool_calls: message.toolCalls.map((call, index) => {
                  const id = call.id === "" ? `call_${at}_${index}` : call.id
                  if (call.id === "") unanswered.push(id)
                  return { id, type: "function", function: { name: call.name, arguments: call.arguments } }
                })
              })
        }
      case "tool":
        return {
          role: "tool",
          tool_call_id: message.toolCallId === "" ? (unanswered.shift() ?? `call_${at}`) : message.toolCallId,
          content: message.content
        }
    }
  })
}
