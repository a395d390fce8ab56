/**
 * One attempt at a streamed chat: opened, and read until there is something to deliver. Until then it may be retried.
 */
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import type * as Scope from "effect/Scope"
import { closedOnFailure } from "../../internal/ownScope.ts"
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
import { type Incoming, type Limits, type Transport, wholeText } from "./Transport.ts"

/** `next` gives the events that follow, in order. The last one is always `Completed`; do not call `next` after it. */
export interface Opened {
  readonly first: Events
  readonly next: Effect.Effect<Events, LmStudioError>
  /** Puts the limits of the request around an effect that waits for the server. */
  readonly inTime: <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E | LmStudioError, R>
}

/** The events of one read from the stream: never empty. */
export type Events = ReadonlyArray<ChatEvent>

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

/**
 * `checkModel` is called once, as soon as the reply says which model answers and before anything is delivered. If the
 * attempt fails, its socket is closed; if it succeeds, the socket lives as long as the scope.
 */
export const openChat = (
  transport: Transport,
  asking: Asking,
  limits: Limits,
  checkModel: (answered: string) => Effect.Effect<void, LmStudioError>
): Effect.Effect<Opened, LmStudioError, Scope.Scope> =>
  Effect.gen(function* () {
    const startedAt = yield* Clock.currentTimeMillis
    const call = { operation, method: "POST" as const, path: asking.path, body: asking.body, limits }
    const { incoming: answered, overdue } = yield* transport.open(call)
    const reading = yield* Ref.make<Reading>({
      chat: ChatStream.start(startedAt),
      events: [],
      failure: undefined,
      over: false
    })
    const late = Effect.catchAll(overdue, (error) =>
      Effect.flatMap(Ref.get(reading), ({ chat }) => Effect.fail(withDelivered(error, ChatStream.delivered(chat))))
    )
    const inTime: Opened["inTime"] = (self) => Effect.raceFirst(self, late)
    const opened = Effect.flatMap(answered, (incoming) => {
      const next = nextOf(framesOf(transport, asking, incoming), {
        asking,
        checkModel,
        hadToken: transport.hasToken,
        incoming,
        reading
      })
      return Effect.map(next, (first) => ({ first, next, inTime }))
    })
    return yield* inTime(opened)
  }).pipe(closedOnFailure)

/** The whole reply; each event is handed to `onEvent` before the next one is read. */
export const collect = <E>(
  { first, inTime, next }: Opened,
  onEvent: (event: ChatEvent) => Effect.Effect<void, E>
): Effect.Effect<ChatReply, LmStudioError | E> => {
  const told = (events: Events): Effect.Effect<ChatReply, LmStudioError | E> => {
    const last = events.at(-1)
    return Effect.zipRight(
      Effect.forEach(events, onEvent, { discard: true }),
      last?._tag === "Completed" ? Effect.succeed(last.reply) : Effect.flatMap(next, told)
    )
  }
  // a whole reply waits for the server no more
  return first.at(-1)?._tag === "Completed" ? told(first) : inTime(told(first))
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const operation = "chat"

interface Reading {
  readonly chat: ChatStream.ChatState
  /** Not yet delivered. */
  readonly events: ReadonlyArray<ChatEvent>
  /** Fails the stream after the events have been delivered. */
  readonly failure: LmStudioError | undefined
  readonly over: boolean
}

/** The events that follow, as `Opened` gives them. */
const nextOf = (
  take: Effect.Effect<Frames, LmStudioError>,
  {
    asking,
    checkModel,
    hadToken,
    incoming,
    reading
  }: {
    readonly asking: Asking
    readonly checkModel: (answered: string) => Effect.Effect<void, LmStudioError>
    readonly hadToken: boolean
    readonly incoming: Incoming
    readonly reading: Ref.Ref<Reading>
  }
): Opened["next"] => {
  const advance = Effect.gen(function* () {
    const taken = yield* Effect.either(take)
    const now = yield* Clock.currentTimeMillis
    const before = yield* Ref.get(reading)
    const after = Either.match(taken, {
      onLeft: (error) => ended(before, error, now),
      onRight: ({ ended: isEnd, frames }) => {
        const folded = fold(before, frames, { model: asking.model, hadToken }, now)
        return isEnd ? ended(folded, undefined, now) : folded
      }
    })
    yield* Ref.set(reading, after)
    if (!ChatStream.isWhole(before.chat) && ChatStream.isWhole(after.chat)) yield* incoming.expectEnd
    if (before.chat.model === "" && after.chat.model !== "") yield* checkModel(after.chat.model)
  })

  /** Folds in the next frames. An error is held back until all events before it have been delivered. */
  const next: Opened["next"] = Effect.suspend(() =>
    Effect.flatMap(
      Ref.getAndUpdate(reading, (before): Reading => ({ ...before, events: [] })),
      ({ events, failure, over }) => {
        if (events.length > 0) return Effect.succeed(events)
        if (failure !== undefined) return Effect.fail(failure)
        // a reply ends with events or with a failure
        return over ? new StreamCut({ operation, delivered: 0 }) : Effect.zipRight(advance, next)
      }
    )
  )
  return next
}

interface Frames {
  readonly frames: ReadonlyArray<ChatWire.Frame>
  readonly ended: boolean
}

const fold = (
  before: Reading,
  frames: ReadonlyArray<ChatWire.Frame>,
  asked: { readonly model: string; readonly hadToken: boolean },
  now: number
): Reading => {
  let { chat } = before
  const events: Array<ChatEvent> = []
  const failed = (failure: LmStudioError): Reading => ({ chat, events, failure, over: true })
  for (const frame of frames) {
    const step = ChatStream.step(chat, frame, now)
    if (step._tag === "Fault") {
      return failed(classify({ operation, ...asked, facts: step.facts, delivered: ChatStream.delivered(chat) }))
    }
    if (step._tag === "Malformed") return failed(new ReplyMalformed({ operation, detail: step.detail }))
    chat = step.state
    events.push(...step.events)
    if (chat.done)
      return { chat, events: [...events, ...ChatStream.complete(chat, now)], failure: undefined, over: true }
  }
  return { chat, events, failure: undefined, over: false }
}

/** The stream is over, by its end or by an error: the reply is complete, or it was cut. */
const ended = (before: Reading, error: LmStudioError | undefined, now: number): Reading => {
  const { chat, over } = before
  if (over) return before
  if (ChatStream.isWhole(chat)) {
    return { ...before, events: [...before.events, ...ChatStream.complete(chat, now)], over: true }
  }
  const delivered = ChatStream.delivered(chat)
  if (error !== undefined) return { ...before, failure: withDelivered(error, delivered), over: true }
  return {
    ...before,
    over: true,
    failure:
      chat.begun || chat.broken !== undefined
        ? new StreamCut({ operation, delivered })
        : new ReplyMalformed({ operation, detail: "the stream ended without any event of a reply" })
  }
}

/** An error status and a JSON body are read whole; anything else is a stream of events. */
const framesOf = (transport: Transport, asking: Asking, incoming: Incoming): Effect.Effect<Frames, LmStudioError> => {
  const { isJson, status } = incoming.head
  return status < 400 && !isJson
    ? framesFrom(incoming, asking.decode)
    : Effect.flatMap(wholeText(incoming), (text) => inOnePiece(transport, asking, status, text))
}

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

const framesFrom = ({ pull }: Incoming, decode: Asking["decode"]): Effect.Effect<Frames, LmStudioError> => {
  const decoder = new TextDecoder()
  const reader = ServerSentEvents.reader()
  return Effect.matchEffect(pull, {
    onFailure: Option.match({
      onNone: () => Effect.sync(() => ({ frames: reader.end().flatMap(decode), ended: true })),
      onSome: (error) => Effect.fail(error)
    }),
    onSuccess: (pieces) =>
      Effect.sync(() => {
        const text = Chunk.reduce(pieces, "", (text, piece) => text + decoder.decode(piece, { stream: true }))
        return { frames: reader.push(text).flatMap(decode), ended: false }
      })
  })
}

const withDelivered = (error: LmStudioError, delivered: number): LmStudioError => {
  switch (error._tag) {
    case "StreamCut":
      return new StreamCut({ operation, delivered, ...present({ cause: error.cause }) })
    case "RequestTimeout":
      return new RequestTimeout({ operation, phase: error.phase, limit: error.limit, delivered })
    default:
      return error
  }
}
