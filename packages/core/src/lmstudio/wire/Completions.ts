/** `POST /v1/completions` and `POST /v1/embeddings` (contract C3). */
import * as Schema from "effect/Schema"
import type { Completion, CompletionRequest, Embeddings, EmbeddingsRequest } from "../ApiRequests.ts"
import { usageIn } from "./ChatWire.ts"
import { open, present } from "../../schema/Fields.ts"

export const encodeCompletion = (request: CompletionRequest): Record<string, unknown> =>
  present({
    model: request.model,
    prompt: request.prompt,
    max_tokens: request.maxTokens,
    temperature: request.temperature,
    stop: request.stop,
    ttl: request.ttlSeconds
  })

export const CompletionBody = Schema.Struct({
  model: open(Schema.String),
  choices: Schema.NonEmptyArray(Schema.Struct({ text: open(Schema.String), finish_reason: open(Schema.String) })),
  usage: Schema.optional(Schema.Unknown)
})

export const fromCompletion = (body: typeof CompletionBody.Type): Completion => ({
  model: body.model ?? "",
  text: body.choices[0].text ?? "",
  finishReason: body.choices[0].finish_reason ?? "",
  usage: usageIn(body.usage)
})

export const encodeEmbeddings = (request: EmbeddingsRequest): Record<string, unknown> =>
  present({ model: request.model, input: request.input, ttl: request.ttlSeconds })

export const EmbeddingsBody = Schema.Struct({
  model: open(Schema.String),
  data: Schema.Array(Schema.Struct({ index: open(Schema.NonNegativeInt), embedding: Schema.Array(Schema.Number) })),
  usage: Schema.optional(Schema.Unknown)
})

/** In the order of the input, whatever the order of the reply is. */
export const fromEmbeddings = (body: typeof EmbeddingsBody.Type): Embeddings => ({
  model: body.model ?? "",
  vectors: body.data
    .map(({ embedding, index }, at) => ({ embedding, index: index ?? at }))
    .toSorted((a, b) => a.index - b.index)
    .map(({ embedding }) => embedding),
  usage: usageIn(body.usage)
})
