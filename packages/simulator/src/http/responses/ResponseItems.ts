/** The input and output items of `/v1/responses`, and the whole body around them. */
import type { Completed } from "../../model/Generation.ts"
import * as Json from "../../internal/json.ts"
import type { PromptMessage, PromptTool } from "../../model/SimulatedModel.ts"

export interface View {
  readonly id: string
  readonly created: number
  readonly model: string
  /** The request, whose settings the reply repeats. */
  readonly body: Json.JsonObject
  /** The prompt was cached: then LM Studio reports no input tokens. */
  readonly chained: boolean
  readonly oddTopP: boolean
  readonly ids: {
    readonly reasoning: string
    readonly message: string
    readonly call: (index: number) => string
    readonly callId: (index: number) => string
  }
}

export const messagesOf = (input: unknown): ReadonlyArray<PromptMessage> => {
  if (typeof input === "string") return [{ role: "user", text: input, images: 0, toolCalls: [] }]
  return Json.arrayOf(input).map(Json.objectOf).map(messageOf)
}

export const toolOf = (entry: unknown): ReadonlyArray<PromptTool> => {
  const tool = Json.objectOf(entry)
  const name = Json.stringOf(tool["name"])
  return tool["type"] !== "function" || name === undefined
    ? []
    : [
        {
          name,
          description: Json.stringOf(tool["description"]) ?? "",
          parameters: Json.objectOf(tool["parameters"])
        }
      ]
}

/** The message that a later request with `previous_response_id` adds to its conversation. */
export const answerOf = (view: View, completed: Completed): PromptMessage => ({
  role: "assistant",
  text: completed.text,
  images: 0,
  toolCalls: completed.toolCalls.map((call, index) => ({ ...call, id: view.ids.callId(index) }))
})

export const reasoningItem = (view: View, text: string | undefined) => ({
  id: view.ids.reasoning,
  type: "reasoning",
  status: text === undefined ? "in_progress" : "completed",
  summary: [],
  content: text === undefined ? [] : [{ type: "reasoning_text", text }]
})

export const messageItem = (view: View, text: string | undefined) => ({
  id: view.ids.message,
  type: "message",
  status: text === undefined ? "in_progress" : "completed",
  content: text === undefined ? [] : [{ type: "output_text", text, annotations: [], logprobs: [] }],
  role: "assistant"
})

export const callItem = (view: View, index: number, name: string, text: string | undefined) => ({
  id: view.ids.call(index),
  call_id: view.ids.callId(index),
  type: "function_call",
  name,
  arguments: text ?? "",
  status: text === undefined ? "in_progress" : "completed"
})

/** The body in progress (`completed` undefined) and when it is complete. */
export const responseBody = (view: View, completed?: Completed, completedAt: number | null = null) => {
  const { body } = view
  const short = completed?.finishReason === "length"
  return {
    id: view.id,
    object: "response",
    created_at: view.created,
    completed_at: completedAt,
    status: completed === undefined ? "in_progress" : short ? "incomplete" : "completed",
    incomplete_details: short ? { reason: "max_output_tokens" } : null,
    model: view.model,
    previous_response_id: body["previous_response_id"] ?? null,
    instructions: body["instructions"] ?? null,
    output: completed === undefined ? [] : outputOf(view, completed),
    error: null,
    tools: body["tools"] ?? [],
    tool_choice: body["tool_choice"] ?? "auto",
    truncation: "auto",
    parallel_tool_calls: true,
    // A json_schema in `text.format` is silently ignored; only this field shows it.
    text: { format: { type: "text" } },
    top_p: view.oddTopP ? false : (body["top_p"] ?? 0.8),
    presence_penalty: 0,
    frequency_penalty: 1.1,
    top_logprobs: 0,
    temperature: body["temperature"] ?? 0.8,
    reasoning: { summary: null, effort: Json.objectOf(body["reasoning"])["effort"] ?? null },
    usage: completed === undefined || completed.usage === null ? null : usageOf(view, completed.usage),
    max_output_tokens: body["max_output_tokens"] ?? null,
    max_tool_calls: null,
    store: body["store"] ?? true,
    background: false,
    service_tier: "default",
    metadata: {},
    safety_identifier: null,
    prompt_cache_key: null
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const outputOf = (view: View, completed: Completed) => [
  ...(completed.reasoning === "" ? [] : [reasoningItem(view, completed.reasoning)]),
  ...(completed.text === "" && completed.toolCalls.length > 0 ? [] : [messageItem(view, completed.text)]),
  ...completed.toolCalls.map((call, index) => callItem(view, index, call.name, call.arguments))
]

const usageOf = (view: View, usage: NonNullable<Completed["usage"]>) => {
  const input = view.chained ? 0 : usage.prompt
  return {
    input_tokens: input,
    output_tokens: usage.completion,
    total_tokens: input + usage.completion,
    input_tokens_details: { cached_tokens: view.chained ? usage.prompt : 0 },
    output_tokens_details: { reasoning_tokens: usage.reasoning }
  }
}

const messageOf = (item: Json.JsonObject): PromptMessage => {
  if (item["type"] === "function_call") {
    return {
      role: "assistant",
      text: "",
      images: 0,
      toolCalls: [
        {
          id: Json.stringOf(item["call_id"]) ?? "",
          name: Json.stringOf(item["name"]) ?? "",
          arguments: Json.stringOf(item["arguments"]) ?? ""
        }
      ]
    }
  }
  if (item["type"] === "function_call_output") {
    const output = item["output"]
    return {
      role: "tool",
      text: typeof output === "string" ? output : Json.stringify(output ?? ""),
      images: 0,
      toolCalls: [],
      toolCallId: Json.stringOf(item["call_id"])
    }
  }
  const content = item["content"]
  const parts = typeof content === "string" ? [{ text: content }] : Json.arrayOf(content).map(Json.objectOf)
  const role = item["role"]
  return {
    role: role === "assistant" ? "assistant" : role === "system" || role === "developer" ? "system" : "user",
    text: parts.map((part) => Json.stringOf(Json.objectOf(part)["text"]) ?? "").join(""),
    images: parts.filter((part) => Json.objectOf(part)["type"] === "input_image").length,
    toolCalls: []
  }
}
