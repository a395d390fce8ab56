/**
 * `POST /v1/messages` (contract D): Anthropic's format, no state, no visible thinking. Its error bodies are not on
 * record; here they are those of the OpenAI routes.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Completed, Piece } from "../../model/Generation.ts"
import * as Generation from "../../model/Generation.ts"
import { base36 } from "../../internal/ids.ts"
import * as Json from "../../internal/json.ts"
import type { PromptMessage, PromptTool } from "../../model/SimulatedModel.ts"
import type { Handler } from "../Exchange.ts"
import { bodyOf, generate } from "../Exchange.ts"
import * as ModelResolution from "../ModelResolution.ts"
import { engineFault, errorFrame, stopsOf } from "./OpenAiChat.ts"
import { promptTool } from "./OpenAiMessages.ts"
import { cut, events, json } from "../Reply.ts"
import type { Frame } from "../ServerSentEvents.ts"
import * as Sse from "../ServerSentEvents.ts"

export const messages: Handler = Effect.fnUntraced(function* (exchange) {
  const { world } = exchange
  const body = yield* bodyOf(exchange)
  const instance = yield* ModelResolution.resolveLenient(world.state, {
    name: Json.stringOf(body["model"]) ?? "",
    type: "llm"
  })
  const settings = yield* world.state.settings
  const choice = Json.objectOf(body["tool_choice"])["type"]
  const { generation } = yield* generate(world, {
    instance,
    prompt: {
      model: instance.key,
      messages: [...systemOf(body["system"]), ...Json.arrayOf(body["messages"]).flatMap(messageOf)],
      tools: choice === "none" ? [] : Json.arrayOf(body["tools"]).flatMap(toolOf),
      toolChoice: choice === "any" || choice === "tool" ? "required" : "auto"
    },
    maxTokens: Json.numberOf(body["max_tokens"]),
    stop: stopsOf(body["stop_sequences"])
  }).pipe(Effect.mapError((fault) => engineFault(fault, settings)))
  const id = `msg_${yield* base36(24)}`
  const model = generation.turn.model ?? instance.id
  if (body["stream"] === true) {
    const frames = Stream.make(
      event("message_start", {
        message: { ...envelope(id, model), content: [], stop_reason: null, usage: usageOf(undefined) }
      })
    ).pipe(
      Stream.concat(generation.pieces.pipe(Stream.mapAccum(closed, blockFrames), Stream.flattenIterables)),
      Stream.catchTag("SimulatedEngineFault", (fault) => Stream.succeed(errorFrame(fault, settings)))
    )
    return events(Sse.encode(generation.turn.chunking)(frames))
  }
  return yield* Generation.collect(generation).pipe(
    Effect.map((completed) =>
      json(200, {
        ...envelope(id, model),
        content: contentOf(completed),
        stop_reason: stopReason(completed),
        usage: usageOf(completed)
      })
    ),
    Effect.catchTags({
      SimulatedCut: () => Effect.succeed(cut),
      SimulatedEngineFault: (fault) => engineFault(fault, settings)
    })
  )
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const envelope = (id: string, model: string) => ({
  id,
  type: "message",
  role: "assistant",
  model,
  stop_sequence: null
})

const textOf = (content: unknown): string =>
  typeof content === "string"
    ? content
    : Json.arrayOf(content)
        .map((block) => Json.stringOf(Json.objectOf(block)["text"]) ?? "")
        .join("")

const systemOf = (system: unknown): ReadonlyArray<PromptMessage> =>
  system === undefined ? [] : [{ role: "system", text: textOf(system), images: 0, toolCalls: [] }]

const messageOf = (entry: unknown): ReadonlyArray<PromptMessage> => {
  const { content, role } = Json.objectOf(entry)
  const blocks = Json.arrayOf(content).map(Json.objectOf)
  const results = blocks.filter((block) => block["type"] === "tool_result")
  const others = blocks.length === 0 || blocks.length > results.length
  return [
    ...results.map((block) => ({
      role: "tool" as const,
      text: textOf(block["content"]),
      images: 0,
      toolCalls: [],
      toolCallId: Json.stringOf(block["tool_use_id"])
    })),
    ...(others
      ? [
          {
            role: role === "assistant" ? ("assistant" as const) : ("user" as const),
            text: textOf(content),
            images: blocks.filter((block) => block["type"] === "image").length,
            toolCalls: blocks
              .filter((block) => block["type"] === "tool_use")
              .map((block) => ({
                id: Json.stringOf(block["id"]) ?? "",
                name: Json.stringOf(block["name"]) ?? "",
                arguments: Json.stringify(block["input"] ?? {})
              }))
          }
        ]
      : [])
  ]
}

const toolOf = (entry: unknown): ReadonlyArray<PromptTool> => {
  const tool = Json.objectOf(entry)
  return promptTool(tool, tool["input_schema"])
}

const contentOf = (completed: Completed) => [
  ...(completed.text === "" ? [] : [{ type: "text", text: completed.text }]),
  ...completed.toolCalls.map((call) => ({
    type: "tool_use",
    id: call.id,
    name: call.name,
    input: inputOf(call.arguments)
  }))
]

const inputOf = (text: string): unknown => {
  const parsed = Json.parse(text)
  return parsed._tag === "Some" ? parsed.value : {}
}

const stopReason = (completed: Completed): string =>
  completed.finishReason === "length" ? "max_tokens" : completed.toolCalls.length > 0 ? "tool_use" : "end_turn"

const usageOf = (completed: Completed | undefined) => ({
  input_tokens: completed?.usage?.prompt ?? 0,
  output_tokens: completed?.usage?.completion ?? 0,
  cache_read_input_tokens: 0
})

const event = (type: string, facts: object = {}): Frame => Sse.frame({ type, ...facts }, type)

interface Open {
  readonly kind: "text" | "tool" | undefined
  readonly index: number
}

const closed: Open = { kind: undefined, index: -1 }

const stop = (open: Open): ReadonlyArray<Frame> => {
  if (open.kind === undefined) return []
  const end = event("content_block_stop", { index: open.index })
  // An empty text delta at the end is normal.
  return open.kind === "text" ? [textDelta(open.index, ""), end] : [end]
}

const textDelta = (index: number, text: string) =>
  event("content_block_delta", { index, delta: { type: "text_delta", text } })

const blockFrames = (open: Open, piece: Piece): readonly [Open, ReadonlyArray<Frame>] => {
  switch (piece._tag) {
    case "PromptProgress":
    case "Reasoning":
      return [open, []]
    case "Text": {
      if (open.kind === "text") return [open, [textDelta(open.index, piece.text)]]
      const index = open.index + 1
      return [
        { kind: "text", index },
        [
          ...stop(open),
          event("content_block_start", { index, content_block: { type: "text", text: "" } }),
          textDelta(index, piece.text)
        ]
      ]
    }
    case "ToolCall": {
      const index = open.index + 1
      const block = { type: "tool_use", id: piece.call.id, name: piece.call.name, input: {} }
      return [{ kind: "tool", index }, [...stop(open), event("content_block_start", { index, content_block: block })]]
    }
    case "ToolArguments":
      return [
        open,
        [
          event("content_block_delta", {
            index: open.index,
            delta: { type: "input_json_delta", partial_json: piece.text }
          })
        ]
      ]
    case "Done":
      return [
        { ...open, kind: undefined },
        [
          ...stop(open),
          event("message_delta", {
            delta: { stop_reason: stopReason(piece.completed), stop_sequence: null },
            usage: usageOf(piece.completed)
          }),
          event("message_stop")
        ]
      ]
  }
}
