/**
 * An `HttpClient` that connects to nothing: a script defines by route the reply, its pieces and its timing, and
 * requests are recorded.
 */
import * as HttpClient from "@effect/platform/HttpClient"
import { RequestError, ResponseError } from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

/**
 * A piece of a body: text, bytes, a pause, or an abnormal end. `cut` breaks the connection, `hang` leaves it open
 * forever.
 */
export type Piece = string | Uint8Array | { readonly pause: Duration.DurationInput } | "cut!" | "hang!"

/** The reply to one request. */
export type Reply =
  | {
      readonly _tag: "Response"
      readonly status: number
      readonly contentType: string
      readonly pieces: ReadonlyArray<Piece>
      /** Time before the headers. */
      readonly after?: Duration.DurationInput
    }
  /** Nothing listens: the code of the socket's error, such as `ECONNREFUSED`. */
  | { readonly _tag: "Refused"; readonly code: string }
  /** No headers, forever. */
  | { readonly _tag: "Silent" }

/**
 * A request and its state. `open`: its reply is still expected or being read. `read`: read to its end. `closed`:
 * aborted by the caller. `broken`: never connected, or cut.
 */
export interface Seen {
  readonly method: string
  readonly url: string
  /** Path and query, without the server. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** The body as JSON; undefined when there was none. */
  readonly body: unknown
  readonly state: "open" | "read" | "closed" | "broken"
}

/** All requests, oldest first. */
export class FakeRequests extends Context.Tag("@lms-bridge/testing/FakeRequests")<
  FakeRequests,
  Effect.Effect<ReadonlyArray<Seen>>
>() {}

/**
 * Replies by method and path, `"POST /v1/chat/completions"`. An array plays its replies in order. A call after the last
 * reply, or to an unknown route, dies loudly.
 */
export type Routes = Readonly<Record<string, Reply | ReadonlyArray<Reply>>>

/** `prefix` is the path of the server's address that precedes each route. */
export const layer = (
  routes: Routes,
  options: { readonly prefix?: string } = {}
): Layer.Layer<HttpClient.HttpClient | FakeRequests> =>
  Layer.effectContext(
    Effect.map(Ref.make<ReadonlyArray<Seen>>([]), (seen) =>
      Context.make(
        HttpClient.HttpClient,
        HttpClient.make((request, url) => answer(request, url, routes, options.prefix ?? "", seen))
      ).pipe(Context.add(FakeRequests, Ref.get(seen)))
    )
  )

export const json = (body: unknown, status = 200): Reply => ({
  _tag: "Response",
  status,
  contentType: "application/json; charset=utf-8",
  pieces: [stringify(body)]
})

export const text = (body: string, status = 200, contentType = "text/html"): Reply => ({
  _tag: "Response",
  status,
  contentType,
  pieces: [body]
})

/** A body of server-sent events, in exactly these pieces. */
export const events = (...pieces: ReadonlyArray<Piece>): Reply => ({
  _tag: "Response",
  status: 200,
  contentType: "text/event-stream",
  pieces
})

/** One `data:` event with this JSON. */
export const data = (body: unknown): string => `data: ${stringify(body)}\n\n`

/** A reply whose headers come only after this time. */
export const after = (delay: Duration.DurationInput, reply: Reply): Reply =>
  reply._tag === "Response" ? { ...reply, after: delay } : reply

export const refused = (code = "ECONNREFUSED"): Reply => ({ _tag: "Refused", code })

export const silent: Reply = { _tag: "Silent" }

/** LM Studio's answer to an unknown route: status 200. */
export const unexpectedEndpoint = (method: string, path: string): Reply =>
  json({ error: `Unexpected endpoint or method. (${method} ${path})` })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const answer = (
  request: HttpClientRequest.HttpClientRequest,
  url: URL,
  routes: Routes,
  prefix: string,
  seen: Ref.Ref<ReadonlyArray<Seen>>
): Effect.Effect<HttpClientResponse.HttpClientResponse, RequestError> =>
  Effect.gen(function* () {
    const path = `${url.pathname}${url.search}`
    const route = `${request.method} ${path.startsWith(prefix) ? path.slice(prefix.length) : path}`
    const earlier = yield* Ref.get(seen)
    const before = earlier.filter((other) => other.method === request.method && other.path === path).length
    const body = yield* bodyOf(request)
    yield* Ref.set(seen, [
      ...earlier,
      { method: request.method, url: url.href, path, headers: request.headers, body, state: "open" }
    ])
    const settle = (state: Seen["state"]) =>
      Ref.update(seen, (all) =>
        all.map((one, at) => (at === earlier.length && one.state === "open" ? { ...one, state } : one))
      )

    const found = routes[route]
    const reply = isList(found) ? found[before] : found
    if (reply === undefined) {
      return yield* Effect.dieMessage(
        `FakeHttp has no reply for request ${before + 1} of ${route}. Routes: ${Object.keys(routes).join(", ")}`
      )
    }
    switch (reply._tag) {
      case "Refused":
        yield* settle("broken")
        return yield* new RequestError({
          request,
          reason: "Transport",
          cause: Object.assign(new Error(`connect ${reply.code}`), { code: reply.code })
        })
      case "Silent":
        return yield* Effect.onInterrupt(Effect.never, () => settle("closed"))
      case "Response":
        if (reply.after !== undefined) {
          yield* Effect.onInterrupt(Effect.sleep(reply.after), () => settle("closed"))
        }
        return respond(request, reply, settle)
    }
  })

const isList = (found: Reply | ReadonlyArray<Reply> | undefined): found is ReadonlyArray<Reply> => Array.isArray(found)

const bodyOf = (request: HttpClientRequest.HttpClientRequest): Effect.Effect<unknown> =>
  request.body._tag === "Uint8Array"
    ? Effect.orDie(parse(new TextDecoder().decode(request.body.body)))
    : Effect.succeed(undefined)

const parse = Schema.decode(Schema.parseJson())

const stringify = Schema.encodeSync(Schema.parseJson())

/** Read through our own streams, so that pauses follow the test's clock. */
const respond = (
  request: HttpClientRequest.HttpClientRequest,
  { contentType, pieces, status }: Extract<Reply, { readonly _tag: "Response" }>,
  settle: (state: Seen["state"]) => Effect.Effect<void>
): HttpClientResponse.HttpClientResponse => {
  const response = HttpClientResponse.fromWeb(
    request,
    new Response(null, { status, headers: { "content-type": contentType } })
  )
  const broken = () =>
    new ResponseError({
      request,
      response,
      reason: "Decode",
      cause: Object.assign(new Error("aborted"), { code: "ECONNRESET" })
    })
  const emit = (piece: Piece): Stream.Stream<Uint8Array, ResponseError> => {
    if (piece === "cut!")
      return Stream.fromEffect(
        Effect.zipRight(
          settle("broken"),
          Effect.suspend(() => broken())
        )
      )
    if (piece === "hang!") return Stream.never
    if (typeof piece === "string") return Stream.make(new TextEncoder().encode(piece))
    return piece instanceof Uint8Array ? Stream.make(piece) : Stream.drain(Stream.fromEffect(Effect.sleep(piece.pause)))
  }
  const stream = Stream.flatMap(Stream.fromIterable(pieces), emit).pipe(
    Stream.onEnd(settle("read")),
    Stream.ensuring(settle("closed"))
  )
  const whole = stream.pipe(Stream.decodeText(), Stream.mkString)
  return Object.defineProperties(response, {
    stream: { value: stream },
    text: { value: whole },
    json: { value: Effect.flatMap(whole, (body) => Effect.mapError(parse(body), broken)) }
  })
}
