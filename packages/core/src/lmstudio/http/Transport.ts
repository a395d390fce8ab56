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
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
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

  const requestOf = ({ body, method, path }: Pick<Call, "method" | "path" | "body">) => {
    const bare = HttpClientRequest.make(method)(`${baseUrl}${path}`).pipe(
      HttpClientRequest.setHeader("accept", "application/json, text/event-stream")
    )
    const authorized = Option.match(settings.apiToken, {
      onNone: () => bare,
      onSome: (token) => HttpClientRequest.bearerToken(bare, token)
    })
    return body === undefined ? authorized : HttpClientRequest.bodyUnsafeJson(authorized, body)
  }

  const send = (call: Pick<Call, "method" | "path" | "body" | "operation">) =>
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

  const open = Effect.fnUntraced(function* (call: Call) {
    const { limits, operation } = call
    const startedAt = yield* Clock.currentTimeMillis
    const headers = yield* Deferred.make<HttpClientResponse, TransportError>()
    const body = yield* Mailbox.make<Uint8Array, TransportError>()
    /** When the last byte came; undefined before the first one. */
    const lastByteAt = yield* Ref.make<number | undefined>(undefined)
    const fail = (error: TransportError) => Effect.zipRight(Deferred.fail(headers, error), body.fail(error))

    // one fiber reads, however long that takes; limits are kept by another one, which costs nothing per piece
    yield* send(call).pipe(
      Effect.tap((response) => Deferred.succeed(headers, response)),
      Effect.map((response) => Stream.mapError(response.stream, (error) => failureOf(baseUrl, operation, error))),
      Effect.flatMap(
        Stream.runForEachChunk((pieces) =>
          Effect.zipRight(
            Effect.flatMap(Clock.currentTimeMillis, (now) => Ref.set(lastByteAt, now)),
            body.offerAll(pieces)
          )
        )
      ),
      Effect.matchEffect({ onFailure: fail, onSuccess: () => body.end }),
      Effect.forkScoped
    )

    const total = startedAt + Duration.toMillis(limits.total)
    const endOf = (last: number | undefined) =>
      last === undefined
        ? startedAt + Duration.toMillis(limits.firstByte)
        : last + Duration.toMillis(limits.betweenBytes)
    const tooLate = (last: number | undefined) => {
      if (total < endOf(last)) return timeout(operation, "Total", limits.total)
      return last === undefined
        ? timeout(operation, "FirstByte", limits.firstByte)
        : timeout(operation, "BetweenBytes", limits.betweenBytes)
    }
    const watch: Effect.Effect<void> = Effect.flatMap(
      Effect.all([Clock.currentTimeMillis, Ref.get(lastByteAt)]),
      ([now, last]) => {
        const left = Math.min(endOf(last), total) - now
        return left <= 0
          ? fail(tooLate(last))
          : // the first byte may begin a shorter limit in the meantime
            Effect.flatMap(Effect.sleep(Math.min(left, Duration.toMillis(limits.betweenBytes))), () => watch)
      }
    )
    yield* Effect.forkScoped(watch)
    if (call.method === "POST") {
      yield* Effect.sleep(limits.connect).pipe(
        Effect.zipRight(Deferred.isDone(headers)),
        Effect.flatMap((answered) => (answered ? Effect.void : Effect.catchAll(answers(call), fail))),
        Effect.forkScoped
      )
    }

    const response = yield* Deferred.await(headers)
    const scope = yield* Effect.scope
    return {
      status: response.status,
      isJson: /\bjson\b/i.test(response.headers["content-type"] ?? ""),
      take: body.takeAll,
      expectEnd: Effect.asVoid(Effect.forkIn(Effect.delay(body.end, lastBytesLimit), scope))
    } satisfies Incoming
  })

  const read = (operation: string, response: HttpClientResponse) =>
    Effect.mapBoth(response.text, {
      onFailure: (error): TransportError => failureOf(baseUrl, operation, error),
      onSuccess: (body) => ({ status: response.status, text: body })
    })

  /** A look is small: it needs no limits by phase. */
  const look = (call: Call) =>
    Effect.timeoutFail(
      Effect.flatMap(send(call), (response) => read(call.operation, response)),
      { duration: call.limits.total, onTimeout: () => timeout(call.operation, "Look", call.limits.total) }
    )

  const text = Effect.fnUntraced(function* (call: Call) {
    const { limits, operation } = call
    const startedAt = yield* Clock.currentTimeMillis
    const connection = Effect.zipRight(Effect.delay(answers(call), limits.connect), Effect.never)
    const response = yield* Effect.timeoutFail(Effect.raceFirst(send(call), connection), {
      duration: Duration.min(limits.firstByte, limits.total),
      onTimeout: () =>
        Duration.lessThan(limits.total, limits.firstByte)
          ? timeout(operation, "Total", limits.total)
          : timeout(operation, "FirstByte", limits.firstByte)
    })
    const left = startedAt + Duration.toMillis(limits.total) - (yield* Clock.currentTimeMillis)
    return yield* Effect.timeoutFail(read(operation, response), {
      duration: Math.max(0, left),
      onTimeout: () => timeout(operation, "Total", limits.total)
    })
  })

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
