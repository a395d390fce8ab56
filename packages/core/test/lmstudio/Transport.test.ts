import { assert, describe, it } from "@effect/vitest"
import { HttpClient, HttpClientResponse } from "@effect/platform"
import { Settings } from "@lms-bridge/core/configuration/Settings"
import { EachPiece } from "@lms-bridge/core/lmstudio/http/ReplyBody"
import * as Transport from "@lms-bridge/core/lmstudio/http/Transport"
import { Cause, Duration, Effect, Exit, Fiber, Layer, Scope, TestClock } from "effect"

/** A server whose reply the test writes. `reading` counts the bodies that somebody still reads. */
const makeServer = () => {
  const state = { reading: 0, push: (_text: string) => {} }
  const read: EachPiece = (onPiece) =>
    Effect.async((_) => {
      state.reading += 1
      state.push = (text) => onPiece(new TextEncoder().encode(text))
      return Effect.sync(() => void (state.reading -= 1))
    })
  const client = HttpClient.makeWith<never, never, never, never>(
    Effect.map((request) =>
      Object.assign(HttpClientResponse.fromWeb(request, new Response("")), { [EachPiece]: read })
    ),
    Effect.succeed
  )
  const layer = Layer.merge(Layer.succeed(HttpClient.HttpClient, client), Settings.layerWith({}))
  return { layer, state }
}

const call: Transport.Call = {
  operation: "chat",
  method: "POST",
  path: "/v1/chat/completions",
  body: {},
  limits: {
    connect: Duration.seconds(5),
    firstByte: Duration.seconds(600),
    betweenBytes: Duration.seconds(60),
    total: Duration.seconds(3600)
  }
}

/** Until the reader has begun to read. */
const begun = Effect.repeatN(Effect.yieldNow(), 20)

describe("Transport", () => {
  it.scoped("keeps the limit between bytes from a first byte on that came late", () => {
    const { layer, state } = makeServer()
    return Effect.gen(function* () {
      const transport = yield* Transport.make
      const incoming = yield* transport.open(call, yield* Effect.scope)
      yield* begun
      yield* TestClock.adjust("30 seconds")
      state.push("a")
      yield* incoming.take
      const more = yield* Effect.fork(Effect.flip(incoming.take))
      yield* TestClock.adjust("59 seconds")
      assert.isNull(more.unsafePoll())
      yield* TestClock.adjust("1 second")
      assert.deepInclude(yield* Fiber.join(more), { _tag: "RequestTimeout", phase: "BetweenBytes" })
    }).pipe(Effect.provide(layer))
  })

  it.scoped("gives a whole reply two seconds to end, even when a limit has passed while nobody read it", () => {
    const { layer, state } = makeServer()
    return Effect.gen(function* () {
      const transport = yield* Transport.make
      for (const pause of ["0 seconds", "2 minutes"] as const) {
        const scope = yield* Scope.make()
        const incoming = yield* transport.open(call, scope)
        yield* begun
        state.push("data: [DONE]")
        yield* TestClock.adjust(pause)
        yield* incoming.take
        incoming.expectEnd()
        yield* Scope.close(scope, Exit.void)
        yield* TestClock.adjust("1999 millis")
        assert.strictEqual(state.reading, 1)
        yield* TestClock.adjust("1 millis")
        assert.strictEqual(state.reading, 0)
      }
    }).pipe(Effect.provide(layer))
  })

  it.scoped("leaves no whole reply behind that does not end when it is closed itself", () => {
    const { layer, state } = makeServer()
    return Effect.gen(function* () {
      const lifetime = yield* Scope.make()
      const transport = yield* Scope.extend(Transport.make, lifetime)
      const scope = yield* Scope.make()
      const incoming = yield* transport.open(call, scope)
      yield* begun
      state.push("data: [DONE]")
      yield* incoming.take
      incoming.expectEnd()
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(state.reading, 1)
      yield* Scope.close(lifetime, Exit.void)
      assert.strictEqual(state.reading, 0)
    }).pipe(Effect.provide(layer))
  })

  it.scoped("does not leave the caller waiting for a request that cannot be written", () =>
    Effect.gen(function* () {
      const transport = yield* Transport.make
      const exit = yield* Effect.exit(transport.text({ ...call, body: { n: 1n } }))
      assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause))
    }).pipe(Effect.provide(makeServer().layer))
  )
})
