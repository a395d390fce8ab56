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
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
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
 * A reply that is still coming in. `lastBytes` ends the patience between bytes: nothing is expected but the end.
 *
 * @since 0.1.0
 * @category models
 */
export interface Incoming {
  readonly status: number
  readonly isJson: boolean
  readonly bytes: Stream.Stream<Uint8Array, TransportError>
  readonly lastBytes: Effect.Effect<void>
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
  /** The same, read to its end. */
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
  const client = (yield* HttpClient.HttpClient).pipe(HttpClient.withTracerPropagation(false), HttpClient.withScope)
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

  /**
   * The client does not tell when a connection stands. So a request that has had no answer for the time a connection
   * may take is checked on: does the server answer anything at all?
   */
  const watchConnection = (call: Call): Effect.Effect<never, TransportError> =>
    send({ operation: call.operation, method: "GET", path: "/lmstudio-greeting" }).pipe(
      Effect.scoped,
      Effect.timeoutFail({
        duration: lookLimit(call.limits.connect),
        onTimeout: () => timeout(call.operation, "Connect", call.limits.connect)
      }),
      Effect.delay(call.limits.connect),
      Effect.zipRight(Effect.never)
    )

  const open = Effect.fnUntraced(function* (call: Call) {
    const { limits, operation } = call
    const startedAt = yield* Clock.currentTimeMillis
    const firstByteAt = startedAt + Duration.toMillis(limits.firstByte)
    const totalAt = startedAt + Duration.toMillis(limits.total)
    const between = yield* Ref.make(limits.betweenBytes)

    /** Whichever limit ends first, that of the phase or the total, and the error when it does. */
    const limitOf = (phase: "FirstByte" | "BetweenBytes") =>
      Effect.map(Effect.all([Clock.currentTimeMillis, Ref.get(between)]), ([now, patience]) => {
        const inPhase = phase === "FirstByte" ? firstByteAt - now : Duration.toMillis(patience)
        return {
          duration: Duration.millis(Math.max(0, Math.min(inPhase, totalAt - now))),
          error:
            totalAt - now < inPhase
              ? timeout(operation, "Total", limits.total)
              : timeout(operation, phase, phase === "FirstByte" ? limits.firstByte : limits.betweenBytes)
        }
      })

    const headers: Effect.Effect<HttpClientResponse, TransportError, Scope.Scope> =
      call.method === "GET" ? send(call) : Effect.raceFirst(send(call), watchConnection(call))
    const response = yield* Effect.flatMap(limitOf("FirstByte"), ({ duration, error }) =>
      Effect.timeoutFail(headers, { duration, onTimeout: () => error })
    )

    const bytes = Stream.unwrapScoped(
      Effect.gen(function* () {
        const pull = yield* Stream.toPull(
          Stream.mapError(response.stream, (error): TransportError => failureOf(baseUrl, operation, error))
        )
        const begun = yield* Ref.make(false)
        return Stream.repeatEffectChunkOption(
          Ref.getAndSet(begun, true).pipe(
            Effect.flatMap((begun) => limitOf(begun ? "BetweenBytes" : "FirstByte")),
            Effect.flatMap(({ duration, error }) =>
              Effect.timeoutFail(pull, { duration, onTimeout: () => Option.some<TransportError>(error) })
            )
          )
        )
      })
    )

    return {
      status: response.status,
      isJson: /\bjson\b/i.test(response.headers["content-type"] ?? ""),
      bytes,
      lastBytes: Ref.update(between, Duration.min(lastBytesLimit))
    } satisfies Incoming
  })

  const text = (call: Call) =>
    Effect.flatMap(open(call), ({ bytes, status }) =>
      Effect.map(Stream.runCollect(bytes), (chunks) => ({ status, text: decode(Chunk.toReadonlyArray(chunks)) }))
    ).pipe(Effect.scoped)

  const transport: Transport = { baseUrl, hasToken: Option.isSome(settings.apiToken), open, text }
  return transport
})

/**
 * A request that only looks is answered from memory: it may take three times as long as a connection.
 *
 * @since 0.1.0
 * @category constants
 */
export const lookLimit = (connect: Duration.Duration): Duration.Duration => Duration.times(connect, 3)

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
