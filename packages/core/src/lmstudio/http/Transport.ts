/**
 * Requests to one server with time limits for each phase. Interrupting a request, or closing the scope that reads its
 * reply, closes the socket at once.
 */
import * as HttpClient from "@effect/platform/HttpClient"
import type { HttpClientError } from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
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

/** A reply that is still coming in. */
export interface Incoming {
  readonly head: Head
  /** The next pieces of the body, within the limits; `None` is its end. */
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
  /** Sends the request and waits for the headers. Any status succeeds: the body decides. */
  readonly open: (call: Call) => Effect.Effect<Incoming, TransportError, Scope.Scope>
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
    Effect.suspend(() => client.execute(requestOf(call))).pipe(
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

  /**
   * Ends the wait for headers: the server has gone, or the limit has passed. Most replies begin before this check
   * starts.
   */
  const headersLate = (call: Call, startedAt: number) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) =>
      Effect.timeoutFail(Effect.zipRight(answers(call), Effect.never), nextLimit(call, startedAt, nothing, now))
    ).pipe(Effect.delay(Duration.min(call.limits.connect, Duration.min(call.limits.firstByte, call.limits.total))))

  const open: Transport["open"] = Effect.fnUntraced(function* (call) {
    const startedAt = yield* Clock.currentTimeMillis
    const seen = yield* Ref.make(nothing)
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
    const { headers, status, stream } = yield* Effect.raceFirst(
      Scope.extend(send(call), scope),
      headersLate(call, startedAt)
    )
    const body = yield* Scope.extend(Stream.toPull(stream), scope)
    const raw = Effect.mapError(
      body,
      Option.map((error) => failureOf(baseUrl, call, error, true))
    )

    const inTime = Effect.zipWith(Ref.get(seen), Clock.currentTimeMillis, (before, now) => {
      if (before.wholeAt !== undefined) {
        const duration = Math.max(0, before.wholeAt + Duration.toMillis(lastBytesLimit) - now)
        return Effect.timeoutFail(raw, { duration, onTimeout: Option.none })
      }
      const { duration, onTimeout } = nextLimit(call, startedAt, before, now)
      return Effect.timeoutFail(raw, { duration, onTimeout: () => Option.some(onTimeout()) })
    })
    const counted = (pieces: Chunk.Chunk<Uint8Array>) => (before: Seen) => ({
      ...before,
      bytes: Chunk.reduce(pieces, before.bytes, (sum, { length }) => sum + length)
    })
    const pull = Effect.flatMap(Effect.flatten(inTime), (pieces) =>
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
  })

  const text = (call: Call) =>
    Effect.scoped(
      Effect.flatMap(open({ ...call, limits: { ...call.limits, betweenBytes: call.limits.total } }), (incoming) =>
        Effect.map(wholeText(incoming), (text) => ({ status: incoming.head.status, text }))
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

/** The part of a reply that has arrived. After `wholeAt` (epoch milliseconds), the rest carries nothing new. */
interface Seen {
  readonly bytes: number
  readonly wholeAt: number | undefined
}

const nothing: Seen = { bytes: 0, wholeAt: undefined }

/** The limit that passes first while we wait for the next bytes. */
const nextLimit = (call: Call, startedAt: number, { bytes }: Seen, now: number) => {
  const { limits } = call
  const whole = startedAt + Duration.toMillis(limits.total) - now
  const [phase, limit, left] =
    bytes === 0
      ? (["FirstByte", limits.firstByte, startedAt + Duration.toMillis(limits.firstByte) - now] as const)
      : (["BetweenBytes", limits.betweenBytes, Duration.toMillis(limits.betweenBytes)] as const)
  const [duration, late] =
    whole <= left ? [whole, timeout(call, "Total", limits.total)] : [left, timeout(call, phase, limit)]
  return { ...late, duration: Math.max(0, duration) }
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
