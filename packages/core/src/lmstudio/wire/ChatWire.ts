/** `POST /v1/chat/completions` (contract C2): the request body, and the events of a stream. */
import * as Predicate from "effect/Predicate"
import { parseJson } from "../../internal/parseJson.ts"
import { stringify } from "../../json/ExactJson.ts"
import type { ChatEvent, ChatMessage, ChatRequest, Usage } from "../Chat.ts"
import { errorIn, errorOf, type ErrorFacts } from "./ErrorBody.ts"
import { present } from "../../schema/Fields.ts"
import type { ServerSentEvent } from "./ServerSentEvents.ts"

/**
 * The request as LM Studio accepts it: `tool_choice` as a string, `response_format` as a JSON schema, never a null
 * `content`, never an empty tool id (the next request would be refused, H11).
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

/** One piece of a stream, or a whole reply. Reasoning comes under two names. */
export interface Delta {
  readonly content?: string | undefined
  readonly reasoning_content?: string | undefined
  readonly reasoning?: string | undefined
  readonly tool_calls: ReadonlyArray<CallPiece>
}

export interface CallPiece {
  readonly index?: number | undefined
  readonly id?: string | undefined
  readonly function?: { readonly name?: string | undefined; readonly arguments?: string | undefined } | undefined
}

/** A `chat.completion.chunk`, or a whole `chat.completion` (which has `message` for `delta`). */
export interface Chunk {
  readonly id?: string | undefined
  readonly model?: string | undefined
  readonly choices: ReadonlyArray<{
    readonly delta?: Delta | undefined
    readonly message?: Delta | undefined
    readonly finish_reason?: string | undefined
  }>
  readonly usage?: Usage | undefined
}

/**
 * An event of a stream. `Broken` began like JSON but is not: as the last event it was cut off, elsewhere it is an
 * error.
 */
export type Frame =
  | { readonly _tag: "Chunk"; readonly chunk: Chunk }
  /** Something to show that is not part of the reply. */
  | { readonly _tag: "Progress"; readonly event: ChatEvent }
  | { readonly _tag: "Done" }
  | { readonly _tag: "Fault"; readonly facts: ErrorFacts }
  | { readonly _tag: "Broken"; readonly text: string }
  | { readonly _tag: "Noise" }

/** Errors come as `event: error` or as data with `error`, after HTTP 200, as a string or as an object (H15). */
export const decodeFrame = ({ data, event }: ServerSentEvent): Frame => {
  const text = data.trim()
  if (text === "[DONE]") return { _tag: "Done" }
  if (event === "error") return { _tag: "Fault", facts: errorOf(text) }
  if (!text.startsWith("{")) return { _tag: "Noise" }
  const body = parseJson(text)
  return body === undefined ? { _tag: "Broken", text: text.slice(0, 200) } : decodeReply(body)
}

/**
 * A JSON body: an error, or a reply. Decoded leniently (`Open`) and by hand: a schema would take more time for the
 * pieces of a reply than everything else that is done with them.
 */
export const decodeReply = (body: unknown): Frame => {
  if (!Predicate.isReadonlyRecord(body)) return { _tag: "Noise" }
  const facts = errorIn(body)
  return facts._tag === "Some" ? { _tag: "Fault", facts: facts.value } : { _tag: "Chunk", chunk: chunkOf(body) }
}

/** The `usage` of a reply; llama.cpp says in `timings` what it has reused of the prompt. */
export const usageIn = (value: unknown, timings?: unknown): Usage | undefined => {
  if (!Predicate.isReadonlyRecord(value)) return undefined
  const counted = (details: unknown, field: string) =>
    Predicate.isReadonlyRecord(details) ? countIn(details[field]) : undefined
  const reasoningTokens = counted(value["completion_tokens_details"], "reasoning_tokens")
  const reusedTokens = counted(value["prompt_tokens_details"], "cached_tokens") ?? counted(timings, "cache_n")
  return {
    inputTokens: countIn(value["prompt_tokens"]) ?? 0,
    outputTokens: countIn(value["completion_tokens"]) ?? 0,
    ...present({ reasoningTokens, reusedTokens })
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Fields = { readonly [key: string]: unknown }

const chunkOf = (body: Fields): Chunk => ({
  id: textIn(body["id"]),
  model: textIn(body["model"]),
  choices: recordsIn(body["choices"]).map((choice) => ({
    delta: deltaIn(choice["delta"]),
    message: deltaIn(choice["message"]),
    finish_reason: textIn(choice["finish_reason"])
  })),
  usage: usageIn(body["usage"], body["timings"])
})

const deltaIn = (value: unknown): Delta | undefined =>
  Predicate.isReadonlyRecord(value)
    ? {
        content: partsIn(value["content"], false),
        reasoning_content: textIn(value["reasoning_content"]) ?? partsIn(value["content"], true),
        reasoning: textIn(value["reasoning"]),
        tool_calls: recordsIn(value["tool_calls"]).map((call) => {
          const { function: called, id, index } = call
          return {
            index: indexIn(index),
            id: textIn(id),
            function: Predicate.isReadonlyRecord(called)
              ? { name: textIn(called["name"]), arguments: argumentsIn(called["arguments"]) }
              : undefined
          }
        })
      }
    : undefined

/** Some servers send text in parts, as requests do; thoughts are parts with their own type. */
const partsIn = (value: unknown, thoughts: boolean): string | undefined => {
  if (!Array.isArray(value)) return thoughts ? undefined : textIn(value)
  const texts = value.flatMap((part: unknown) => {
    if (!Predicate.isReadonlyRecord(part)) return (thoughts ? undefined : textIn(part)) ?? []
    if (/think|reason/.test(textIn(part["type"]) ?? "") !== thoughts) return []
    return partsIn(part["text"] ?? part["thinking"] ?? part["reasoning"], false) ?? []
  })
  return texts.length === 0 ? undefined : texts.join("")
}

const textIn = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined)

/** Some servers write the arguments as an object instead of a string. */
const argumentsIn = (value: unknown): string | undefined =>
  Predicate.isReadonlyRecord(value) ? stringify(value) : textIn(value)

/** May be a string. */
const indexIn = (value: unknown): number | undefined =>
  countIn(typeof value === "string" && /^\d{1,4}$/.test(value) ? Number(value) : value)

const countIn = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined

const recordsIn = (value: unknown): ReadonlyArray<Fields> =>
  Array.isArray(value) ? value.filter(Predicate.isReadonlyRecord) : []

/** Calls without an id are given one, and so are, in the same order, the results that answer them. */
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
