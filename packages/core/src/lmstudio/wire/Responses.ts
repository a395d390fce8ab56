/** `POST /v1/responses` (contract C4). Its limit is `max_output_tokens`; `max_tokens` would be silently ignored. */
import * as Schema from "effect/Schema"
import type { ResponsesInput, ResponsesReply, ResponsesRequest } from "../ApiRequests.ts"
import { Count, open, openArray, present } from "../../schema/Fields.ts"

export const encodeRequest = (request: ResponsesRequest): Record<string, unknown> =>
  present({
    model: request.model,
    input: typeof request.input === "string" ? request.input : request.input.map(encodeInput),
    instructions: request.instructions,
    previous_response_id: request.previousResponseId,
    store: request.store,
    temperature: request.temperature,
    max_output_tokens: request.maxOutputTokens,
    reasoning: request.reasoningEffort === undefined ? undefined : { effort: request.reasoningEffort },
    tools: request.tools?.map(({ description, name, parameters }) => ({
      type: "function",
      name,
      description,
      parameters
    }))
  })

export const Body = Schema.Struct({
  id: Schema.String,
  model: open(Schema.String),
  status: open(Schema.String),
  incomplete_details: open(Schema.Struct({ reason: open(Schema.String) })),
  output: openArray(
    Schema.Struct({
      type: Schema.String,
      content: openArray(Schema.Struct({ text: open(Schema.String) })),
      id: open(Schema.String),
      call_id: open(Schema.String),
      name: open(Schema.String),
      arguments: open(Schema.String)
    })
  ),
  usage: open(
    Schema.Struct({
      input_tokens: Count,
      output_tokens: Count,
      input_tokens_details: open(Schema.Struct({ cached_tokens: Count })),
      output_tokens_details: open(Schema.Struct({ reasoning_tokens: Count }))
    })
  )
})

/** `millis` is the duration of the request; the route does not report when the first token came. */
export const fromBody = (body: typeof Body.Type, millis: number): ResponsesReply => {
  const textOf = (type: string) =>
    body.output
      .filter((item) => item.type === type)
      .flatMap(({ content }) => content.map(({ text }) => text ?? ""))
      .join("")
  const toolCalls = body.output
    .filter(({ type }) => type === "function_call")
    .map((item, index) => ({
      id: item.call_id ?? item.id ?? `${body.id}_${index}`,
      name: item.name ?? "",
      arguments: item.arguments ?? ""
    }))
  return {
    id: body.id,
    status: body.status ?? "",
    model: body.model ?? "",
    content: textOf("message"),
    reasoning: textOf("reasoning"),
    toolCalls,
    finishReason: finishReasonOf(body, toolCalls.length),
    ...present({
      usage:
        body.usage === undefined
          ? undefined
          : {
              inputTokens: body.usage.input_tokens ?? 0,
              outputTokens: body.usage.output_tokens ?? 0,
              ...present({
                reasoningTokens: body.usage.output_tokens_details?.reasoning_tokens,
                reusedTokens: body.usage.input_tokens_details?.cached_tokens
              })
            }
    }),
    firstTokenMillis: millis,
    totalMillis: millis
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** In the terms of the chat route. */
const finishReasonOf = (body: typeof Body.Type, calls: number): string => {
  if (body.incomplete_details?.reason === "max_output_tokens") return "length"
  if (body.status !== undefined && body.status !== "completed") return body.incomplete_details?.reason ?? body.status
  return calls > 0 ? "tool_calls" : "stop"
}

const encodeInput = (item: ResponsesInput): Record<string, unknown> => {
  switch (item.type) {
    case "message":
      return { role: item.role, content: item.content }
    case "function_call":
      return { type: "function_call", call_id: item.callId, name: item.name, arguments: item.arguments }
    case "function_call_output":
      return { type: "function_call_output", call_id: item.callId, output: item.output }
  }
}
