/**
 * Requests to one server with time limits for each phase. Interrupting a request, or closing the scope that reads its
 * reply, closes the socket at once.
 */
import * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientError } from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Scope from "effect/Scope"
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

/** A request, which is sent when `incoming` is run. */
export interface Opening {
  readonly incoming: Effect.Effect<Incoming, TransportError>
  /**
   * Fails when the server has gone or a limit has passed. Race it with the reading of the reply as a whole: a race for
   * each piece would cost more than the piece.
   */
  readonly overdue: Effect.Effect<never, TransportError>
}

/** A reply that is still coming in. */
export interface Incoming {
  readonly head: Head
  /** The next pieces of the body; `None` is its end. Without limits, see `overdue`. */
  readonly pull: Effect.Effect<Chunk.Chunk<Uint8Array>, Option.Option<TransportError>>
  /**
   * The reply is complete: the rest gets two seconds, and if it does not end by then, the stream does not count as cut.
   */
  readonly expectEnd: Effect.Effect<void>
}

export type TransportError = LmStudioUnreachable | RequestTimeout | StreamCut | ReplyMalformed

export interface Transport {
  readonly baseUrl: string
  readonly hasToken: boolean
  /** Opens a request. Any status succeeds: the body decides. */
  readonly open: (call: Call) => Effect.Effect<Opening, never, Scope.Scope>
  /** The same, read to its end. There is no limit between bytes; the total is the limit. */
  readonly text: (call: Call) => Effect.Effect<{ readonly status: number; readonly text: string }, TransportError>
}

/** How long a server may take to close the stream after it has marked the reply as complete. */
export const lastBytesLimit = Duration.seconds(2)

export const make = Effect.gen(function* () {
  const settings = yield* Settings
  // a request ends with its scope; our spans are not propagated to LM Studio
  const client = HttpClient.withScope(HttpClient.withTracerPropagation(yield* HttpClient.HttpClient, false))
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
      Effect.tap(client.execute(requestOf(call)), ({ status }) =>
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

  const open: Transport["open"] = Effect.fnUntraced(function* (call) {
    const startedAt = yield* Clock.currentTimeMillis
    const seen = yield* Ref.make<Seen>({ bytes: 0, waitsSince: startedAt, wholeAt: undefined })
    const answered = yield* Deferred.make<void>()
    const rest = yield* Ref.make(Option.none<Effect.Effect<void>>())
    const scope = yield* Effect.acquireRelease(Scope.make(), (scope, exit) =>
      // drained in the background: a connection whose reply is read to its end can serve the next request
      Effect.flatMap(
        Ref.get(rest),
        Option.match({
          onNone: () => Scope.close(scope, exit),
          onSome: (reading) =>
            Effect.forkIn(Effect.ensuring(Effect.interruptible(reading), Scope.close(scope, exit)), lifetime)
        })
      )
    )

    const incoming = Effect.gen(function* () {
      const { headers, status, stream } = yield* send(call)
      yield* Deferred.succeed(answered, undefined)
      const raw = Effect.mapError(
        yield* Stream.toPull(stream),
        Option.map((error) => failureOf(baseUrl, call, error, true))
      )
      // for each piece of a reply: `Effect.zip` and `Effect.all` take many times the steps of a gen
      const waiting: Incoming["pull"] = Effect.gen(function* () {
        const before = yield* Ref.get(seen)
        const now = yield* Clock.currentTimeMillis
        if (before.wholeAt !== undefined) {
          const duration = Math.max(0, before.wholeAt + Duration.toMillis(lastBytesLimit) - now)
          return yield* Effect.timeoutFail(raw, { duration, onTimeout: Option.none })
        }
        const wait = { ...before, waitsSince: now }
        const { at, late } = limitOf(call, startedAt, wait)
        if (at <= now) return yield* Effect.fail(Option.some(late()))
        yield* Ref.set(seen, wait)
        return yield* raw
      })
      const pull = Effect.flatMap(waiting, (pieces) =>
        Effect.flatMap(Ref.updateAndGet(seen, counted(pieces)), ({ bytes }) =>
          bytes <= maxBytes ? Effect.succeed(pieces) : Effect.fail(Option.some(tooLarge(call, maxBytes)))
        )
      )
      return {
        head: { status, isJson: /\bjson\b/i.test(headers["content-type"] ?? "") },
        pull,
        expectEnd: Effect.flatMap(Clock.currentTimeMillis, (wholeAt) =>
          Effect.zipRight(
            Ref.update(seen, (before) => ({ ...before, wholeAt })),
            Ref.set(rest, Option.some(Effect.ignore(Effect.forever(pull))))
          )
        )
      }
    }).pipe(Scope.extend(scope))

    const totalAt = startedAt + Duration.toMillis(call.limits.total)
    const lookAt = startedAt + Duration.toMillis(call.limits.connect)
    /** `looked`: the server has been checked. Most replies begin before this check starts. */
    const overdue = (looked: boolean): Effect.Effect<never, TransportError> =>
      Effect.gen(function* () {
        const state = yield* Ref.get(seen)
        const now = yield* Clock.currentTimeMillis
        const { at, late } = limitOf(call, startedAt, state)
        if (at <= now) return yield* Effect.fail(late())
        const looks = !looked && !(yield* Deferred.isDone(answered))
        if (looks && lookAt <= now) {
          yield* Effect.timeoutFail(answers(call), { duration: at - now, onTimeout: late }).pipe(
            Effect.raceFirst(Deferred.await(answered))
          )
          return yield* overdue(true)
        }
        // no limit of a wait that begins later passes before this
        const betweenAt = now + Duration.toMillis(call.limits.betweenBytes)
        const next = Math.min(at, betweenAt, totalAt > now ? totalAt : at, looks ? lookAt : at)
        yield* Effect.sleep(next - now)
        return yield* overdue(looked)
      })
    return { incoming, overdue: overdue(false) }
  })

  const text = (call: Call) =>
    Effect.scoped(
      Effect.flatMap(open({ ...call, limits: { ...call.limits, betweenBytes: call.limits.total } }), (opening) =>
        Effect.flatMap(opening.incoming, (incoming) =>
          Effect.map(wholeText(incoming), (text) => ({ status: incoming.head.status, text }))
        ).pipe(Effect.raceFirst(opening.overdue))
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
 * While LM Studio works on a request, we check whether it is still there: when busy, it may take three times as long
 * for that as for accepting a connection.
 */
export const lookLimit = (connect: Duration.Duration): Duration.Duration => Duration.times(connect, 3)

/** The body, read to its end. */
export const wholeText = ({ pull }: Incoming): Effect.Effect<string, TransportError> =>
  Stream.mkString(Stream.decodeText(Stream.repeatEffectChunkOption(pull)))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** The part of a reply that has arrived, and since when its reader waits for more. Times are epoch milliseconds. */
interface Seen {
  readonly bytes: number
  readonly waitsSince: number | undefined
  /** After that, the rest carries nothing new. */
  readonly wholeAt: number | undefined
}

const counted =
  (pieces: Chunk.Chunk<Uint8Array>) =>
  (before: Seen): Seen => ({
    ...before,
    bytes: Chunk.reduce(pieces, before.bytes, (sum, { length }) => sum + length),
    waitsSince: undefined
  })

/** The limit that passes first, and when. None passes while the reader does not wait or when the reply is complete. */
const limitOf = (call: Call, startedAt: number, { bytes, waitsSince, wholeAt }: Seen) => {
  const { betweenBytes, firstByte, total } = call.limits
  const whole = { at: startedAt + Duration.toMillis(total), late: timeout(call, "Total", total).onTimeout }
  if (waitsSince === undefined || wholeAt !== undefined) return { ...whole, at: Number.POSITIVE_INFINITY }
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
