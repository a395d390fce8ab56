import { assert, describe, it } from "@effect/vitest"
import { NodeHttpClient } from "@effect/platform-node"
import { Deferred, Effect, Fiber, Layer, Option, Queue, Stream, type Context } from "effect"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import { Settings, type Values } from "#src/configuration/Settings.ts"
import { LmStudioApi } from "#src/lmstudio/LmStudioApi.ts"
import { Resilience } from "#src/resilience/Resilience.ts"

const request = { model: "m", messages: [{ role: "user" as const, content: "hi" }] }

const piece = (content: string, finish: string | null = null) =>
  `data: ${JSON.stringify({ id: "1", model: "m", choices: [{ delta: { content }, finish_reason: finish }] })}\r\n\r\n`

/**
 * A server on a free port; `closed` gets the path of every request whose socket closed before its reply was complete.
 */
const listen = Effect.fnUntraced(function* (
  handler: (request: Http.IncomingMessage, response: Http.ServerResponse) => void
) {
  const closed = yield* Queue.unbounded<string>()
  const arrived = yield* Queue.unbounded<string>()
  const server = yield* Effect.acquireRelease(
    Effect.async<Http.Server>((resume) => {
      const server = Http.createServer((request, response) => {
        Queue.unsafeOffer(arrived, request.url ?? "")
        response.on("close", () => {
          if (!response.writableFinished) Queue.unsafeOffer(closed, request.url ?? "")
        })
        handler(request, response)
      })
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.async<void>((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      })
  )
  const { port } = server.address() as AddressInfo
  return { port, closed: Queue.take(closed), arrived: Queue.take(arrived) }
})

const withApi = <A, E>(
  settings: Partial<Values>,
  use: (api: Context.Tag.Service<LmStudioApi>) => Effect.Effect<A, E>
): Effect.Effect<A, E> =>
  Effect.flatMap(LmStudioApi, use).pipe(
    Effect.provide(
      LmStudioApi.layer.pipe(
        Layer.provide(Layer.merge(NodeHttpClient.layer, Resilience.layer)),
        Layer.provide(Settings.layerWith({ retries: 0, ...settings }))
      )
    )
  )

describe("LmStudioApi over sockets", () => {
  it.scopedLive("closes the socket at once when a request is interrupted before the first answer", () =>
    Effect.gen(function* () {
      const { arrived, closed, port } = yield* listen(() => {})
      const fiber = yield* Effect.fork(withApi({ port }, (api) => api.chat(request)))
      assert.strictEqual(yield* arrived, "/v1/chat/completions")
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(yield* closed, "/v1/chat/completions")
    })
  )

  it.scopedLive("closes the socket at once when a stream is interrupted", () =>
    Effect.gen(function* () {
      const { closed, port } = yield* listen((_, response) => {
        response.writeHead(200, { "content-type": "text/event-stream" })
        response.write(piece("one"))
      })
      const begun = yield* Deferred.make<void>()
      const fiber = yield* Effect.fork(
        withApi({ port }, (api) =>
          api.chatStream(request).pipe(Stream.runForEach(() => Deferred.succeed(begun, undefined)))
        )
      )
      yield* Deferred.await(begun)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(yield* closed, "/v1/chat/completions")
    })
  )

  it.scopedLive("closes the socket when a time limit passes", () =>
    Effect.gen(function* () {
      const { closed, port } = yield* listen(() => {})
      const error = yield* withApi({ port }, (api) => Effect.flip(api.chat(request, { firstByte: "3 seconds" })))
      assert.deepInclude(error, { _tag: "RequestTimeout", phase: "FirstByte" })
      assert.strictEqual(yield* closed, "/v1/chat/completions")
    })
  )

  it.scopedLive("says how much had arrived when the server dies within the reply", () =>
    Effect.gen(function* () {
      const { port } = yield* listen((_, response) => {
        response.writeHead(200, { "content-type": "text/event-stream" })
        response.write(piece("one") + piece("two"), () => response.destroy())
      })
      const error = yield* withApi({ port }, (api) => Effect.flip(api.chat(request)))
      assert.deepInclude(error, { _tag: "StreamCut", delivered: 6 })
    })
  )

  it.scopedLive("decodes characters that are split between packets", () =>
    Effect.gen(function* () {
      const bytes = Buffer.from(`${piece("Grüße 😀")}: c\r\n\r\n${piece("!", "stop")}data: [DONE]\r\n\r\n`)
      const { port } = yield* listen((_, response) => {
        response.writeHead(200, { "content-type": "text/event-stream" })
        const write = (at: number): void => {
          if (at >= bytes.length) return void response.end()
          response.write(bytes.subarray(at, at + 5), () => setImmediate(() => write(at + 5)))
        }
        write(0)
      })
      assert.strictEqual((yield* withApi({ port }, (api) => api.chat(request))).content, "Grüße 😀!")
    })
  )

  it.scopedLive("says when nothing listens, and when a server has no TLS", () =>
    Effect.gen(function* () {
      const { port } = yield* listen((_, response) => response.end())
      const tls = yield* withApi({ baseUrl: Option.some(`https://127.0.0.1:${port}`) }, (api) =>
        Effect.flip(api.server)
      )
      assert.deepInclude(tls, { _tag: "LmStudioUnreachable", reason: "Tls" })
      const free = yield* Effect.scoped(
        Effect.map(
          listen(() => {}),
          ({ port }) => port
        )
      )
      const refused = yield* withApi({ port: free }, (api) => Effect.flip(api.models))
      assert.deepInclude(refused, { _tag: "LmStudioUnreachable", reason: "Refused" })
    })
  )

  it.scopedLive("serves a hundred callers over separate connections", () =>
    Effect.gen(function* () {
      const { port } = yield* listen((_, response) => {
        response.writeHead(200, { "content-type": "text/event-stream" })
        response.end(`${piece("ok", "stop")}data: [DONE]\n\n`)
      })
      const replies = yield* withApi({ port }, (api) =>
        Effect.all(
          Array.from({ length: 100 }, () => api.chat(request)),
          { concurrency: 20 }
        )
      )
      assert.isTrue(replies.every(({ content }) => content === "ok"))
    })
  )
})
