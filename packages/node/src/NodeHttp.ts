// @effect-diagnostics nodeBuiltinImport:off -- this is where HTTP meets Node
/**
 * An `HttpClient` over node:http whose connections stay open, for requests to a server nearby. The one of
 * `@effect/platform-node` takes four to six times the CPU for a request: it puts a span, an `AbortSignal` and layers of
 * streams on each. `LmStudioApi` has spans of its own.
 */
import * as Cookies from "@effect/platform/Cookies"
import * as Headers from "@effect/platform/Headers"
import * as HttpClient from "@effect/platform/HttpClient"
import { type HttpClientError, RequestError, ResponseError } from "@effect/platform/HttpClientError"
import type { HttpClientRequest } from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as HttpIncomingMessage from "@effect/platform/HttpIncomingMessage"
import * as UrlParams from "@effect/platform/UrlParams"
import { EachPiece } from "@lms-bridge/core/lmstudio/http/ReplyBody"
import * as Effect from "effect/Effect"
import * as Inspectable from "effect/Inspectable"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Http from "node:http"
import * as Https from "node:https"

export const layer = Layer.scoped(
  HttpClient.HttpClient,
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => ({ http: new Http.Agent({ keepAlive: true }), https: new Https.Agent({ keepAlive: true }) })),
      ({ http, https }) => Effect.sync(() => (http.destroy(), https.destroy()))
    ),
    (agents) => HttpClient.makeWith<never, never, HttpClientError, never>(Effect.flatMap(send(agents)), Effect.succeed)
  )
)

interface Agents {
  readonly http: Http.Agent
  readonly https: Https.Agent
}

/** Interrupted before there is a reply, it closes the socket. */
const send =
  (agents: Agents) =>
  (request: HttpClientRequest): Effect.Effect<HttpClientResponse.HttpClientResponse, RequestError> => {
    const url = UrlParams.makeUrl(request.url, request.urlParams, request.hash)
    if (url._tag === "Left") return new RequestError({ request, reason: "InvalidUrl", cause: url.left })
    const { body, headers, method } = request
    if (body._tag !== "Empty" && body._tag !== "Uint8Array") {
      return new RequestError({ request, reason: "Encode", description: `It sends no body of kind ${body._tag}.` })
    }
    return Effect.async((resume) => {
      const [{ request: open }, agent] = url.right.protocol === "https:" ? [Https, agents.https] : [Http, agents.http]
      const sent = open(url.right, { method, headers, agent }, (message) =>
        resume(Effect.succeed(new Reply(request, message)))
      )
      // later ones are told by the reply as well, and must have been heard here
      sent.on("error", (cause) => resume(new RequestError({ request, reason: "Transport", cause })))
      sent.end(body._tag === "Empty" ? undefined : body.body)
      return Effect.sync(() => sent.destroy())
    })
  }

/** Its body can be read once. Who gives up reading closes the socket. */
class Reply extends Inspectable.Class implements HttpClientResponse.HttpClientResponse {
  readonly [HttpClientResponse.TypeId]: HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly [HttpIncomingMessage.TypeId]: HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId
  readonly request: HttpClientRequest
  readonly #message: Http.IncomingMessage

  constructor(request: HttpClientRequest, message: Http.IncomingMessage) {
    super()
    this.request = request
    this.#message = message
    unread.register(this, message, this)
  }

  get status() {
    return this.#message.statusCode ?? 0
  }

  get headers() {
    return Headers.fromInput(this.#message.headers)
  }

  get cookies() {
    return Cookies.fromSetCookie(this.#message.headers["set-cookie"] ?? [])
  }

  get remoteAddress() {
    return Option.fromNullable(this.#message.socket.remoteAddress)
  }

  get stream(): Stream.Stream<Uint8Array, ResponseError> {
    return Stream.asyncPush<Uint8Array, ResponseError>(
      (emit) =>
        Effect.forkScoped(
          Effect.match(
            this[EachPiece]((piece) => emit.single(piece)),
            { onFailure: emit.fail, onSuccess: emit.end }
          )
        ),
      { bufferSize: "unbounded" }
    )
  }

  /** Without streams in between, which are dearer than all else of a short reply. */
  [EachPiece](onPiece: (piece: Uint8Array) => void): Effect.Effect<void, ResponseError> {
    return Effect.async<void, ResponseError>((resume) => {
      const message = this.#open()
      message.on("data", onPiece)
      message.once("end", () => resume(Effect.void))
      message.once("error", (cause) => resume(this.#broken(cause)))
      // one that broke before anybody listened tells nothing any more
      if (message.destroyed) resume(this.#broken(message.errored))
      return Effect.sync(() => message.destroy())
    })
  }

  get text() {
    return Effect.map(this.#whole, (whole) => whole.toString("utf8"))
  }

  get json() {
    return Effect.flatMap(this.#web, ({ json }) => json)
  }

  get urlParamsBody() {
    return Effect.flatMap(this.#web, ({ urlParamsBody }) => urlParamsBody)
  }

  get arrayBuffer() {
    return Effect.flatMap(this.#web, ({ arrayBuffer }) => arrayBuffer)
  }

  get formData() {
    return Effect.flatMap(this.#web, ({ formData }) => formData)
  }

  toJSON(): unknown {
    return HttpIncomingMessage.inspect(this, {
      _id: "@effect/platform/HttpClientResponse",
      request: this.request.toJSON(),
      status: this.status
    })
  }

  /** For what nobody asks of LM Studio's replies. */
  get #web() {
    return Effect.map(this.#whole, (whole) =>
      HttpClientResponse.fromWeb(this.request, new Response(whole, { status: this.status, headers: this.headers }))
    )
  }

  get #whole(): Effect.Effect<Buffer, ResponseError> {
    return Effect.suspend(() => {
      const pieces: Array<Uint8Array> = []
      return Effect.map(
        this[EachPiece]((piece) => pieces.push(piece)),
        () => Buffer.concat(pieces)
      )
    })
  }

  #open(): Http.IncomingMessage {
    unread.unregister(this)
    return this.#message
  }

  #broken(cause: unknown): ResponseError {
    return new ResponseError({ request: this.request, response: this, reason: "Decode", cause })
  }
}

/** A reply that came at the moment in which its reader was interrupted would keep its socket. */
const unread = new FinalizationRegistry<Http.IncomingMessage>((message) => message.destroy())
