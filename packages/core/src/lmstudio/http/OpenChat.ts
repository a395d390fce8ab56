/**
 * One attempt at a streamed chat: opened, and read until there is something to deliver. Until then it may be repeated.
 *
 * @since 0.1.0
 */
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { ChatEvent, ChatRequest } from "../Chat.ts"
import * as ChatStream from "../ChatStream.ts"
import { classify } from "../ErrorClassifier.ts"
import { ReplyMalformed, RequestTimeout, StreamCut, type LmStudioError } from "../LmStudioError.ts"
import * as ChatWire from "../wire/ChatWire.ts"
import { errorOf } from "../wire/ErrorBody.ts"
import { parseJson, present } from "../wire/Open.ts"
import * as ServerSentEvents from "../wire/ServerSentEvents.ts"
import type { Incoming, Limits, Transport } from "./Transport.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Opened {
  readonly first: Chunk.Chunk<ChatEvent>
  readonly rest: Stream.Stream<ChatEvent, LmStudioError>
}

/**
 * `checkModel` is asked once, as soon as the reply says who answers and before anything is delivered. When the attempt
 * fails its socket is closed; when it succeeds, the socket lives as long as the scope.
 *
 * @since 0.1.0
 * @category constructors
 */
export const openChat = (
  transport: Transport,
  request: ChatRequest,
  limits: Limits,
  checkModel: (answered: string) => Effect.Effect<void, LmStudioError>
): Effect.Effect<Opened, LmStudioError, Scope.Scope> =>
  closedOnFailure(
    Effect.gen(function* () {
      const startedAt = yield* Clock.currentTimeMillis
      const incoming = yield* transport.open({
        operation,
        method: "POST",
        path: "/v1/chat/completions",
        body: ChatWire.encodeRequest(request),
        limits
      })
      const frames = yield* framesOf(transport, request, incoming)
      const pullFrame = yield* Stream.toPull(Stream.rechunk(frames, 1))
      const state = yield* Ref.make(ChatStream.start(startedAt))
      const ended = yield* Ref.make(false)
      const checked = yield* Ref.make(false)

      const take = Effect.fnUntraced(function* (frame: ChatWire.Frame) {
        const before = yield* Ref.get(state)
        const step = ChatStream.step(before, frame, yield* Clock.currentTimeMillis)
        const delivered = ChatStream.delivered(before)
        switch (step._tag) {
          case "Fault":
            return yield* classify({ operation, model: request.model, facts: step.facts, delivered })
          case "Malformed":
            return yield* new ReplyMalformed({ operation, detail: step.detail })
          case "Next":
            yield* Ref.set(state, step.state)
            if (step.state.model !== "" && !(yield* Ref.getAndSet(checked, true))) yield* checkModel(step.state.model)
            if (ChatStream.isWhole(step.state)) yield* incoming.lastBytes
            return step.events
        }
      })

      const finish = Effect.gen(function* () {
        yield* Ref.set(ended, true)
        const last = yield* Ref.get(state)
        return ChatStream.complete(last, yield* Clock.currentTimeMillis)
      })

      /** The stream is over, by its end or by an error: whole, or cut. */
      const over = (error: Option.Option<LmStudioError>) =>
        Effect.flatMap(Ref.get(state), (last) => {
          if (ChatStream.isWhole(last)) return finish
          if (Option.isSome(error)) return Effect.fail(withDelivered(error.value, ChatStream.delivered(last)))
          return last.begun || last.broken !== undefined
            ? new StreamCut({ operation, delivered: ChatStream.delivered(last) })
            : new ReplyMalformed({ operation, detail: "the stream ended without a single event of a reply" })
        })

      const next: Effect.Effect<Chunk.Chunk<ChatEvent>, Option.Option<LmStudioError>> = Effect.gen(function* () {
        if (yield* Ref.get(ended)) return yield* Effect.fail(Option.none())
        for (;;) {
          const { done } = yield* Ref.get(state)
          const events = yield* done
            ? Effect.asSome(finish)
            : Effect.matchEffect(pullFrame, {
                onSuccess: (frames) => Effect.map(Effect.forEach(frames, take), (events) => Option.some(events.flat())),
                onFailure: (error) => Effect.asSome(over(error))
              }).pipe(Effect.mapError(Option.some))
          if (Option.isSome(events) && events.value.length > 0) return Chunk.fromIterable(events.value)
        }
      })

      const first = yield* Effect.mapError(next, (error) =>
        // `next` never ends before its first events
        Option.getOrElse(error, () => new StreamCut({ operation, delivered: 0 }))
      )
      return { first, rest: Stream.repeatEffectChunkOption(next) }
    })
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const operation = "chat"

/** An error status and a JSON body are read whole; everything else is a stream of events. */
const framesOf = (transport: Transport, request: ChatRequest, incoming: Incoming) => {
  const { bytes, isJson, status } = incoming
  if (status < 400 && !isJson) {
    return Effect.succeed(Stream.map(ServerSentEvents.fromBytes(bytes), ChatWire.decodeFrame))
  }
  return Effect.gen(function* () {
    const text = yield* bytes.pipe(Stream.decodeText(), Stream.mkString)
    const failure = { operation, model: request.model, status, hadToken: transport.hasToken }
    const frame: ChatWire.Frame =
      status >= 400 ? { _tag: "Fault", facts: errorOf(text) } : ChatWire.decodeReply(parseJson(text))
    return yield* frame._tag === "Fault"
      ? classify({ ...failure, facts: frame.facts })
      : Effect.succeed(Stream.make(frame, ...(frame._tag === "Chunk" ? [whole] : [])))
  })
}

/** A server that does not stream sends the reply in one piece. */
const whole: ChatWire.Frame = { _tag: "Done" }

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

const closedOnFailure = <A, E>(self: Effect.Effect<A, E, Scope.Scope>): Effect.Effect<A, E, Scope.Scope> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const inner = yield* Scope.fork(yield* Effect.scope, ExecutionStrategy.sequential)
      return yield* restore(Scope.extend(self, inner)).pipe(
        Effect.onExit((exit) => (Exit.isFailure(exit) ? Scope.close(inner, exit) : Effect.void))
      )
    })
  )
