import { assert, describe, it } from "@effect/vitest"
import { HttpClient, HttpClientRequest } from "@effect/platform"
import { Effect, Fiber, Layer, Queue, Stream } from "effect"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import { Settings } from "@lms-bridge/core/Settings"
import { LmStudioApi } from "@lms-bridge/core/LmStudioApi"
import { Resilience } from "@lms-bridge/core/Resilience"
import * as NodeHttp from "#src/NodeHttp.ts"
import * as UndiciClient from "#src/UndiciClient.ts"

/**
 * A server on a free port. `connections` counts them; `left` gets an entry for each reply that was not read to its end.
 */
const listen = Effect.fnUntraced(function* (handler: Http.RequestListener) {
  const left = yield* Queue.unbounded<string>()
  const arrived = yield* Queue.unbounded<string>()
  const seen = { connections: 0 }
  const server = yield* Effect.acquireRelease(
    Effect.async<Http.Server>((resume) => {
      const server = Http.createServer((request, response) => {
        Queue.unsafeOffer(arrived, request.url ?? "")
        response.on("close", () => response.writableFinished || Queue.unsafeOffer(left, request.url ?? ""))
        handler(request, response)
      })
      server.on("connection", () => (seen.connections += 1))
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.async<void>((resume) => {
        server.close(() => resume(Effect.void))
        server.closeAllConnections()
      })
  )
  const { port } = server.address() as AddressInfo
  return { port, url: `http://127.0.0.1:${port}/`, seen, left: Queue.take(left), arrived: Queue.take(arrived) }
})

const get = (url: string) => Effect.flatMap(HttpClient.HttpClient, (client) => client.get(url))

describe("NodeHttp", () => {
  it.scopedLive("sends a body, and returns status, headers and body of the reply", () =>
    Effect.gen(function* () {
      const { url } = yield* listen((request, response) => {
        response.writeHead(201, { "content-type": "application/json", "x-method": request.method ?? "" })
        request.pipe(response)
      })
      const client = yield* HttpClient.HttpClient
      const ask = client.execute(HttpClientRequest.bodyUnsafeJson(HttpClientRequest.post(url), { a: "ä" }))
      const reply = yield* ask
      assert.strictEqual(reply.status, 201)
      assert.strictEqual(reply.headers["x-method"], "POST")
      assert.strictEqual(yield* reply.text, '{"a":"ä"}')
      assert.deepStrictEqual(yield* Effect.flatMap(ask, ({ json }) => json), { a: "ä" })
    }).pipe(Effect.provide(NodeHttp.layer))
  )

  it("lets only its callers limit the wait for headers", () => {
    const given: Array<unknown> = []
    const dispatch = UndiciClient.unlimited(({ bodyTimeout, headersTimeout }) => {
      given.push(headersTimeout, bodyTimeout)
      return true
    })
    dispatch({ path: "/", method: "GET", headersTimeout: 3_600_000 }, {})
    assert.deepStrictEqual(given, [0, 0])
  })

  it.scopedLive("closes the socket when it is interrupted before the reply", () =>
    Effect.gen(function* () {
      const { arrived, left, url } = yield* listen(() => {})
      const fiber = yield* Effect.fork(get(url))
      yield* arrived
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(yield* left, "/")
    }).pipe(Effect.provide(NodeHttp.layer))
  )

  it.scopedLive("closes the socket when reading is interrupted", () =>
    Effect.gen(function* () {
      const { left, url } = yield* listen((_, response) => void response.write("piece"))
      const { stream } = yield* get(url)
      assert.strictEqual(yield* Stream.runCount(Stream.take(stream, 1)), 1)
      assert.strictEqual(yield* left, "/")
      const { text } = yield* get(url)
      const fiber = yield* Effect.fork(text)
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(yield* left, "/")
    }).pipe(Effect.provide(NodeHttp.layer))
  )

  it.scopedLive("reports that a reply was cut, and that nothing listens", () =>
    Effect.gen(function* () {
      const { url } = yield* listen((_, response) => {
        response.write("piece")
        setImmediate(() => response.destroy())
      })
      const cut = yield* Effect.flip(Effect.flatMap(get(url), ({ text }) => text))
      assert.deepInclude(cut, { _tag: "ResponseError", reason: "Decode" })
      const half = yield* Effect.flip(Effect.flatMap(get(url), ({ stream }) => Stream.runDrain(stream)))
      assert.deepInclude(half, { _tag: "ResponseError", reason: "Decode" })
      const refused = yield* Effect.flip(get("http://127.0.0.1:9/"))
      assert.deepInclude(refused, { _tag: "RequestError", reason: "Transport" })
      assert.propertyVal(refused.cause, "code", "ECONNREFUSED")
      assert.deepInclude(yield* Effect.flip(get("no address")), { _tag: "RequestError", reason: "InvalidUrl" })
    }).pipe(Effect.provide(NodeHttp.layer))
  )

  it.scopedLive("reuses the connection of a streamed reply for later requests", () =>
    Effect.gen(function* () {
      let asked = 0
      const { port, seen } = yield* listen((request, response) => {
        asked += 1
        request.resume()
        response.writeHead(200, { "content-type": "text/event-stream" })
        const chunk = { id: "1", model: "m", choices: [{ delta: { content: "Hi" }, finish_reason: "stop" }] }
        response.write(`data: ${JSON.stringify(chunk)}\n\ndata: [DONE]\n\n`)
        // the reply is complete before its connection reports it
        setImmediate(() => response.end())
      })
      const ask = Effect.flatMap(LmStudioApi, (api) =>
        api.chat({ model: "m", messages: [{ role: "user", content: "hi" }] })
      )
      // a request that follows at once may come before the end of the reply
      yield* Effect.repeat(ask, { until: () => asked > seen.connections, times: 200 }).pipe(
        Effect.provide(
          LmStudioApi.layer.pipe(
            Layer.provide(Layer.merge(NodeHttp.layer, Resilience.layer)),
            Layer.provide(Settings.layerWith({ retries: 0, port }))
          )
        )
      )
      assert.isBelow(seen.connections, asked)
    })
  )
})
