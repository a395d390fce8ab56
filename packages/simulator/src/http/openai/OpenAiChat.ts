/**
 * `POST /v1/chat/completions` and its v0 sibling (contract B, C2): whole replies, streams, and errors inside streams.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { present } from "@lms-bridge/core/Json"
import type { ModelOnDisk } from "../../state/Catalogue.ts"
import type { Completed, EngineFault, Piece, ToolCall } from "../../model/Generation.ts"
import * as Generation from "../../model/Generation.ts"
import { base36 } from "../../internal/ids.ts"
import * as Json from "../../internal/json.ts"
import type { Instance } from "../../state/LmStudioState.ts"
import type { Turn } from "../../model/Script.ts"
import type { Settings } from "../../Settings.ts"
import * as ErrorBody from "../ErrorBody.ts"
import type { Exchange, Handler } from "../Exchange.ts"
import { bodyOf, generate } from "../Exchange.ts"
import * as LegacyStats from "./LegacyStats.ts"
import * as RouterModels from "../router/RouterFaults.ts"
import * as ModelResolution from "../ModelResolution.ts"
import { answerSchemaOf, messagesOf, toolsOf } from "./OpenAiMessages.ts"
import type { Reply, Cut } from "../Reply.ts"
import { ApiFault, cut, events, json } from "../Reply.ts"
import type { Frame } from "../ServerSentEvents.ts"
import * as Sse from "../ServerSentEvents.ts"

export const chatCompletions: Handler = (exchange) => chat(exchange, "v1")

export const legacyChatCompletions: Handler = (exchange) => chat(exchange, "v0")

const chat = Effect.fnUntraced(function* ({ request, world, ...rest }: Exchange, api: "v0" | "v1") {
  const body = yield* bodyOf({ request, world, ...rest })
  const messages = yield* messagesOf(body)
  const { toolChoice, tools } = yield* toolsOf(body)
  const answerSchema = yield* answerSchemaOf(body)
  const instance = yield* ModelResolution.resolveLenient(world.state, {
    name: Json.stringOf(body["model"]) ?? "",
    type: "llm",
    ttlMs: ttlOf(body)
  })
  const settings = yield* world.state.settings
  const { generation, onDisk } = yield* generate(world, {
    instance,
    prompt: { model: instance.key, messages, tools, toolChoice, answerSchema },
    maxTokens: Json.numberOf(body["max_tokens"]) ?? Json.numberOf(body["max_completion_tokens"]),
    stop: stopsOf(body["stop"])
  }).pipe(Effect.mapError((fault) => engineFault(fault, settings)))
  const view: View = {
    id: `chatcmpl-${yield* base36(21)}`,
    created: Math.floor((yield* Clock.currentTimeMillis) / 1000),
    model: generation.turn.model ?? instance.id,
    reasoningIn: reasoningPlace(generation.turn, onDisk, settings),
    settings,
    legacy: api === "v0" && onDisk !== undefined ? { onDisk, instance } : undefined
  }
  if (body["stream"] !== true) return yield* whole(view, generation)
  const includeUsage = Json.objectOf(body["stream_options"])["include_usage"] === true
  return events(Sse.encode(generation.turn.chunking)(frames(view, generation, includeUsage)))
})

/** The field for a reply's reasoning: the script's, else the model's own, or tags when separation is off. */
export const reasoningPlace = (
  turn: Turn,
  onDisk: ModelOnDisk | undefined,
  settings: Settings
): "reasoning_content" | "reasoning" | "think" =>
  turn.reasoningIn ?? (settings.separateReasoning ? (onDisk?.reasoningField ?? "reasoning_content") : "think")

/** Converts seconds to milliseconds; a value that is not a positive number is silently ignored. */
export const ttlOf = (body: Json.JsonObject): number | undefined => {
  const ttl = Json.numberOf(body["ttl"])
  return ttl !== undefined && ttl > 0 ? ttl * 1000 : undefined
}

export const stopsOf = (stop: unknown): ReadonlyArray<string> =>
  typeof stop === "string" ? [stop] : Json.arrayOf(stop).filter((entry) => typeof entry === "string")

/** How the OpenAI routes report an engine failure before a reply has begun. */
export const engineFault = (fault: EngineFault, settings: Settings): ApiFault => {
  switch (fault.kind) {
    case "overflow":
      return settings.overflow === "string"
        ? ErrorBody.bare(400, fault.text)
        : new ApiFault({ status: 400, body: { error: exceedsContext(fault) } })
    case "gone":
      if (settings.api === "llama-router") return RouterModels.fault(500, fault.text, "server_error")
      return fault.type === undefined
        ? ErrorBody.bare(400, fault.text)
        : ErrorBody.openAi(400, fault.text, { type: fault.type })
    case "script":
      return ErrorBody.openAi(500, fault.text, { type: "internal_error", code: "script_fault" })
    case "scripted":
      return ErrorBody.openAi(fault.status ?? 400, fault.text, {
        ...ErrorBody.scriptedType(fault),
        ...present({ code: fault.code })
      })
  }
}

/** The frame of an error inside a stream that has begun with HTTP 200. */
export const errorFrame = (fault: EngineFault, settings: Settings): Frame => {
  if (fault.kind === "gone" && settings.api === "llama-router") return { data: fault.text, bare: true }
  if (fault.kind === "overflow" && settings.overflow === "engine") {
    return Sse.frame({ error: exceedsContext(fault) }, "error")
  }
  return settings.streamErrors === "string"
    ? Sse.frame({ error: fault.text }, "error")
    : Sse.frame(
        {
          error: { message: fault.text, ...present({ type: fault.type }) },
          message: fault.text
        },
        "error"
      )
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface View {
  readonly id: string
  readonly created: number
  readonly model: string
  readonly reasoningIn: "reasoning_content" | "reasoning" | "think"
  readonly settings: Settings
  readonly legacy: { readonly onDisk: ModelOnDisk; readonly instance: Instance } | undefined
}

const exceedsContext = (fault: EngineFault) => ({
  code: 400,
  message: ErrorBody.overflowText("available", fault.promptTokens ?? 0, fault.contextLength ?? 0),
  type: "exceed_context_size_error",
  n_prompt_tokens: fault.promptTokens ?? 0,
  n_ctx: fault.contextLength ?? 0
})

const whole = (view: View, generation: Generation.Generation): Effect.Effect<Reply, ApiFault> =>
  Generation.collect(generation).pipe(
    Effect.map((completed) => json(200, wholeBody(view, completed))),
    Effect.catchTags({
      SimulatedCut: () => Effect.succeed(cut),
      SimulatedEngineFault: (fault) => engineFault(fault, view.settings)
    })
  )

const wholeBody = (view: View, completed: Completed) => ({
  id: view.id,
  object: "chat.completion",
  created: view.created,
  model: view.model,
  choices: [
    {
      index: 0,
      message: messageOf(view, completed),
      logprobs: null,
      finish_reason: completed.finishReason
    }
  ],
  ...(completed.usage === null ? {} : { usage: usageBody(completed.usage) }),
  ...(view.legacy === undefined ? { stats: {} } : LegacyStats.of(view.legacy, completed)),
  system_fingerprint: view.model
})

const messageOf = (view: View, completed: Completed) => {
  const { reasoning, text, toolCalls } = completed
  const content = view.reasoningIn === "think" ? thinkTags(reasoning) + text : text
  return {
    role: "assistant",
    ...(view.settings.toolCallsWithoutContent && toolCalls.length > 0 ? {} : { content }),
    ...(view.reasoningIn === "reasoning_content" ? { reasoning_content: reasoning } : {}),
    ...(view.reasoningIn === "reasoning" && reasoning !== "" ? { reasoning } : {}),
    tool_calls: toolCalls.map(({ arguments: text, id, name }) => ({
      type: "function",
      id,
      function: { name, arguments: text }
    }))
  }
}

const thinkTags = (reasoning: string) => (reasoning === "" ? "" : `<think>\n${reasoning}\n</think>\n\n`)

/** `usage` of chat completions. */
export const usageBody = (usage: NonNullable<Completed["usage"]>) => ({
  prompt_tokens: usage.prompt,
  completion_tokens: usage.completion,
  total_tokens: usage.prompt + usage.completion,
  completion_tokens_details: { reasoning_tokens: usage.reasoning }
})

const frames = (
  view: View,
  { pieces, turn }: Generation.Generation,
  includeUsage: boolean
): Stream.Stream<Frame, Cut> => {
  const chunk = (choices: ReadonlyArray<unknown>, facts: object = {}) =>
    Sse.frame({
      id: view.id,
      object: "chat.completion.chunk",
      created: view.created,
      model: view.model,
      system_fingerprint: view.model,
      choices,
      ...facts
    })
  const delta = (content: object, finishReason: string | null = null) =>
    chunk([{ index: 0, delta: content, logprobs: null, finish_reason: finishReason }])
  const extra = turn.chunking?.emptyChoices === true ? [chunk([])] : []
  const render = (state: Position, piece: Piece): readonly [Position, ReadonlyArray<Frame>] => {
    const role = state.begun ? {} : { role: "assistant" }
    const begun = { ...state, begun: true }
    switch (piece._tag) {
      case "PromptProgress":
        return [state, []]
      case "Reasoning":
        return view.reasoningIn === "think"
          ? [
              { ...begun, thinking: true },
              [delta({ ...role, content: (state.thinking ? "" : "<think>\n") + piece.text }), ...extra]
            ]
          : [begun, [delta({ ...role, [view.reasoningIn]: piece.text }), ...extra]]
      case "Text":
        return [
          { ...begun, thinking: false },
          [delta({ ...role, content: (state.thinking ? "\n</think>\n\n" : "") + piece.text }), ...extra]
        ]
      case "ToolCall":
        return [begun, [delta({ ...role, tool_calls: [callStart(piece.index, piece.call)] }), ...extra]]
      case "ToolArguments":
        return [
          begun,
          [
            delta({
              tool_calls: [
                turn.chunking?.emptyNames === true
                  ? { index: piece.index, id: null, type: null, function: { name: "", arguments: piece.text } }
                  : { index: piece.index, function: { arguments: piece.text } }
              ]
            })
          ]
        ]
      case "Done":
        return [
          begun,
          [
            ...(state.thinking ? [delta({ content: "\n</think>\n\n" })] : []),
            ...(state.begun ? [] : [delta({ role: "assistant", content: "" })]),
            ...lastFrames(view, piece.completed, chunk, includeUsage),
            ...(turn.withoutDone ? [] : [Sse.done])
          ]
        ]
    }
  }
  return pieces.pipe(
    Stream.mapAccum<Position, Piece, ReadonlyArray<Frame>>({ begun: false, thinking: false }, render),
    Stream.flattenIterables,
    Stream.catchTag("SimulatedEngineFault", (fault) => Stream.succeed(errorFrame(fault, view.settings)))
  )
}

interface Position {
  readonly begun: boolean
  /** Inside `<think>` tags. */
  readonly thinking: boolean
}

const callStart = (index: number, call: ToolCall) => ({
  index,
  id: call.id,
  type: "function",
  function: { name: call.name, arguments: "" }
})

const lastFrames = (
  view: View,
  completed: Completed,
  chunk: (choices: ReadonlyArray<unknown>, facts?: object) => Frame,
  includeUsage: boolean
): ReadonlyArray<Frame> => [
  chunk(
    [{ index: 0, delta: {}, logprobs: null, finish_reason: completed.finishReason }],
    view.legacy === undefined ? {} : LegacyStats.of(view.legacy, completed)
  ),
  ...(includeUsage && completed.usage !== null ? [chunk([], { usage: usageBody(completed.usage) })] : [])
]
