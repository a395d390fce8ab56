/**
 * Tools for text completion, stateful responses, embeddings, and the check of a JSON Schema.
 */
import { SchemaReview } from "@lms-bridge/core/AgentLoop"
import { LmStudioApi } from "@lms-bridge/core/LmStudioApi"
import { Embedder } from "@lms-bridge/core/ModelCatalog"
import { ModelLifecycle } from "@lms-bridge/core/ModelLifecycle"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { stringify } from "@lms-bridge/core/Json"
import { type anyTokens, brief, maxTokens, model, option, optional } from "./Fields.ts"
import { JsonObject } from "./InferenceTools.ts"
import { loadProgress } from "./ModelTools.ts"
import * as Tool from "./Tool.ts"

const Usage = optional(Schema.Struct({ inputTokens: Schema.Int, outputTokens: Schema.Int }))

const usageOf = (usage: { readonly inputTokens: number; readonly outputTokens: number } | undefined) =>
  usage === undefined ? {} : { usage: { inputTokens: usage.inputTokens, outputTokens: usage.outputTokens } }

const temperature = option(Schema.Number.pipe(Schema.between(0, 2)), "Lower is steadier", 0.7)

const tokens = (asked: typeof anyTokens.Type | undefined) => (asked === "auto" ? undefined : (asked ?? 1024))

export const textCompletion = Tool.make({
  name: "text_completion",
  title: "Complete a text",
  description:
    "A local model continues a text as it stands, without a chat template. Use it with base models, or to complete code and prose.",
  elsewhere: { chat_completion: "For questions, chat_completion." },
  annotations: Tool.looks,
  long: true,
  input: Schema.Struct({
    prompt: Schema.NonEmptyString,
    temperature,
    max_tokens: maxTokens("Longest text", 1024),
    stop_sequences: optional(Schema.Array(Schema.NonEmptyString)),
    model
  }),
  output: Schema.Struct({ text: Schema.String, model: Schema.String, finishReason: Schema.String, usage: Usage }),
  listed: [],
  text: ({ finishReason, text }) => [
    text,
    ...(finishReason === "length" ? ["The text was cut off at max_tokens; ask for more."] : [])
  ],
  handler: Effect.fnUntraced(function* (asked, progress) {
    const api = yield* LmStudioApi
    const lifecycle = yield* ModelLifecycle
    return yield* lifecycle.withModel(asked.model, { ability: "chat", onProgress: loadProgress(progress) })((lease) =>
      Effect.gen(function* () {
        const { instanceId } = yield* lease.ensured
        yield* progress.note("the model is writing")
        const { usage, ...rest } = yield* api.complete({
          model: instanceId,
          prompt: asked.prompt,
          temperature: asked.temperature ?? 0.7,
          maxTokens: tokens(asked.max_tokens),
          stop: asked.stop_sequences
        })
        return { text: rest.text, model: rest.model, finishReason: rest.finishReason, ...usageOf(usage) }
      })
    )
  })
})

const notStreamed = "The answer came as a whole: a tool's result cannot be streamed; progress notifications are."

export const createResponse = Tool.make({
  name: "create_response",
  title: "Ask in a conversation that LM Studio keeps",
  description:
    "A local model answers in a conversation that LM Studio keeps: pass the id of an answer as previous_response_id to continue it. Use it for several turns on one subject.",
  elsewhere: { chat_completion: "For a single question, chat_completion." },
  annotations: { destructiveHint: false, openWorldHint: false },
  long: true,
  input: Schema.Struct({
    input_text: Schema.NonEmptyString,
    previous_response_id: optional(Schema.NonEmptyString),
    max_tokens: maxTokens("Longest answer"),
    stream: option(Schema.Boolean, "Accepted; the answer comes as a whole", false),
    model
  }),
  output: Schema.Struct({
    id: Schema.String,
    output_text: Schema.String,
    reasoning: optional(Schema.String),
    model: Schema.String,
    status: Schema.String,
    usage: Usage,
    note: optional(Schema.String)
  }),
  listed: [],
  // the route's own name
  aliases: { max_output_tokens: "max_tokens" },
  text: ({ id, note, output_text, status }) => [
    output_text,
    ...(status === "incomplete" ? ["The reply was cut off at max_tokens; ask for more."] : []),
    `previous_response_id to continue: ${id}`,
    ...(note === undefined ? [] : [note])
  ],
  handler: Effect.fnUntraced(function* ({ input_text, max_tokens, model, previous_response_id, stream }, progress) {
    const api = yield* LmStudioApi
    const lifecycle = yield* ModelLifecycle
    return yield* lifecycle.withModel(model, { ability: "chat", onProgress: loadProgress(progress) })((lease) =>
      Effect.gen(function* () {
        const { instanceId } = yield* lease.ensured
        yield* progress.note("the model is writing")
        const reply = yield* api.respond({
          model: instanceId,
          input: input_text,
          // without it, LM Studio sets no limit
          maxOutputTokens: max_tokens === "auto" ? undefined : max_tokens,
          previousResponseId: previous_response_id
        })
        return {
          id: reply.id,
          output_text: reply.content,
          ...(reply.reasoning === "" ? {} : { reasoning: reply.reasoning }),
          model: reply.model,
          status: reply.status,
          ...usageOf(reply.usage),
          ...(stream === true ? { note: notStreamed } : {})
        }
      })
    )
  })
})

const Texts = Schema.Union(Schema.NonEmptyString, Schema.Array(Schema.NonEmptyString).pipe(Schema.minItems(1)))

export const generateEmbeddings = Tool.make({
  name: "generate_embeddings",
  title: "Turn text into vectors",
  description:
    "Turns texts into vectors with a local embedding model, in OpenAI's format. Use it to build or query a search index; the vectors are long and say nothing to a reader.",
  annotations: Tool.looks,
  long: true,
  input: Schema.Struct({
    text: Texts.annotations({ jsonSchema: { type: ["string", "array"], items: { type: "string" } } }),
    model: option(Schema.String, "An embedding model's key; by default a loaded or the smallest one")
  }),
  output: Schema.Struct({
    object: Schema.Literal("list"),
    data: Schema.Array(
      Schema.Struct({
        object: Schema.Literal("embedding"),
        index: Schema.Int,
        embedding: Schema.Array(Schema.Number)
      })
    ).annotations(brief("array")),
    model: Schema.String,
    note: optional(Schema.String)
  }),
  listed: [],
  text: (result) => [stringify(result)],
  handler: Effect.fnUntraced(function* ({ model, text }, progress) {
    const embedder = yield* Embedder
    const texts = typeof text === "string" ? [text] : text
    const { contextLength, tooLong, ...embedded } = yield* embedder.embed(texts, {
      model,
      onProgress: loadProgress(progress)
    })
    return {
      object: "list" as const,
      data: embedded.vectors.map((embedding, index) => ({ object: "embedding" as const, index, embedding })),
      model: embedded.model,
      ...(tooLong.length === 0
        ? {}
        : {
            note: `LM Studio silently cuts texts beyond ${contextLength ?? 0} tokens; this seems to be so for number ${tooLong.map((index) => index + 1).join(", ")}.`
          })
    }
  })
})

export const validateSchema = Tool.make({
  name: "validate_json_schema",
  title: "Check a JSON Schema",
  description:
    "Checks whether LM Studio can hold a reply to a JSON Schema, and names what it cannot. Use it before a schema goes into response_format; it asks no model.",
  annotations: Tool.looks,
  input: Schema.Struct({ schema: JsonObject }),
  output: Schema.Struct({
    valid: Schema.Boolean,
    errors: Schema.Array(Schema.String),
    warnings: Schema.Array(Schema.String)
  }),
  listed: [],
  text: ({ errors, valid, warnings }) => [
    [valid ? "The schema is valid." : "The schema cannot be used.", ...errors, ...warnings].join("\n")
  ],
  handler: ({ schema }) => Effect.succeed(SchemaReview.review(schema))
})

export const tools: ReadonlyArray<Tool.Tool<LmStudioApi | ModelLifecycle | Embedder>> = [
  textCompletion,
  createResponse,
  generateEmbeddings,
  validateSchema
]

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------
