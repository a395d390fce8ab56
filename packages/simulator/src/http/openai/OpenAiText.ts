/** `POST /v1/completions` and `/v1/embeddings` with their v0 siblings (contract B, C3). */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Generation from "../../model/Generation.ts"
import { base36 } from "../../internal/ids.ts"
import * as Json from "../../internal/json.ts"
import * as ErrorBody from "../ErrorBody.ts"
import type { Exchange, Handler } from "../Exchange.ts"
import { bodyOf, generate } from "../Exchange.ts"
import * as LegacyStats from "./LegacyStats.ts"
import * as ModelResolution from "../ModelResolution.ts"
import { engineFault, errorFrame, stopsOf, ttlOf, usageBody } from "./OpenAiChat.ts"
import { cut, events, json } from "../Reply.ts"
import * as Sse from "../ServerSentEvents.ts"
import * as Vectors from "./Vectors.ts"

export const completions: Handler = (exchange) => complete(exchange, "v1")

export const legacyCompletions: Handler = (exchange) => complete(exchange, "v0")

export const embeddings: Handler = Effect.fnUntraced(function* (exchange) {
  const { state } = exchange.world
  const body = yield* bodyOf(exchange)
  const input = body["input"]
  const texts = typeof input === "string" ? [input] : Json.arrayOf(input).filter((entry) => typeof entry === "string")
  if (texts.length === 0) return yield* ErrorBody.bare(400, "'input' field must be a string or an array of strings")
  const instance = yield* ModelResolution.resolveLenient(state, {
    name: Json.stringOf(body["model"]) ?? "",
    type: "embedding",
    ttlMs: ttlOf(body)
  })
  const { api, promptProcessing } = yield* state.settings
  const { models } = yield* state.get
  const onDisk = models.find((model) => model.key === instance.key)
  if (onDisk?.embeds === false) return yield* api === "llama-router" ? withoutEmbeddings : ModelResolution.wrongDomain
  const vectors = yield* Effect.gen(function* () {
    const occupation = yield* state.occupy(instance.id)
    yield* occupation.setStatus("computingEmbedding")
    yield* Effect.raceFirst(Effect.sleep(promptProcessing), occupation.gone)
    // Text beyond the context is silently cut.
    return texts.map((text) => Vectors.of(text.slice(0, instance.contextLength * 4)))
  }).pipe(
    Effect.scoped,
    Effect.mapError((gone) => ErrorBody.bare(400, gone.message))
  )
  const quantization = onDisk?.quantization.name.toLowerCase()
  return json(200, {
    object: "list",
    data: vectors.map((embedding, index) => ({ object: "embedding", embedding, index })),
    model: quantization === undefined ? instance.id : `${instance.id}@${quantization}`,
    usage: { prompt_tokens: 0, total_tokens: 0 }
  })
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** llama.cpp's words, of a model that was not started for them. */
const withoutEmbeddings = ErrorBody.openAi(
  501,
  "This server does not support embeddings. Start it with `--embeddings`",
  { type: "not_supported_error" }
)

const complete = Effect.fnUntraced(function* (exchange: Exchange, api: "v0" | "v1") {
  const { world } = exchange
  const body = yield* bodyOf(exchange)
  const text = Json.stringOf(body["prompt"])
  if (text === undefined) return yield* ErrorBody.bare(400, "'prompt' field is required")
  const instance = yield* ModelResolution.resolveLenient(world.state, {
    name: Json.stringOf(body["model"]) ?? "",
    type: "llm",
    ttlMs: ttlOf(body)
  })
  const settings = yield* world.state.settings
  const { generation, onDisk } = yield* generate(world, {
    instance,
    prompt: {
      model: instance.key,
      messages: [{ role: "user", text, images: 0, toolCalls: [] }],
      tools: [],
      toolChoice: "none"
    },
    maxTokens: Json.numberOf(body["max_tokens"]),
    stop: stopsOf(body["stop"])
  }).pipe(Effect.mapError((fault) => engineFault(fault, settings)))
  const model = generation.turn.model ?? instance.id
  const frame = {
    id: `cmpl-${yield* base36(21)}`,
    object: "text_completion",
    created: Math.floor((yield* Clock.currentTimeMillis) / 1000),
    model
  }
  const choice = (part: string, finishReason: string | null) => [
    { index: 0, text: part, logprobs: null, finish_reason: finishReason }
  ]
  if (body["stream"] === true) {
    const frames = generation.pieces.pipe(
      Stream.mapConcat((piece) => {
        switch (piece._tag) {
          case "Text":
            return [Sse.frame({ ...frame, choices: choice(piece.text, null) })]
          case "Done":
            return [
              Sse.frame({ ...frame, choices: choice("", piece.completed.finishReason) }),
              ...(generation.turn.withoutDone ? [] : [Sse.done])
            ]
          default:
            return []
        }
      }),
      Stream.catchTag("SimulatedEngineFault", (fault) => Stream.succeed(errorFrame(fault, settings)))
    )
    return events(Sse.encode(generation.turn.chunking)(frames))
  }
  return yield* Generation.collect(generation).pipe(
    Effect.map((completed) =>
      json(200, {
        ...frame,
        choices: choice(completed.text, completed.finishReason),
        ...(completed.usage === null ? {} : { usage: usageBody(completed.usage) }),
        ...(api === "v1" || onDisk === undefined ? { stats: {} } : LegacyStats.of({ onDisk, instance }, completed))
      })
    ),
    Effect.catchTags({
      SimulatedCut: () => Effect.succeed(cut),
      SimulatedEngineFault: (fault) => engineFault(fault, settings)
    })
  )
})
