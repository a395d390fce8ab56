/**
 * An `HttpClient` that reaches the simulator without sockets. Streams stay Effect streams, so that a test's clock
 * drives every byte; interrupting a reply looks to the simulator like a client that went away.
 */
import type * as HttpBody from "@effect/platform/HttpBody"
import * as Cookies from "@effect/platform/Cookies"
import * as Headers from "@effect/platform/Headers"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as HttpIncomingMessage from "@effect/platform/HttpIncomingMessage"
import * as UrlParams from "@effect/platform/UrlParams"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Inspectable from "effect/Inspectable"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as HttpApi from "../http/HttpApi.ts"
import type { World } from "../World.ts"

/** The addresses at which the simulator seems to listen. */
export interface Addresses {
  /** Host names of this machine. */
  readonly hosts: ReadonlyArray<string>
  readonly statusPort: number
}

export const make = (world: World, addresses: Addresses): HttpClient.HttpClient =>
  HttpClient.make((request, url, signal) =>
    Effect.gen(function* () {
      const serve = yield* listenerAt(world, addresses, url)
      if (serve === undefined) return yield* refused(request, url)
      const incoming = {
        method: request.method,
        path: url.pathname + url.search,
        headers: request.headers,
        body: yield* bodyText(request)
      }
      const head = yield* Deferred.make<Head, HttpClientError.RequestError>()
      const bytes = yield* Mailbox.make<Uint8Array, SocketClosed>()
      const broken = new HttpClientError.RequestError({ request, reason: "Transport", cause: new SocketClosed() })
      const fiber = yield* world.state.fork(
        serve(world, incoming, {
          head: (status, headers) => Effect.asVoid(Deferred.succeed(head, { status, headers })),
          write: (chunk) => Effect.asVoid(bytes.offer(chunk)),
          end: Effect.asVoid(bytes.end),
          destroy: Effect.zipRight(Deferred.fail(head, broken), Effect.asVoid(bytes.fail(new SocketClosed()))),
          refuse: Effect.asVoid(Deferred.failCause(head, Cause.fail(refusal(request, url))))
        })
      )
      const hangUp = Fiber.interruptFork(fiber)
      // Aborted when the caller is interrupted, before the head or while the body is read.
      signal.addEventListener("abort", () => fiber.unsafeInterruptAsFork(fiber.id()), { once: true })
      const { headers, status } = yield* Deferred.await(head)
      return yield* response(request, status, headers, Stream.ensuring(Mailbox.toStream(bytes), hangUp))
    })
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Head {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
}

/** Node's ECONNRESET. */
class SocketClosed extends Schema.TaggedError<SocketClosed>()("SimulatedSocketClosed", {
  code: Schema.optionalWith(Schema.String, { default: () => "ECONNRESET" })
}) {
  readonly retryable = true
  override get message() {
    return "aborted"
  }
}

/** Node's ECONNREFUSED. */
class NobodyListens extends Schema.TaggedError<NobodyListens>()("SimulatedNobodyListens", {
  code: Schema.optionalWith(Schema.String, { default: () => "ECONNREFUSED" }),
  address: Schema.String
}) {
  readonly retryable = true
  override get message() {
    return `connect ECONNREFUSED ${this.address}`
  }
}

const refusal = (request: HttpClientRequest.HttpClientRequest, url: URL) =>
  new HttpClientError.RequestError({ request, reason: "Transport", cause: new NobodyListens({ address: url.host }) })

const refused = (request: HttpClientRequest.HttpClientRequest, url: URL) => Effect.fail(refusal(request, url))

const listenerAt = Effect.fnUntraced(function* (world: World, addresses: Addresses, url: URL) {
  const { port, settings } = yield* world.state.get
  const asked = Number(url.port === "" ? (url.protocol === "https:" ? 443 : 80) : url.port)
  if (!addresses.hosts.includes(url.hostname)) {
    yield* world.recorder.problem(`A request went to ${url.host}, which is not the simulator.`)
    return undefined
  }
  if (settings.appRunning && asked === addresses.statusPort) return HttpApi.serveStatus
  return settings.serverRunning && asked === port ? HttpApi.serve : undefined
})

const bodyText = (
  request: HttpClientRequest.HttpClientRequest
): Effect.Effect<string, HttpClientError.RequestError> => {
  const body: HttpBody.HttpBody = request.body
  switch (body._tag) {
    case "Empty":
      return Effect.succeed("")
    case "Uint8Array":
      return Effect.succeed(new TextDecoder().decode(body.body))
    case "Raw":
      return Effect.succeed(String(body.body))
    case "FormData":
      return Effect.succeed("")
    case "Stream":
      return body.stream.pipe(
        Stream.decodeText(),
        Stream.mkString,
        Effect.mapError((cause) => new HttpClientError.RequestError({ request, reason: "Encode", cause }))
      )
  }
}

const response = Effect.fnUntraced(function* (
  request: HttpClientRequest.HttpClientRequest,
  status: number,
  headers: Readonly<Record<string, string>>,
  bytes: Stream.Stream<Uint8Array, SocketClosed>
) {
  const unreadable = (cause: unknown) =>
    new HttpClientError.ResponseError({ request, response: reply, reason: "Decode", cause })
  const stream = Stream.mapError(bytes, unreadable)
  const text = yield* Effect.cached(stream.pipe(Stream.decodeText(), Stream.mkString))
  const reply: HttpClientResponse.HttpClientResponse = {
    ...Inspectable.BaseProto,
    [HttpIncomingMessage.TypeId]: HttpIncomingMessage.TypeId,
    [HttpClientResponse.TypeId]: HttpClientResponse.TypeId,
    toJSON: () => ({ _id: "SimulatedResponse", status, headers }),
    request,
    status,
    headers: Headers.fromInput(headers),
    cookies: Cookies.empty,
    remoteAddress: Option.some("127.0.0.1"),
    stream,
    text,
    json: Effect.flatMap(text, (body) =>
      body === "" ? Effect.succeed(null) : Effect.mapError(decodeJson(body), unreadable)
    ),
    urlParamsBody: Effect.map(text, (body) => UrlParams.fromInput(new URLSearchParams(body))),
    arrayBuffer: Effect.map(text, (body) => {
      const encoded = new TextEncoder().encode(body)
      return encoded.buffer.slice(encoded.byteOffset, encoded.byteOffset + encoded.byteLength)
    }),
    formData: Effect.suspend(() => Effect.fail(unreadable("LM Studio sends no form data")))
  }
  return reply
})

const decodeJson = Schema.decode(Schema.parseJson(Schema.Unknown))
