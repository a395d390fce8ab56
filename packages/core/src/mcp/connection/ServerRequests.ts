/**
 * Answers an MCP server's requests to its client, through the SDK's client: the folders to work in, a question to the
 * user, a request to the model. Only what can be answered is announced; the SDK answers `ping` itself.
 */
import {
  type Client,
  type ClientCapabilities,
  type CreateMessageRequestParams,
  type CreateMessageResult,
  type ElicitRequestParams,
  type ElicitResult,
  ProtocolErrorCode
} from "@modelcontextprotocol/client"
import * as Data from "effect/Data"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Runtime from "effect/Runtime"
import type { ChatMessage } from "../../lmstudio/Chat.ts"
import type { CallsInFlight } from "./CallsInFlight.ts"
import { CurrentElicitation, type ElicitationRequest } from "../Elicitation.ts"
import type { Root } from "../Roots.ts"
import { CurrentSampling } from "../Sampling.ts"
import type { PausedTimeout } from "./ServerExchange.ts"

/** The sources of the answers. */
export interface Answering {
  readonly roots: Effect.Effect<ReadonlyArray<Root>>
  readonly inFlight: CallsInFlight
}

/**
 * The capabilities that the caller that opens the connection can serve: folders always, elicitation and sampling if
 * there is a person or a model.
 */
export const capabilities: Effect.Effect<ClientCapabilities> = Effect.map(
  Effect.all([CurrentElicitation, CurrentSampling]),
  ([person, sampler]) => ({
    roots: { listChanged: true },
    ...(Option.isNone(person) ? {} : { elicitation: { form: {}, ...(person.value.opensPages ? { url: {} } : {}) } }),
    ...(Option.isNone(sampler) ? {} : { sampling: {} })
  })
)

/** Answers from now on. While a question is open, the server's silence does not count. */
export const bind = Effect.fnUntraced(function* (
  client: Client,
  announced: ClientCapabilities,
  options: Answering & { readonly server: string; readonly pausedTimeout: PausedTimeout }
) {
  const { inFlight, pausedTimeout, roots, server } = options
  const runtime = yield* Effect.runtime()
  const run = <A>(effect: Effect.Effect<A, Refusal>, signal: AbortSignal): Promise<A> =>
    Runtime.runPromise(runtime)(Effect.either(effect), { signal }).then(
      Either.getOrThrowWith((error): Refusal => error) // the SDK reads the error's code
    )
  const question = <A, E>(self: Effect.Effect<A, E>) =>
    Effect.acquireUseRelease(
      Effect.sync(pausedTimeout.begin),
      () => self,
      () => Effect.map(Clock.currentTimeMillis, pausedTimeout.end)
    ).pipe(Effect.annotateLogs({ server }))

  client.setRequestHandler("roots/list", (_, { mcpReq }) =>
    run(
      Effect.map(roots, (all) => ({ roots: all.map((root) => ({ ...root })) })),
      mcpReq.signal
    )
  )
  if (announced.elicitation !== undefined) {
    client.setRequestHandler("elicitation/create", ({ params }, { mcpReq }) =>
      run(question(Effect.map(inFlight.ask(questionOf(server, params)), answerOf)), mcpReq.signal)
    )
  }
  if (announced.sampling !== undefined) {
    client.setRequestHandler("sampling/createMessage", ({ params }, { mcpReq }) =>
      run(question(sampled(inFlight, server, params)), mcpReq.signal)
    )
  }
  client.fallbackRequestHandler = ({ method }) =>
    Promise.reject(
      new Refusal({ code: ProtocolErrorCode.MethodNotFound, message: unanswered.get(method) ?? "Method not found" })
    )
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** The SDK's own error would contain its code twice. */
class Refusal extends Data.TaggedError("Refusal")<{ readonly code: number; readonly message: string }> {}

const unanswered: ReadonlyMap<string, string> = new Map([
  [
    "sampling/createMessage",
    "lms-bridge does not let servers use the model here. The user may allow it for runs with LMS_BRIDGE_MCP_SAMPLING."
  ],
  ["elicitation/create", "There is nobody here who could be asked."]
])

const questionOf = (server: string, params: ElicitRequestParams): ElicitationRequest =>
  params.mode === "url"
    ? { _tag: "Page", server, message: params.message, url: params.url, id: params.elicitationId }
    : {
        _tag: "Form",
        server,
        message: params.message,
        schema: {
          properties: params.requestedSchema.properties,
          required: params.requestedSchema.required ?? []
        }
      }

const answerOf = ({ action, content }: Effect.Effect.Success<ReturnType<CallsInFlight["ask"]>>): ElicitResult => ({
  action,
  ...(action !== "accept" || content === undefined
    ? {}
    : {
        content: Object.fromEntries(
          Object.entries(content).map(([name, value]) => [name, typeof value === "object" ? [...value] : value])
        )
      })
})

const sampled = Effect.fnUntraced(function* (
  inFlight: CallsInFlight,
  server: string,
  params: CreateMessageRequestParams
) {
  const { maxTokens, stopSequences, temperature } = params
  const messages = yield* Either.mapLeft(
    messagesOf(params),
    (text) => new Refusal({ code: ProtocolErrorCode.InvalidParams, message: text })
  )
  const reply = yield* Effect.mapError(
    inFlight.sample({ server, messages, maxTokens, temperature, stop: stopSequences }),
    ({ detail, refused }) =>
      new Refusal({ code: refused ? userRejected : ProtocolErrorCode.InternalError, message: detail })
  )
  const result: CreateMessageResult = {
    role: "assistant",
    content: { type: "text", text: reply.content },
    model: reply.model,
    stopReason: reply.finishReason === "length" ? "maxTokens" : "endTurn"
  }
  return result
})

/** From the specification's own example. */
const userRejected = -1

/** The conversation, or why it cannot be sent to the model. */
const messagesOf = (params: CreateMessageRequestParams): Either.Either<ReadonlyArray<ChatMessage>, string> => {
  if (params.tools !== undefined || params.toolChoice !== undefined) {
    return Either.left("Tools cannot be used here: sampling.tools is not among the capabilities.")
  }
  const system: ReadonlyArray<ChatMessage> =
    params.systemPrompt === undefined ? [] : [{ role: "system", content: params.systemPrompt }]
  return Either.map(Either.all(params.messages.map(messageOf)), (messages) => [...system, ...messages])
}

const messageOf = ({
  content,
  role
}: CreateMessageRequestParams["messages"][number]): Either.Either<ChatMessage, string> => {
  const parts = (Array.isArray(content) ? content : [content]).map((part) =>
    part.type === "text"
      ? Either.right({ type: "text" as const, text: part.text })
      : part.type === "image"
        ? Either.right({ type: "image" as const, dataUrl: `data:${part.mimeType};base64,${part.data}` })
        : Either.left(`Content of the kind ${part.type} cannot be shown to the model.`)
  )
  return Either.flatMap(Either.all(parts), (all): Either.Either<ChatMessage, string> => {
    const text = all.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("\n")
    const isPlain = all.every(({ type }) => type === "text")
    if (role === "user") return Either.right({ role, content: isPlain ? text : all })
    return isPlain
      ? Either.right({ role, content: text, toolCalls: [] })
      : Either.left("Images in the assistant's own messages cannot be shown to the model.")
  })
}
