/** One attempt at a streamed chat. */
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { parseJson } from "../../internal/parseJson.ts"
import type { ChatEvent, ChatReply, ChatRequest } from "../Chat.ts"
import * as ChatStream from "../ChatStream.ts"
import { classify } from "../ErrorClassifier.ts"
import { ReplyMalformed, RequestTimeout, StreamCut, type LmStudioError } from "../LmStudioError.ts"
import type { NativeChatRequest } from "../ApiRequests.ts"
import * as ChatWire from "../wire/ChatWire.ts"
import { errorOf } from "../wire/ErrorBody.ts"
import * as NativeChat from "../wire/NativeChat.ts"
import { present } from "../../schema/Fields.ts"
import * as ServerSentEvents from "../wire/ServerSentEvents.ts"
import { type Head, type Incoming, type Limits, type Pull, type Transport, wholeText } from "./Transport.ts"

/** The route, the request body, and how the events are decoded. */
export interface Asking {
  readonly model: string
  readonly path: string
  readonly body: Record<string, unknown>
  readonly decode: (event: ServerSentEvents.ServerSentEvent) => ReadonlyArray<ChatWire.Frame>
}

/** `POST /v1/chat/completions`, which every dialect has. */
export const completions = (request: ChatRequest): Asking => ({
  model: request.model,
  path: "/v1/chat/completions",
  body: ChatWire.encodeRequest(request),
  decode: (event) => [ChatWire.decodeFrame(event)]
})

/** `POST /api/v1/chat`. */
export const native = (request: NativeChatRequest): Asking => ({
  model: request.model,
  path: "/api/v1/chat",
  body: NativeChat.encodeRequest(request),
  decode: NativeChat.decodeFrames
})

/** Who is told of a reply. */
export interface Telling<E> {
  /** Run once, as soon as the reply says which model answers and before anything is delivered. */
  readonly checkModel: (answered: string) => Effect.Effect<void, LmStudioError>
  /** Run once, before the first event. */
  readonly begun: Effect.Effect<void>
  /** Gets the events in order, each before more is read. The last one is always `Completed`. */
  readonly onEvent: (event: ChatEvent) => Effect.Effect<void, E>
}

/**
 * One attempt at a chat, and its whole reply. An attempt that fails before anything has begun may be repeated; an error that
 * comes later is given out after the events before it.
 */
export const chat = Effect.fnUntraced(function* <E>(
  transport: Transport,
  asking: Asking,
  limits: Limits,
  { begun, checkModel, onEvent }: Telling<E>
) {
  let chat = ChatStream.start(yield* Clock.currentTimeMillis)
  let hasBegun = false
  const deliver = Effect.fnUntraced(function* (events: ReadonlyArray<ChatEvent>) {
    if (!hasBegun && events.length > 0) yield* begun
    hasBegun ||= events.length > 0
    for (const event of events) yield* onEvent(event)
    const last = events.at(-1)
    return last?._tag === "Completed" ? last.reply : undefined
  })
  const complete = Effect.gen(function* () {
    const reply = yield* deliver(ChatStream.complete(chat, yield* Clock.currentTimeMillis))
    return reply ?? (yield* cut(chat))
  })
  const read = Effect.fnUntraced(function* ({ expectEnd, head, pull }: Incoming<ChatReply, LmStudioError | E>) {
    const next = framesOf(transport, asking, head, pull)
    for (;;) {
      const { ended, error, frames } = yield* next
      const now = yield* Clock.currentTimeMillis
      const { model } = chat
      const wasWhole = ChatStream.isWhole(chat)
      const events: Array<ChatEvent> = []
      let failure: LmStudioError | undefined
      for (const frame of frames) {
        const step = ChatStream.step(chat, frame, now)
        if (step._tag === "Next") {
          chat = step.state
          events.push(...step.events)
        } else if (step._tag === "Malformed") {
          failure = new ReplyMalformed({ operation, detail: step.detail })
        } else {
          const { hasToken: hadToken } = transport
          const delivered = ChatStream.delivered(chat)
          failure = classify({ operation, model: asking.model, hadToken, facts: step.facts, delivered })
        }
        if (failure !== undefined || chat.done) break
      }
      const isWhole = ChatStream.isWhole(chat)
      if (failure === undefined && (chat.done || (ended && isWhole))) events.push(...ChatStream.complete(chat, now))
      else if (ended) failure ??= error === undefined ? cut(chat) : withDelivered(error, chat)
      if (isWhole && !wasWhole && !chat.done) yield* expectEnd(complete)
      if (model === "" && chat.model !== "") yield* checkModel(chat.model)
      const reply = yield* deliver(events)
      if (reply !== undefined) return reply
      if (failure !== undefined) return yield* failure
    }
  })
  return yield* Effect.mapError(
    transport.exchange({ operation, method: "POST", path: asking.path, body: asking.body, limits }, read),
    (error) => (isTimeout(error) ? withDelivered(error, chat) : error)
  )
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const operation = "chat"

const isTimeout = Schema.is(RequestTimeout)

interface Frames {
  readonly frames: ReadonlyArray<ChatWire.Frame>
  /** Nothing follows: the stream has ended, or `error` has ended it. */
  readonly ended: boolean
  readonly error?: LmStudioError
}

/** An error status and a JSON body are read whole; anything else is a stream of events. */
const framesOf = (
  transport: Transport,
  asking: Asking,
  { isJson, status }: Head,
  pull: Pull
): Effect.Effect<Frames, LmStudioError> =>
  status < 400 && !isJson
    ? framesFrom(pull, asking.decode)
    : Effect.flatMap(wholeText(pull), (text) => inOnePiece(transport, asking, status, text))

/** A server that does not stream sends the reply in one piece. */
const inOnePiece = (
  transport: Transport,
  { model }: Asking,
  status: number,
  text: string
): Effect.Effect<Frames, LmStudioError> => {
  const frame: ChatWire.Frame =
    status >= 400 ? { _tag: "Fault", facts: errorOf(text) } : ChatWire.decodeReply(parseJson(text))
  return frame._tag === "Fault"
    ? Effect.fail(classify({ operation, model, status, hadToken: transport.hasToken, facts: frame.facts }))
    : Effect.succeed({ frames: frame._tag === "Chunk" ? [frame, { _tag: "Done" }] : [], ended: true })
}

const framesFrom = (pull: Pull, decode: Asking["decode"]): Effect.Effect<Frames> => {
  const decoder = new TextDecoder()
  const reader = ServerSentEvents.reader()
  return Effect.match(pull, {
    onFailure: Option.match({
      onNone: () => ({ frames: reader.end().flatMap(decode), ended: true }),
      onSome: (error) => ({ frames: [], ended: true, error })
    }),
    onSuccess: (pieces) => {
      const text = Chunk.reduce(pieces, "", (text, piece) => text + decoder.decode(piece, { stream: true }))
      return { frames: reader.push(text).flatMap(decode), ended: false }
    }
  })
}

/** The stream is over, and the reply is not complete. */
const cut = (chat: ChatStream.ChatState): LmStudioError =>
  chat.begun || chat.broken !== undefined
    ? new StreamCut({ operation, delivered: ChatStream.delivered(chat) })
    : new ReplyMalformed({ operation, detail: "the stream ended without any event of a reply" })

const withDelivered = (error: LmStudioError, chat: ChatStream.ChatState): LmStudioError => {
  const delivered = ChatStream.delivered(chat)
  switch (error._tag) {
    case "StreamCut":
      return new StreamCut({ operation, delivered, ...present({ cause: error.cause }) })
    case "RequestTimeout":
      return new RequestTimeout({ operation, phase: error.phase, limit: error.limit, delivered })
    default:
      return error
  }
}
