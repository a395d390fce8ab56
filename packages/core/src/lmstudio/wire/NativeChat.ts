/** `POST /api/v1/chat` as a stream (contract A1, A2): its events, converted to those of the chat route. */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { parseJson } from "../../internal/parseJson.ts"
import type { NativeChatRequest } from "../ApiRequests.ts"
import { type Delta, type Frame, usageIn } from "./ChatWire.ts"
import { errorOf } from "./ErrorBody.ts"
import { Count, open, present } from "../../schema/Fields.ts"
import type { ServerSentEvent } from "./ServerSentEvents.ts"

/**
 * Replies are not stored unless requested: they would stay on disk for 30 days, and a damaged store fails every
 * request (H18). The body is strict; a TTL is refused.
 */
export const encodeRequest = (request: NativeChatRequest): Record<string, unknown> =>
  present({
    model: request.model,
    input: request.input,
    system_prompt: request.systemPrompt,
    temperature: request.temperature,
    max_output_tokens: request.maxOutputTokens,
    reasoning: request.reasoning,
    previous_response_id: request.previousResponseId,
    store: request.store ?? false,
    stream: true
  })

/**
 * The frames of one event. An `error` does not end the stream, but the reply is lost, so everything after it is
 * ignored.
 */
export const decodeFrames = ({ data, event }: ServerSentEvent): ReadonlyArray<Frame> => {
  const body = parseJson(data)
  if (body === undefined && data.startsWith("{")) return [{ _tag: "Broken", text: data.slice(0, 200) }]
  const told = Option.getOrUndefined(decodeEvent(body))
  switch (told?.type ?? event) {
    case "chat.start":
      return [chunk({ model: told?.model_instance_id })]
    case "model_load.progress":
      return [{ _tag: "Progress", event: { _tag: "ModelLoading", progress: shareIn(told?.progress) } }]
    case "prompt_processing.progress":
      return [{ _tag: "Progress", event: { _tag: "PromptProcessing", progress: shareIn(told?.progress) } }]
    case "reasoning.delta":
      return [chunk({ delta: { reasoning_content: told?.content, tool_calls: [] } })]
    case "message.delta":
      return [chunk({ delta: { content: told?.content, tool_calls: [] } })]
    case "error":
      return [{ _tag: "Fault", facts: errorOf(data) }]
    case "chat.end":
      return [
        chunk({
          model: told?.result?.model_instance_id,
          usage: usageIn({
            prompt_tokens: told?.result?.stats?.input_tokens,
            completion_tokens: told?.result?.stats?.total_output_tokens,
            completion_tokens_details: { reasoning_tokens: told?.result?.stats?.reasoning_output_tokens }
          })
        }),
        { _tag: "Done" }
      ]
    default:
      return [{ _tag: "Noise" }]
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const decodeEvent = Schema.decodeUnknownOption(
  Schema.Struct({
    type: open(Schema.String),
    model_instance_id: open(Schema.String),
    progress: open(Schema.Number),
    content: open(Schema.String),
    result: open(
      Schema.Struct({
        model_instance_id: open(Schema.String),
        stats: open(Schema.Struct({ input_tokens: Count, total_output_tokens: Count, reasoning_output_tokens: Count }))
      })
    )
  })
)

/** Limited to 0..1. */
const shareIn = (progress: number | undefined) => Math.min(1, Math.max(0, progress ?? 0))

type ChunkOf = Extract<Frame, { readonly _tag: "Chunk" }>["chunk"]

const chunk = ({ delta, ...more }: Omit<Partial<ChunkOf>, "choices"> & { readonly delta?: Delta }): Frame => ({
  _tag: "Chunk",
  chunk: { ...more, choices: delta === undefined ? [] : [{ delta }] }
})
