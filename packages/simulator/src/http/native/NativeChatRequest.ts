/** The request of `POST /api/v1/chat`, checked as strictly as by LM Studio (contract A1). */
import * as Effect from "effect/Effect"
import * as Json from "../../internal/json.ts"
import type { PromptMessage } from "../../model/SimulatedModel.ts"
import type { World } from "../../World.ts"
import * as ErrorBody from "../ErrorBody.ts"
import { findOnDisk, findInstance } from "../ModelResolution.ts"
import * as NativeModels from "./NativeModels.ts"
import type { ApiFault } from "../Reply.ts"

export interface NativeChatRequest {
  readonly model: string
  /** The whole conversation, including that of `previous_response_id`. */
  readonly messages: ReadonlyArray<PromptMessage>
  readonly stream: boolean
  readonly store: boolean
  readonly maxOutputTokens: number | undefined
  readonly contextLength: number | undefined
  /** One of the model's options. */
  readonly reasoning: string | undefined
}

const known = [
  "model",
  "input",
  "system_prompt",
  "integrations",
  "stream",
  "temperature",
  "top_p",
  "min_p",
  "top_k",
  "repeat_penalty",
  "max_output_tokens",
  "reasoning",
  "context_length",
  "store",
  "previous_response_id"
]

export const decode = Effect.fnUntraced(function* (world: World, body: Json.JsonObject) {
  yield* NativeModels.strict(known)(body)
  const model = yield* NativeModels.requiredString(body, "model")
  if (body["input"] === undefined) return yield* ErrorBody.missingParameter("input")
  const input = yield* inputOf(body["input"])
  for (const name of ["temperature", "top_p", "min_p"]) yield* fraction(body, name)
  const earlier = yield* previous(world, body["previous_response_id"])
  yield* checkReasoning(world, model, body["reasoning"])
  yield* checkIntegrations(world, body["integrations"])
  const system = Json.stringOf(body["system_prompt"])
  const request: NativeChatRequest = {
    model,
    messages: [
      ...(system === undefined ? [] : [{ role: "system" as const, text: system, images: 0, toolCalls: [] }]),
      ...earlier.filter((message) => system === undefined || message.role !== "system"),
      input
    ],
    stream: (yield* NativeModels.boolean(body, "stream")) ?? false,
    store: (yield* NativeModels.boolean(body, "store")) ?? true,
    maxOutputTokens: yield* NativeModels.positiveInt(body, "max_output_tokens"),
    contextLength: yield* NativeModels.positiveInt(body, "context_length"),
    reasoning: Json.stringOf(body["reasoning"])
  }
  return request
})

/** The error of a damaged state store: every call that uses it fails with it. */
export const damagedHistory = (id: string): string =>
  `Prediction history node with id '${id}' not found in shard 'pack-0001' while attempting to build chat history chain that includes this node.`

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const inputOf = (input: unknown): Effect.Effect<PromptMessage, ApiFault> => {
  if (typeof input === "string") return Effect.succeed({ role: "user", text: input, images: 0, toolCalls: [] })
  const items = Json.arrayOf(input).map(Json.objectOf)
  const types = items.map((item) => item["type"])
  return items.length > 0 && types.every((type) => type === "message" || type === "text" || type === "image")
    ? Effect.succeed({
        role: "user",
        text: items.map((item) => Json.stringOf(item["content"]) ?? "").join("\n"),
        images: types.filter((type) => type === "image").length,
        toolCalls: []
      })
    : ErrorBody.invalidValue("input", "Invalid input")
}

const fraction = (body: Json.JsonObject, name: string): Effect.Effect<void, ApiFault> => {
  const value = body[name]
  return value === undefined || (typeof value === "number" && value >= 0 && value <= 1)
    ? Effect.void
    : ErrorBody.invalidValue(name, "Number must be between 0 and 1")
}

const previous = Effect.fnUntraced(function* (world: World, id: unknown) {
  const { historyCorrupt } = yield* world.state.settings
  if (id === undefined || id === null) {
    // Storing the new reply uses the damaged pack too.
    return historyCorrupt ? yield* broken("node-0") : []
  }
  if (typeof id !== "string" || !id.startsWith("resp_")) {
    return yield* ErrorBody.invalidValue("previous_response_id", `"previous_response_id" must start with "resp_"`)
  }
  if (historyCorrupt) return yield* broken(id)
  const found = yield* world.history.find(id)
  return (
    found ??
    (yield* ErrorBody.invalidValue(
      "previous_response_id",
      `Could not find stored response for previous_response_id '${id}'. Please ensure the ID is correct. Current previous response auto-deletion policy: Responses older than 30 days are automatically deleted.`
    ))
  )
})

const broken = (id: string): ApiFault =>
  ErrorBody.native(500, "internal_error", damagedHistory(id), { code: "unknown" })

const checkReasoning = Effect.fnUntraced(function* (world: World, name: string, reasoning: unknown) {
  if (reasoning === undefined) return
  const machine = yield* world.state.get
  const key = findInstance(machine, name)?.key ?? name
  const model = findOnDisk(machine, key)
  if (model?.reasoning === undefined) {
    return yield* ErrorBody.invalidValue(
      "reasoning",
      `Model '${model?.path ?? name}' does not support reasoning configuration.`
    )
  }
  if (!model.reasoning.allowedOptions.includes(String(reasoning))) {
    return yield* ErrorBody.invalidValue(
      "reasoning",
      `Invalid reasoning option '${String(reasoning)}'. Allowed options: ${model.reasoning.allowedOptions.join(", ")}`
    )
  }
})

// The refusal's text is not on record; the simulator has no servers, so allowed ones fail to connect.
const checkIntegrations = Effect.fnUntraced(function* (world: World, integrations: unknown) {
  if (Json.arrayOf(integrations).length === 0) return
  const { integrationsAllowed } = yield* world.state.settings
  return yield* integrationsAllowed
    ? ErrorBody.native(500, "mcp_connection_error", "Failed to connect to the MCP server.")
    : ErrorBody.native(403, "invalid_request", "Calling MCP servers is not allowed by the server's settings.", {
        param: "integrations"
      })
})
