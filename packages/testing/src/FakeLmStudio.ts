/** What LM Studio answers over HTTP, as routes and replies of `FakeHttp`. */
import * as FakeHttp from "./FakeHttp.ts"

/** A model that LM Studio lists. It is in memory if `context` is set. */
export interface Model {
  readonly key: string
  /** Tokens of context that it is loaded with. */
  readonly context?: number
  readonly maxContext?: number
}

/**
 * The routes by which lms-bridge finds out what it talks to: LM Studio 0.4 with these models, loaded with 8192 tokens by
 * default. Add `POST` routes, or replace one of these to make the search itself fail: after a failure it tries the older
 * routes, which answer here that they are unknown.
 */
export const routes = (
  models: ReadonlyArray<Model> = [{ key: "test/model", context: 8192 }]
): Readonly<Record<string, FakeHttp.Reply>> => ({
  "GET /lmstudio-greeting": FakeHttp.json({ lmstudio: true }),
  "GET /api/v1/models": FakeHttp.json({ models: models.map(rowOf) }),
  "GET /api/v0/models": FakeHttp.unexpectedEndpoint("GET", "/api/v0/models"),
  "GET /v1/models": FakeHttp.unexpectedEndpoint("GET", "/v1/models")
})

/** The route that all chats of a run use: play its replies in order. */
export const chatRoute = "POST /v1/chat/completions"

/** A streamed reply with this text. */
export const reply = (content: string, model = "test/model"): FakeHttp.Reply => streamed(model, { content }, "stop")

/** A streamed reply that calls one tool. */
export const toolCall = (name: string, args: Readonly<Record<string, unknown>>, model = "test/model"): FakeHttp.Reply =>
  streamed(
    model,
    { tool_calls: [{ index: 0, id: "call_1", type: "function", function: { name, arguments: JSON.stringify(args) } }] },
    "tool_calls"
  )

/** LM Studio fails itself. Such a reply is retried. */
export const fault = (status = 503): FakeHttp.Reply =>
  FakeHttp.json({ error: { message: "The server is overloaded." } }, status)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const rowOf = ({ context, key, maxContext = 32_768 }: Model) => ({
  type: "llm",
  key,
  display_name: key,
  loaded_instances: context === undefined ? [] : [{ id: key, config: { context_length: context } }],
  max_context_length: maxContext
})

const streamed = (model: string, delta: Readonly<Record<string, unknown>>, finish: string): FakeHttp.Reply => {
  const piece = (part: Readonly<Record<string, unknown>>, reason: string | null) =>
    FakeHttp.data({ id: "chatcmpl-1", model, choices: [{ index: 0, delta: part, finish_reason: reason }] })
  return FakeHttp.events(piece({ role: "assistant", ...delta }, null), piece({}, finish), "data: [DONE]\n\n")
}
