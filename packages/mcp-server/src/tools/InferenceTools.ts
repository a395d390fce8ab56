/**
 * Tools that ask a model directly, without tools of its own.
 */
import { type ChatEvent, type ChatMessage, tokensPerSecond } from "@lms-bridge/core/LmStudioApi"
import type { Image } from "@lms-bridge/core/Images"
import { type ModelLease, ModelLifecycle } from "@lms-bridge/core/ModelLifecycle"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { brief, maxTokens, model, option, optional } from "./Fields.ts"
import { loadProgress } from "./ModelTools.ts"
import { percent } from "../runs/RunProgress.ts"
import * as Tool from "./Tool.ts"

export const JsonObject = Schema.Record({ key: Schema.String, value: Schema.Unknown })

/** OpenAI's `response_format`. LM Studio has no `json_object` (contract C2): it becomes a schema of any object. */
const ResponseFormat = Schema.Union(
  Schema.Struct({ type: Schema.Literal("text", "json_object") }),
  Schema.Struct({
    type: Schema.Literal("json_schema"),
    json_schema: Schema.Struct({
      name: optional(Schema.String),
      schema: JsonObject,
      strict: optional(Schema.Union(Schema.Boolean, Schema.String)),
      description: optional(Schema.String)
    })
  })
).annotations({
  ...brief("object"),
  message: () => ({
    message:
      'give {"type":"text"}, {"type":"json_object"}, or {"type":"json_schema","json_schema":{"schema":{…}}} with a JSON Schema',
    override: true
  })
})

export const Completion = Schema.Struct({
  content: Schema.String,
  reasoning: optional(Schema.String),
  model: Schema.String,
  finishReason: Schema.String,
  usage: optional(Schema.Struct({ inputTokens: Schema.Int, outputTokens: Schema.Int })),
  tokensPerSecond: optional(Schema.Number)
})

export const textOf = ({ content, finishReason }: typeof Completion.Type): ReadonlyArray<string> => [
  content,
  ...(finishReason === "length" ? ["The reply was cut off at max_tokens; ask for more."] : [])
]

export const chatCompletion = Tool.make({
  name: "chat_completion",
  title: "Ask a local model",
  description:
    "A local model answers one prompt, without tools and without memory. Use it to summarise, classify, extract or draft from text that the prompt contains; not where files, web pages or servers are needed.",
  elsewhere: { autonomous_with_mcp: "For those, autonomous_with_mcp." },
  annotations: Tool.looks,
  long: true,
  input: Schema.Struct({
    prompt: Schema.NonEmptyString,
    system_prompt: optional(Schema.String),
    temperature: option(Schema.Number.pipe(Schema.between(0, 2)), "Lower is steadier", 0.7),
    max_tokens: maxTokens("Thinking included", 1024),
    response_format: option(ResponseFormat, "As OpenAI's: text, json_object or json_schema"),
    model
  }),
  output: Completion,
  text: textOf,
  handler: (asked, progress) =>
    Effect.flatMap(ModelLifecycle, (lifecycle) =>
      lifecycle.withModel(asked.model, { ability: "chat", onProgress: loadProgress(progress) })((lease) =>
        ask(lease, asked, progress)
      )
    )
})

export const tools = [chatCompletion]

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Asked {
  readonly prompt: string
  readonly system_prompt?: string
  readonly temperature?: number
  readonly max_tokens?: number | "auto"
  readonly response_format?: typeof ResponseFormat.Type
}

export const ask = Effect.fnUntraced(function* (
  lease: ModelLease,
  asked: Asked,
  progress: Tool.Progress,
  images: ReadonlyArray<Image> = []
) {
  const format = asked.response_format
  const system: ReadonlyArray<ChatMessage> =
    asked.system_prompt === undefined || asked.system_prompt === ""
      ? []
      : [{ role: "system", content: asked.system_prompt }]
  const request = {
    messages: [...system, { role: "user" as const, content: contentOf(asked.prompt, images) }],
    temperature: asked.temperature ?? 0.7,
    maxTokens: asked.max_tokens === "auto" ? undefined : (asked.max_tokens ?? 1024),
    responseSchema: format === undefined ? undefined : schemaOf(format)
  }
  const reply = yield* lease.chatWith(request, watching(progress))
  const speed = tokensPerSecond(reply)
  return {
    content: reply.content,
    ...(reply.reasoning === "" ? {} : { reasoning: reply.reasoning }),
    model: reply.model,
    finishReason: reply.finishReason,
    ...(reply.usage === undefined
      ? {}
      : { usage: { inputTokens: reply.usage.inputTokens, outputTokens: reply.usage.outputTokens } }),
    ...(speed === undefined ? {} : { tokensPerSecond: Math.round(speed * 10) / 10 })
  }
})

const contentOf = (prompt: string, images: ReadonlyArray<Image>) =>
  images.length === 0
    ? prompt
    : [...images.map(({ dataUrl }) => ({ type: "image" as const, dataUrl })), { type: "text" as const, text: prompt }]

const schemaOf = (format: typeof ResponseFormat.Type) => {
  switch (format.type) {
    case "text":
      return undefined
    case "json_object":
      return { name: "answer", schema: { type: "object" } }
    case "json_schema":
      return { name: format.json_schema.name ?? "answer", schema: { ...format.json_schema.schema } }
  }
}

const watching = (progress: Tool.Progress) => {
  let characters = 0
  return (event: ChatEvent): Effect.Effect<void> => {
    switch (event._tag) {
      case "ModelLoading":
        return progress.note(
          event.progress === undefined ? "the model is loading" : `the model is loading, ${percent(event.progress)}`
        )
      case "PromptProcessing":
        return progress.note(`the model is reading, ${percent(event.progress)}`)
      case "ReasoningDelta":
        return progress.note("the model is thinking")
      case "TextDelta":
        characters += event.text.length
        return progress.note(`the model is writing, ${characters} characters`)
      case "ToolCallStarted":
      case "ToolCallDelta":
      case "Completed":
        return Effect.void
    }
  }
}
