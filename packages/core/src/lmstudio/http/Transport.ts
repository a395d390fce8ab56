/**
 * Requests to one server with time limits for each phase. node:http has none of its own. Interrupting a request, or
 * closing the scope that reads its reply, closes the socket at once.
 *
 * @since 0.1.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientError } from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type { HttpClientResponse } from "@effect/platform/HttpClientResponse"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { baseUrl as addressOf, Settings } from "../../configuration/Settings.ts"
import { RequestTimeout, StreamCut, type LmStudioUnreachable } from "../LmStudioError.ts"
import { unreachable } from "./TransportFailure.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Limits {
  readonly connect: Duration.Duration
  readonly firstByte: Duration.Duration
  readonly betweenBytes: Duration.Duration
  readonly total: Duration.Duration
}

/**
 * @since 0.1.0
 * @category models
 */
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

/**
 * A reply that is still coming in. `take` waits for more of it and says whether that was the end. `expectEnd`: the reply is
 * whole, so what is still to come gets two seconds, and its end is no cut.
 *
 * @since 0.1.0
 * @category models
 */
export interface Incoming {
  readonly status: number
  readonly isJson: boolean
  readonly take: Effect.Effect<readonly [pieces: Chunk.Chunk<Uint8Array>, ended: boolean], TransportError>
  readonly expectEnd: Effect.Effect<void>
}

/**
 * @since 0.1.0
 * @category errors
 */
export type TransportError = LmStudioUnreachable | RequestTimeout | StreamCut

/**
 * @since 0.1.0
 * @category models
 */
export interface Transport {
  readonly baseUrl: string
  readonly hasToken: boolean
  /** Whatever the status is: what a body says decides. */
  readonly open: (call: Call) => Effect.Effect<Incoming, TransportError, Scope.Scope>
  /** The same, read to its end. A reply that is read whole has no limit between bytes: the total is its limit. */
  readonly text: (call: Call) => Effect.Effect<{ readonly status: number; readonly text: string }, TransportError>
}

/**
 * How long a server may take to close the stream after it has said that the reply is whole.
 *
 * @since 0.1.0
 * @category constants
 */
export const lastBytesLimit = Duration.seconds(2)

/**
 * @since 0.1.0
 * @category constructors
 */
export const make = Effect.gen(function* () {
  const settings = yield* Settings
  const client = HttpClient.withTracerPropagation(yield* HttpClient.HttpClient, false)
  const baseUrl = addressOf(settings)
  const lifetime = yield* Effect.scope

  const requestOf = ({ anonymous, body, method, path }: Pick<Call, "method" | "path" | "body" | "anonymous">) => {
    const bare = HttpClientRequest.make(method)(`${baseUrl}${path}`).pipe(
      HttpClientRequest.setHeader("accept", "application/json, text/event-stream")
    )
    const authorized = Option.match(anonymous === true ? Option.none() : settings.apiToken, {
      onNone: () => bare,
      onSome: (token) => HttpClientRequest.bearerToken(bare, token)
    })
    return body === undefined ? authorized : HttpClientRequest.bodyUnsafeJson(authorized, body)
  }

  const send = (call: Omit<Call, "limits">) =>
    Effect.mapError(client.execute(requestOf(call)), (error) => failureOf(baseUrl, call.operation, error))

  /** Whether the server answers anything at all. The client does not tell when a connection stands. */
  const answers = (call: Call) =>
    send({ operation: call.operation, method: "GET", path: "/lmstudio-greeting" }).pipe(
      Effect.flatMap((response) =>
        Effect.mapError(response.text, (error) => failureOf(baseUrl, call.operation, error))
      ),
      Effect.timeoutFail({
        duration: lookLimit(call.limits.connect),
        onTimeout: () => timeout(call.operation, "Connect", call.limits.connect)
      })
    )

  /** One fiber reads and another one keeps the limits, however many pieces the reply comes in. */
  const open = Effect.fnUntraced(function* (call: Call) {
    const { limits, operation } = call
    const clock = yield* Effect.clock
    const startedAt = clock.unsafeCurrentTimeMillis()
    const headers = yield* Deferred.make<HttpClientResponse, TransportError>()
    const body = yield* Mailbox.make<Uint8Array, TransportError>()
    const seen: Seen = { answered: false, lastByteAt: undefined, whole: false }
    const fail = (error: TransportError) => Effect.zipRight(Deferred.fail(headers, error), body.fail(error))

    const reading = Effect.mapError(send(call), Option.some).pipe(
      Effect.tap((response) => {
        seen.answered = true
        return Deferred.succeed(headers, response)
      }),
      Effect.flatMap((response) => Stream.toPull(response.stream)),
      Effect.flatMap((pull) => {
        const piece = Effect.mapError(
          pull,
          Option.map((error) => failureOf(baseUrl, operation, error))
        )
        const next: Effect.Effect<never, Option.Option<TransportError>> = Effect.flatMap(piece, (pieces) => {
          seen.lastByteAt = clock.unsafeCurrentTimeMillis()
          body.unsafeOfferAll(pieces)
          return next
        })
        return next
      }),
      Effect.scoped,
      Effect.catchAll(Option.match({ onNone: () => body.end, onSome: fail }))
    )

    const watching = Effect.gen(function* () {
      let connectAt: number | undefined = startedAt + Duration.toMillis(limits.connect)
      for (;;) {
        const now = clock.unsafeCurrentTimeMillis()
        const { late, until } = nextLimit(call, startedAt, seen.lastByteAt)
        if (now >= until) return yield* fail(late())
        if (connectAt !== undefined && now >= connectAt) {
          connectAt = undefined
          if (!seen.answered) yield* Effect.fork(Effect.catchAll(answers(call), fail))
        }
        // the first byte may begin a shorter limit in the meantime
        const waitUntil = Math.min(until, connectAt ?? until, now + Duration.toMillis(limits.betweenBytes))
        yield* Effect.sleep(Duration.millis(waitUntil - now))
      }
    })

    const reader = yield* Effect.acquireRelease(Effect.forkDaemon(Effect.interruptible(reading)), (fiber) =>
      seen.whole ? Effect.void : Fiber.interrupt(fiber)
    )
    const whileItReads = (self: Effect.Effect<unknown>) =>
      Effect.map(Effect.forkIn(Effect.interruptible(self), lifetime), (fiber) =>
        reader.addObserver(() => fiber.unsafeInterruptAsFork(reader.id()))
      )
    yield* whileItReads(watching)

    const response = yield* Deferred.await(headers)
    return {
      status: response.status,
      isJson: /\bjson\b/i.test(response.headers["content-type"] ?? ""),
      take: body.takeAll,
      // the caller goes on meanwhile: a connection whose reply is read to its end serves the next request
      expectEnd: Effect.suspend(() => {
        seen.whole = true
        return whileItReads(
          Effect.ensuring(Effect.sleep(lastBytesLimit), Effect.zipRight(body.end, Fiber.interrupt(reader)))
        )
      })
    } satisfies Incoming
  })

  /** A look is small: it needs no limits by phase. */
  const look = (call: Call) =>
    Effect.timeoutFail(
      Effect.flatMap(send(call), (response) =>
        Effect.mapBoth(response.text, {
          onFailure: (error) => failureOf(baseUrl, call.operation, error),
          onSuccess: (text) => ({ status: response.status, text })
        })
      ),
      { duration: call.limits.total, onTimeout: () => timeout(call.operation, "Look", call.limits.total) }
    )

  const text = (call: Call) =>
    Effect.scoped(
      Effect.flatMap(open({ ...call, limits: { ...call.limits, betweenBytes: call.limits.total } }), (incoming) =>
        Effect.map(wholeText(incoming), (body) => ({ status: incoming.status, text: body }))
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
 *
 * @since 0.1.0
 * @category constants
 */
export const lookLimit = (connect: Duration.Duration): Duration.Duration => Duration.times(connect, 3)

/**
 * The body, read to its end.
 *
 * @since 0.1.0
 * @category combinators
 */
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

/** What a request has come to. `whole`: what is still to come tells nothing new. */
interface Seen {
  answered: boolean
  lastByteAt: number | undefined
  whole: boolean
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

const failureOf = (baseUrl: string, operation: string, error: HttpClientError): LmStudioUnreachable | StreamCut =>
  error._tag === "RequestError"
    ? unreachable(baseUrl, error)
    : new StreamCut({ operation, delivered: 0, ...(error.cause === undefined ? {} : { cause: error.cause }) })

const decode = (pieces: ReadonlyArray<Uint8Array>): string => {
  const decoder = new TextDecoder()
  return pieces.map((piece) => decoder.decode(piece, { stream: true })).join("") + decoder.decode()
}
