import { assert, describe, it } from "@effect/vitest"
import { HttpClient } from "@effect/platform"
import { Cause, Chunk, Effect, Exit, Fiber, Option, Stream, TestClock } from "effect"
import * as FakeHttp from "#src/FakeHttp.ts"

const url = "http://box"

const requests = Effect.flatten(FakeHttp.FakeRequests)

const states = Effect.map(requests, (all) => all.map(({ state }) => state))

describe("FakeHttp", () => {
  it.effect("plays replies in order, and dies loudly after them and for unknown routes", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* Effect.flatMap(HttpClient.get(`${url}/a`), ({ json }) => json), { n: 1 })
      assert.strictEqual((yield* HttpClient.get(`${url}/a`)).status, 500)
      for (const path of ["/a", "/b"]) {
        const exit = yield* Effect.exit(HttpClient.get(`${url}${path}`))
        const defect = Exit.isFailure(exit) ? Option.getOrUndefined(Cause.dieOption(exit.cause)) : undefined
        assert.include(String(defect), `GET ${path}`)
      }
    }).pipe(Effect.provide(FakeHttp.layer({ "GET /a": [FakeHttp.json({ n: 1 }), FakeHttp.text("no", 500)] })))
  )

  it.effect("pauses between the pieces of a body, and cuts it off", () =>
    Effect.gen(function* () {
      const response = yield* HttpClient.get(`${url}/a`)
      const fiber = yield* response.stream.pipe(Stream.decodeText(), Stream.either, Stream.runCollect, Effect.fork)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* states, ["open"])
      yield* TestClock.adjust("1 second")
      const pieces = Chunk.toReadonlyArray(yield* Fiber.join(fiber))
      assert.deepStrictEqual(
        pieces.map((piece) => (piece._tag === "Right" ? piece.right : piece.left._tag)),
        ["x", "y", "ResponseError"]
      )
      assert.deepStrictEqual(yield* states, ["broken"])
    }).pipe(Effect.provide(FakeHttp.layer({ "GET /a": FakeHttp.events("x", { pause: "2 seconds" }, "y", "cut!") })))
  )

  it.effect("records which requests were read, refused and aborted", () =>
    Effect.gen(function* () {
      yield* Effect.flatMap(HttpClient.get(`${url}/a`), ({ text }) => text)
      yield* Effect.flip(HttpClient.get(`${url}/b`))
      const fiber = yield* Effect.fork(HttpClient.get(`${url}/c`))
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(fiber)
      const { stream } = yield* HttpClient.get(`${url}/d`)
      yield* Stream.runDrain(Stream.take(stream, 1))
      assert.deepStrictEqual(yield* states, ["read", "broken", "closed", "closed"])
    }).pipe(
      Effect.provide(
        FakeHttp.layer({
          "GET /a": FakeHttp.text("x"),
          "GET /b": FakeHttp.refused(),
          "GET /c": FakeHttp.after("1 hour", FakeHttp.text("x")),
          "GET /d": FakeHttp.events("x", "hang!")
        })
      )
    )
  )
})
