/** Requests to one server with time limits for each phase. Interrupting a request closes its socket at once. */
import * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientError } from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import { present } from "../../schema/Fields.ts"
import { stringify } from "../../json/ExactJson.ts"
import { baseUrl as addressOf, Settings } from "../../configuration/Settings.ts"
import { CurrentByteLimits, sizeOf } from "../../resilience/ByteLimits.ts"
import { ReplyMalformed, RequestTimeout, StreamCut, type LmStudioUnreachable } from "../LmStudioError.ts"
import { unreachable } from "./TransportFailure.ts"

export interface Limits {
  readonly connect: Duration.Duration
  readonly firstByte: Duration.Duration
  readonly betweenBytes: Duration.Duration
  readonly total: Duration.Duration
}

export interface Call {
  /** In a person's words: `chat`, `model list`. */
  readonly operation: string
  readonly method: "GET" | "POST"
  /** Relative to the server's root, such as `/v1/models`. */
  readonly path: string
  readonly body?: Record<string, unknown> | undefined
  /** Sent without the API token, to find out whether one is required. */
  readonly anonymous?: boolean | undefined
  readonly limits: Limits
}

/** The beginning of a reply. */
export interface Head {
  readonly status: number
  readonly isJson: boolean
}

/** The next pieces of a body; `None` is its end. */
export type Pull = Effect.Effect<Chunk.Chunk<Uint8Array>, Option.Option<TransportError>>

/** A reply that is still coming in, of which its reader makes an `A`. */
export interface Incoming<A, E> {
  readonly head: Head
  readonly pull: Pull
  /** What there is to read has been read: the rest gets two seconds, and if it does not end by then, `instead` is the result. */
  readonly expectEnd: (instead: Effect.Effect<A, E>) => Effect.Effect<void>
}

export type TransportError = LmStudioUnreachable | RequestTimeout | StreamCut | ReplyMalformed

export interface Transport {
  readonly baseUrl: string
  readonly hasToken: boolean
  /**
   * Sends a request and has its reply read within the limits. Any status succeeds: the body decides. Interruption closes the
   * socket at once; what a reader leaves is read to its end without it, so that the connection can serve the next request.
   */
  readonly exchange: <A, E>(
    call: Call,
    read: (incoming: Incoming<A, E>) => Effect.Effect<A, E>
  ) => Effect.Effect<A, E | TransportError>
  /** The same, read to its end. There is no limit between bytes; the total is the limit. */
  readonly text: (call: Call) => Effect.Effect<{ readonly status: number; readonly text: string }, TransportError>
}

/** How long a server may take to close the stream after it has marked the reply as complete. */
export const lastBytesLimit = Duration.seconds(2)

export const make = Effect.gen(function* () {
  const settings = yield* Settings
  // a request ends with its scope
  const client = HttpClient.withScope(yield* HttpClient.HttpClient)
  // our spans are not propagated to LM Studio
  const tracedClient = HttpClient.withTracerPropagation(client, false)
  const execute = (request: HttpClientRequest.HttpClientRequest) =>
    Effect.flatMap(FiberRef.get(FiberRef.currentTracerEnabled), (isTraced) =>
      (isTraced ? tracedClient : client).execute(request)
    )
  const { reply: maxBytes } = yield* CurrentByteLimits
  const baseUrl = addressOf(settings)
  const lifetime = yield* Effect.scope
  const answeredBefore = yield* Ref.make(false)

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
    Effect.flatMap(Clock.currentTimeMillis, (start) =>
      Effect.tap(execute(requestOf(call)), ({ status }) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) =>
          Effect.logDebug("request to LM Studio", {
            route: `${call.method} ${call.path}`,
            ...present({ model: call.body?.["model"] }),
            status,
            firstByteMillis: now - start
          })
        )
      )
    ).pipe(
      Effect.tap(Ref.set(answeredBefore, true)),
      Effect.catchAll((error) =>
        Effect.flatMap(Ref.get(answeredBefore), (before) => Effect.fail(failureOf(baseUrl, call, error, before)))
      )
    )

  const read = (call: Omit<Call, "limits">) =>
    Effect.scoped(
      Effect.flatMap(send(call), (response) =>
        Effect.mapBoth(response.text, {
          onFailure: (error) => failureOf(baseUrl, call, error, true),
          onSuccess: (text) => ({ status: response.status, text })
        })
      )
    )

  /** For GET requests, which are small and need no limits by phase. */
  const look = (call: Call) => Effect.timeoutFail(read(call), timeout(call, "Look", call.limits.total))

  /** Whether the server answers at all. The client does not report when a connection is established. */
  const answers = (call: Call) =>
    Effect.timeoutFail(read({ operation: call.operation, method: "GET", path: "/lmstudio-greeting" }), {
      ...timeout(call, "Connect", call.limits.connect),
      duration: lookLimit(call.limits.connect)
    })

  const exchange: Transport["exchange"] = Effect.fnUntraced(function* <A, E>(
    call: Call,
    read: (incoming: Incoming<A, E>) => Effect.Effect<A, E>
  ) {
    const startedAt = yield* Clock.currentTimeMillis
    const result = yield* Deferred.make<A, E | TransportError>()
    const seen: Seen<A, E> = { bytes: 0, waitsSince: startedAt, isAnswered: false }

    const reading = Effect.gen(function* () {
      const { headers, status, stream } = yield* send(call)
      seen.isAnswered = true
      if (seen.look !== undefined) yield* Deferred.succeed(seen.look, undefined)
      const raw = yield* Stream.toPull(stream)
      const pull: Pull = Effect.flatMap(Clock.currentTimeMillis, (now): Pull => {
        seen.waitsSince = now
        const { at, late } = limitOf(call, startedAt, seen)
        if (at <= now && seen.over === undefined) return Effect.fail(Option.some(late()))
        return Effect.matchEffect(raw, {
          onFailure: (failure) => Effect.fail(Option.map(failure, (error) => failureOf(baseUrl, call, error, true))),
          onSuccess: (pieces) => {
            seen.waitsSince = undefined
            for (const { length } of pieces) seen.bytes += length
            return seen.bytes <= maxBytes ? Effect.succeed(pieces) : Effect.fail(Option.some(tooLarge(call, maxBytes)))
          }
        })
      })
      const expectEnd = (instead: Effect.Effect<A, E>) =>
        Effect.map(Clock.currentTimeMillis, (now) => void (seen.over = { at: seen.over?.at ?? now, instead }))
      const value = yield* read({
        head: { status, isJson: /\bjson\b/i.test(headers["content-type"] ?? "") },
        pull,
        expectEnd
      })
      yield* expectEnd(Effect.succeed(value))
      yield* Deferred.succeed(result, value)
      yield* Effect.ignore(Effect.forever(pull))
      return value
    }).pipe(Effect.scoped)

    const totalAt = startedAt + Duration.toMillis(call.limits.total)
    const lookAt = startedAt + Duration.toMillis(call.limits.connect)
    /** A race for each piece would cost more than the piece, so one is run with the whole. `looked`: the server has been checked. */
    const overdue = (looked: boolean): Effect.Effect<A, E | TransportError> =>
      Effect.gen(function* () {
        const now = yield* Clock.currentTimeMillis
        const { at, late } = limitOf(call, startedAt, seen)
        if (at <= now) return yield* seen.over?.instead ?? Effect.fail(late())
        // most replies begin before this
        const looks = !looked && !seen.isAnswered
        if (looks && lookAt <= now) {
          seen.look = yield* Deferred.make<void>()
          yield* Effect.timeoutFail(answers(call), { duration: at - now, onTimeout: late }).pipe(
            Effect.raceFirst(Deferred.await(seen.look))
          )
          return yield* overdue(true)
        }
        // no limit of a wait that begins later passes before this
        const soonest = now + Math.min(Duration.toMillis(call.limits.betweenBytes), Duration.toMillis(lastBytesLimit))
        yield* Effect.sleep(Math.min(at, soonest, totalAt > now ? totalAt : at, looks ? lookAt : at) - now)
        return yield* overdue(looked)
      })

    return yield* Effect.uninterruptibleMask((restore) =>
      Effect.raceFirst(reading, overdue(false)).pipe(
        Effect.interruptible,
        Effect.exit,
        Effect.flatMap((exit) => Deferred.done(result, exit)),
        Effect.forkIn(lifetime),
        Effect.flatMap((fiber) => Effect.onInterrupt(restore(Deferred.await(result)), () => Fiber.interrupt(fiber)))
      )
    )
  })

  const text = (call: Call) =>
    exchange<{ readonly status: number; readonly text: string }, TransportError>(
      { ...call, limits: { ...call.limits, betweenBytes: call.limits.total } },
      ({ head: { status }, pull }) => Effect.map(wholeText(pull), (text) => ({ status, text }))
    )

  const transport: Transport = {
    baseUrl,
    hasToken: Option.isSome(settings.apiToken),
    exchange,
    text: (call) => (call.method === "GET" ? look(call) : text(call))
  }
  return transport
})

/**
 * While LM Studio works on a request, we check whether it is still there: when busy, it may take three times as long
 * for that as for accepting a connection.
 */
export const lookLimit = (connect: Duration.Duration): Duration.Duration => Duration.times(connect, 3)

/** The body, read to its end. */
export const wholeText = (pull: Pull): Effect.Effect<string, TransportError> =>
  Stream.mkString(Stream.decodeText(Stream.repeatEffectChunkOption(pull)))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** The part of a reply that has arrived, and since when its reader waits for more. Times are epoch milliseconds. */
interface Seen<A, E> {
  bytes: number
  waitsSince: number | undefined
  isAnswered: boolean
  /** Whether the server answers is being looked at, until this is done. */
  look?: Deferred.Deferred<void>
  /** Since when nothing new is expected. */
  over?: { readonly at: number; readonly instead: Effect.Effect<A, E> }
}

/** The limit that passes first, and when. None passes while the reader does not wait. */
const limitOf = <A, E>(call: Call, startedAt: number, { bytes, over, waitsSince }: Seen<A, E>) => {
  const { betweenBytes, firstByte, total } = call.limits
  const whole = { at: startedAt + Duration.toMillis(total), late: timeout(call, "Total", total).onTimeout }
  if (waitsSince === undefined) return { ...whole, at: Number.POSITIVE_INFINITY }
  if (over !== undefined) return { ...whole, at: over.at + Duration.toMillis(lastBytesLimit) }
  const next =
    bytes === 0
      ? { at: startedAt + Duration.toMillis(firstByte), late: timeout(call, "FirstByte", firstByte).onTimeout }
      : {
          at: waitsSince + Duration.toMillis(betweenBytes),
          late: timeout(call, "BetweenBytes", betweenBytes).onTimeout
        }
  return whole.at <= next.at ? whole : next
}

const timeout = ({ operation }: Call, phase: RequestTimeout["phase"], limit: Duration.Duration) => ({
  duration: limit,
  onTimeout: () => new RequestTimeout({ operation, phase, limit, delivered: 0 })
})

const failureOf = (
  baseUrl: string,
  { operation }: Pick<Call, "operation">,
  error: HttpClientError,
  answeredBefore: boolean
) =>
  error._tag === "RequestError"
    ? unreachable(baseUrl, error, answeredBefore)
    : new StreamCut({ operation, delivered: 0, ...present({ cause: error.cause }) })

const tooLarge = ({ operation }: Call, most: number) =>
  new ReplyMalformed({ operation, detail: `it does not end, or is larger than ${sizeOf(most)}` })
