/**
 * Requests to one server with time limits for each phase. node:http has none of its own. Interrupting a request, or
 * closing the scope that reads its reply, closes the socket at once.
 */
import * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientError } from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as FiberRef from "effect/FiberRef"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import { present } from "../../schema/Fields.ts"
import { stringify } from "../../json/ExactJson.ts"
import { baseUrl as addressOf, Settings } from "../../configuration/Settings.ts"
import * as Alarms from "../../internal/alarms.ts"
import type { Alarm } from "../../internal/alarms.ts"
import { inScope } from "../../internal/inScope.ts"
import { CurrentByteLimits, sizeOf } from "../../resilience/ByteLimits.ts"
import { ReplyMalformed, RequestTimeout, StreamCut, type LmStudioUnreachable } from "../LmStudioError.ts"
import { eachPiece } from "./ReplyBody.ts"
import { unreachable } from "./TransportFailure.ts"

export interface Limits {
  readonly connect: Duration.Duration
  readonly firstByte: Duration.Duration
  readonly betweenBytes: Duration.Duration
  readonly total: Duration.Duration
}

export interface Call {
  /** As a person would say it: `chat`, `model list`. */
  readonly operation: string
  readonly method: "GET" | "POST"
  /** From the server's root, such as `/v1/models`. */
  readonly path: string
  readonly body?: Record<string, unknown> | undefined
  /** Sent without the API token, to see whether one is wanted. */
  readonly anonymous?: boolean | undefined
  readonly limits: Limits
}

/** The beginning of a reply. */
export interface Head {
  readonly status: number
  readonly isJson: boolean
}

/**
 * A reply that is still coming in. `take` waits for more of it and says whether that was the end. `expectEnd`: the reply is
 * whole, so what is still to come gets two seconds, and its end is no cut.
 */
export interface Incoming {
  readonly head: Effect.Effect<Head, TransportError>
  readonly take: Effect.Effect<readonly [pieces: Chunk.Chunk<Uint8Array>, ended: boolean], TransportError>
  readonly expectEnd: () => void
  /** Gives up what is not expected to end by itself, and waits until it is over. */
  readonly close: Effect.Effect<void>
}

export type TransportError = LmStudioUnreachable | RequestTimeout | StreamCut | ReplyMalformed

export interface Transport {
  readonly baseUrl: string
  readonly hasToken: boolean
  /** Sends the request, without a wait. Closed with the scope, if not before. Whatever the status is: a body decides. */
  readonly open: (call: Call, scope: Scope.Scope) => Effect.Effect<Incoming>
  /** The same, read to its end. A reply that is read whole has no limit between bytes: the total is its limit. */
  readonly text: (call: Call) => Effect.Effect<{ readonly status: number; readonly text: string }, TransportError>
}

/** How long a server may take to close the stream after it has said that the reply is whole. */
export const lastBytesLimit = Duration.seconds(2)

export const make = Effect.gen(function* () {
  const settings = yield* Settings
  const client = yield* HttpClient.HttpClient
  const traced = HttpClient.withTracerPropagation(client, false)
  const { reply: mostBytes } = yield* CurrentByteLimits
  const tooLarge = (operation: string) =>
    new ReplyMalformed({ operation, detail: `it has no end, or more than ${sizeOf(mostBytes)}` })
  const baseUrl = addressOf(settings)
  const lifetime = yield* Effect.scope
  const clock = yield* Effect.clock
  const alarms = yield* Alarms.make
  /** Replies that are whole and have yet to end: nobody else holds them. */
  const ending = new Set<Fiber.RuntimeFiber<unknown>>()
  yield* Effect.addFinalizer(() => Fiber.interruptAll(ending))

  let answeredBefore = false
  const failureOf = (operation: string, error: HttpClientError) =>
    error._tag === "RequestError"
      ? unreachable(baseUrl, error, answeredBefore)
      : new StreamCut({ operation, delivered: 0, ...present({ cause: error.cause }) })

  const requestOf = ({ anonymous, body, method, path }: Pick<Call, "method" | "path" | "body" | "anonymous">) => {
    const bare = HttpClientRequest.make(method)(`${baseUrl}${path}`).pipe(
      HttpClientRequest.setHeader("accept", "application/json, text/event-stream")
    )
    const authorized = Option.match(anonymous === true ? Option.none() : settings.apiToken, {
      onNone: () => bare,
      onSome: (token) => HttpClientRequest.bearerToken(bare, token)
    })
    return body === undefined ? authorized : HttpClientRequest.bodyText(authorized, stringify(body), "application/json")
  }

  const send = (call: Omit<Call, "limits">) =>
    FiberRef.get(FiberRef.currentTracerEnabled).pipe(
      // LM Studio is told nothing of our spans
      Effect.flatMap((isTraced) => (isTraced ? traced : client).execute(requestOf(call))),
      Effect.mapBoth({
        onFailure: (error) => failureOf(call.operation, error),
        onSuccess: (response) => {
          answeredBefore = true
          return response
        }
      })
    )

  /** Whether the server answers anything at all. The client does not tell when a connection stands. */
  const answers = (call: Call) =>
    send({ operation: call.operation, method: "GET", path: "/lmstudio-greeting" }).pipe(
      Effect.flatMap((response) => Effect.mapError(response.text, (error) => failureOf(call.operation, error))),
      Effect.timeoutFail({
        duration: lookLimit(call.limits.connect),
        onTimeout: () => timeout(call.operation, "Connect", call.limits.connect)
      })
    )

  /** One fiber for each request reads, and one for all of them keeps the limits. */
  const open: Transport["open"] = (call, scope) =>
    Effect.suspend(() => {
      const { limits, operation } = call
      const startedAt = clock.unsafeCurrentTimeMillis()
      const headers = Deferred.unsafeMake<HttpClientResponse, TransportError>(FiberId.none)
      const seen: Seen = { answered: false, bytes: 0, lastByteAt: undefined, wholeAt: undefined }
      let connectAt: number | undefined = startedAt + Duration.toMillis(limits.connect)

      return Effect.flatMap(Mailbox.make<Uint8Array, TransportError>(), (body) => {
        const fail = (error: TransportError) =>
          Effect.sync(() => {
            Deferred.unsafeDone(headers, Effect.fail(error))
            body.unsafeDone(Exit.fail(error))
          })
        const reading = send(call).pipe(
          Effect.flatMap((response) => {
            seen.answered = true
            Deferred.unsafeDone(headers, Effect.succeed(response))
            const read = eachPiece(response, (piece) => {
              const isFirst = seen.lastByteAt === undefined
              seen.lastByteAt = clock.unsafeCurrentTimeMillis()
              seen.bytes += piece.length
              // whoever reads it hears of it and lets go of the connection
              if (seen.bytes > mostBytes) body.unsafeDone(Exit.fail(tooLarge(operation)))
              else body.unsafeOffer(piece)
              // a shorter limit may begin with it
              if (isFirst) alarms.sooner()
            })
            return Effect.mapError(read, (error) => failureOf(operation, error))
          }),
          Effect.matchEffect({ onFailure: fail, onSuccess: () => body.end })
        )
        const begun = Effect.map(Effect.forkDaemon(Effect.interruptible(reading)), (reader) => {
          const limit = () =>
            seen.wholeAt === undefined
              ? nextLimit(call, startedAt, seen.lastByteAt)
              : { until: seen.wholeAt + Duration.toMillis(lastBytesLimit), late: undefined }
          const alarm: Alarm = {
            due: () => Math.min(limit().until, connectAt ?? Number.POSITIVE_INFINITY),
            ring: Effect.suspend(() => {
              const { late, until } = limit()
              if (clock.unsafeCurrentTimeMillis() >= until) {
                return late === undefined ? Effect.zipRight(body.end, Fiber.interruptFork(reader)) : fail(late())
              }
              connectAt = undefined
              return seen.answered ? Effect.void : Effect.forkIn(Effect.catchAll(answers(call), fail), lifetime)
            })
          }
          alarms.set(alarm)
          reader.addObserver((exit) => {
            alarms.takeBack(alarm)
            ending.delete(reader)
            // one that died has told nobody
            if (Exit.isSuccess(exit)) return
            const died = Exit.failCause(exit.cause)
            Deferred.unsafeDone(headers, died)
            body.unsafeDone(died)
          })
          return {
            head: Effect.map(Deferred.await(headers), (response) => ({
              status: response.status,
              isJson: /\bjson\b/i.test(response.headers["content-type"] ?? "")
            })),
            take: body.takeAll,
            // the caller goes on meanwhile: a connection whose reply is read to its end serves the next request
            expectEnd: () => {
              if (reader.unsafePoll() !== null) return
              seen.wholeAt = clock.unsafeCurrentTimeMillis()
              ending.add(reader)
              // a limit may have passed, and rung, before anybody read that it is whole
              alarms.set(alarm)
            },
            close: Effect.suspend(() =>
              seen.wholeAt === undefined && reader.unsafePoll() === null ? Fiber.interrupt(reader) : Effect.void
            )
          } satisfies Incoming
        })
        return Effect.tap(begun, ({ close }) => Scope.addFinalizer(scope, close))
      })
    }).pipe(Effect.uninterruptible)

  /** A look is small: it needs no limits by phase. */
  const look = (call: Call) =>
    Effect.timeoutFail(
      Effect.flatMap(send(call), (response) =>
        Effect.mapBoth(response.text, {
          onFailure: (error) => failureOf(call.operation, error),
          onSuccess: (text) => ({ status: response.status, text })
        })
      ),
      { duration: call.limits.total, onTimeout: () => timeout(call.operation, "Look", call.limits.total) }
    )

  const text = (call: Call) =>
    inScope((scope) =>
      Effect.flatMap(
        open({ ...call, limits: { ...call.limits, betweenBytes: call.limits.total } }, scope),
        (incoming) => Effect.zipWith(incoming.head, wholeText(incoming), ({ status }, text) => ({ status, text }))
      )
    )

  const transport: Transport = {
    baseUrl,
    hasToken: Option.isSome(settings.apiToken),
    open,
    text: (call) => (call.method === "GET" ? look(call) : text(call))
  }
  return transport
})

/**
 * While LM Studio works on a request, it is asked whether it is there at all: a busy one may take three times as long for
 * that as for a connection.
 */
export const lookLimit = (connect: Duration.Duration): Duration.Duration => Duration.times(connect, 3)

/** The body, read to its end. */
export const wholeText = (incoming: Incoming): Effect.Effect<string, TransportError> =>
  Effect.map(
    Effect.iterate(
      { pieces: Chunk.empty<Uint8Array>(), ended: false },
      {
        while: ({ ended }) => !ended,
        body: ({ pieces }) =>
          Effect.map(incoming.take, ([more, ended]) => ({ pieces: Chunk.appendAll(pieces, more), ended }))
      }
    ),
    ({ pieces }) => decode(Chunk.toReadonlyArray(pieces))
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** What a request has come to. From `wholeAt` on, what is still to come tells nothing new. Milliseconds. */
interface Seen {
  bytes: number
  answered: boolean
  lastByteAt: number | undefined
  wholeAt: number | undefined
}

/** The limit that is the next to pass, and when. */
const nextLimit = ({ limits, operation }: Call, startedAt: number, lastByteAt: number | undefined) => {
  const total = startedAt + Duration.toMillis(limits.total)
  const [from, phase, limit] =
    lastByteAt === undefined
      ? ([startedAt, "FirstByte", limits.firstByte] as const)
      : ([lastByteAt, "BetweenBytes", limits.betweenBytes] as const)
  const until = from + Duration.toMillis(limit)
  return total <= until
    ? { until: total, late: () => timeout(operation, "Total", limits.total) }
    : { until, late: () => timeout(operation, phase, limit) }
}

const timeout = (operation: string, phase: RequestTimeout["phase"], limit: Duration.Duration) =>
  new RequestTimeout({ operation, phase, limit, delivered: 0 })

const decode = (pieces: ReadonlyArray<Uint8Array>): string => {
  const decoder = new TextDecoder()
  return pieces.map((piece) => decoder.decode(piece, { stream: true })).join("") + decoder.decode()
}
