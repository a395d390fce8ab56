/** `POST /v1/responses` (contract C4): stateful, with reasoning, message and function-call items, whole or streamed. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { present } from "@lms-bridge/core/Json"
import * as Generation from "../../model/Generation.ts"
import type { Completed, EngineFault } from "../../model/Generation.ts"
import { base36, digits, hex } from "../../internal/ids.ts"
import * as Json from "../../internal/json.ts"
import * as ToolsCheck from "../../model/ToolsCheck.ts"
import type { PromptMessage } from "../../model/SimulatedModel.ts"
import * as ErrorBody from "../ErrorBody.ts"
import type { Handler } from "../Exchange.ts"
import { bodyOf, generate } from "../Exchange.ts"
import * as ModelResolution from "../ModelResolution.ts"
import { damagedHistory } from "../native/NativeChatRequest.ts"
import type { ApiFault } from "../Reply.ts"
import { cut, events, json } from "../Reply.ts"
import * as Items from "./ResponseItems.ts"
import * as ResponseStream from "./ResponseStream.ts"
import * as Sse from "../ServerSentEvents.ts"

export const responses: Handler = Effect.fnUntraced(function* (exchange) {
  const { world } = exchange
  const body = yield* bodyOf(exchange)
  const choice = body["tool_choice"] ?? "auto"
  if (typeof choice !== "string") {
    return yield* ErrorBody.bare(
      400,
      `Invalid tool_choice type: '${typeof choice}'. Supported string values: none, auto, required`
    )
  }
  const functions = Json.arrayOf(body["tools"]).map((tool) =>
    Json.objectOf(tool)["type"] === "function" ? tool : nothing
  )
  const issue = ToolsCheck.issuesOf(functions, [])[0]
  if (issue !== undefined) {
    return yield* ErrorBody.openAi(400, "Invalid input", { param: `tools.${issue.path[0]}`, code: "custom" })
  }
  const earlier = yield* previous(exchange.world, body["previous_response_id"])
  const instance = yield* ModelResolution.resolveLenient(world.state, {
    name: Json.stringOf(body["model"]) ?? "",
    type: "llm"
  })
  const settings = yield* world.state.settings
  const instructions = Json.stringOf(body["instructions"])
  const messages: ReadonlyArray<PromptMessage> = [
    ...(instructions === undefined ? [] : [{ role: "system" as const, text: instructions, images: 0, toolCalls: [] }]),
    ...earlier.filter((message) => instructions === undefined || message.role !== "system"),
    ...Items.messagesOf(body["input"])
  ]
  const { generation } = yield* generate(world, {
    instance,
    prompt: {
      model: instance.key,
      messages,
      tools: choice === "none" ? [] : Json.arrayOf(body["tools"]).flatMap(Items.toolOf),
      toolChoice: choice === "none" || choice === "required" ? choice : "auto"
    },
    // `max_tokens` is an unknown key here, and ignored like any other.
    maxTokens: Json.numberOf(body["max_output_tokens"])
  }).pipe(Effect.mapError(engineFault))
  const created = Math.floor((yield* Clock.currentTimeMillis) / 1000)
  const view: Items.View = {
    id: `resp_${yield* hex(48)}`,
    created,
    model: generation.turn.model ?? instance.id,
    body,
    chained: earlier.length > 0,
    oddTopP: settings.oddResponses,
    ids: {
      reasoning: `rs_${yield* base36(22)}`,
      message: `msg_${yield* base36(22)}`,
      call: yield* Effect.map(base36(21), (stem) => (index: number) => `fc_${stem}${index}`),
      callId: yield* Effect.map(digits(9), (stem) => (index: number) => `call_${Number(stem) + index}`)
    }
  }
  const remember = (completed: Completed) =>
    body["store"] === false ? Effect.void : world.history.store(view.id, [...messages, Items.answerOf(view, completed)])
  if (body["stream"] === true) {
    return events(Sse.encode(generation.turn.chunking)(ResponseStream.frames(view, generation, remember)))
  }
  return yield* Generation.collect(generation).pipe(
    Effect.tap(remember),
    Effect.flatMap((completed) =>
      Effect.map(Clock.currentTimeMillis, (now) =>
        json(200, Items.responseBody(view, completed, Math.floor(now / 1000)))
      )
    ),
    Effect.catchTags({ SimulatedCut: () => Effect.succeed(cut), SimulatedEngineFault: engineFault })
  )
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Tools of other kinds are not checked. */
const nothing = { name: "" }

const previous = Effect.fnUntraced(function* (world: Parameters<Handler>[0]["world"], id: unknown) {
  const { historyCorrupt } = yield* world.state.settings
  if (historyCorrupt) {
    return yield* ErrorBody.openAi(500, damagedHistory(typeof id === "string" ? id : "node-0"), {
      type: "internal_error",
      code: "unknown"
    })
  }
  if (id === undefined || id === null) return []
  const found = typeof id === "string" ? yield* world.history.find(id) : undefined
  return (
    found ??
    (yield* ErrorBody.openAi(
      400,
      `Prediction history node with id '${String(id)}' not found while attempting to build chat history chain that includes this node.`,
      { param: "previous_response_id", code: "previous_response_not_found" }
    ))
  )
})

const engineFault = (fault: EngineFault): ApiFault =>
  fault.kind === "scripted"
    ? ErrorBody.openAi(fault.status ?? 400, fault.text, {
        ...ErrorBody.scriptedType(fault),
        ...present({ code: fault.code })
      })
    : ErrorBody.openAi(500, fault.text, { type: "internal_error", code: "unknown" })
