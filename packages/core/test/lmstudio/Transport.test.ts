import { assert, describe, it } from "@effect/vitest"
import { HttpClient, HttpClientResponse } from "@effect/platform"
import { Settings } from "#src/configuration/Settings.ts"
import * as Transport from "#src/lmstudio/http/Transport.ts"
import { Cause, Duration, Effect, Exit, Fiber, Layer, Option, Queue, Scope, Stream, TestClock } from "effect"

/** A server whose reply the test writes. `reading` counts the bodies that are still being read. */
const makeServer = Effect.gen(function* () {
  const state = { reading: 0 }
  const pieces = yield* Queue.unbounded<Uint8Array>()
  const counted = Stream.acquireRelease(
    Effect.sync(() => void (state.reading += 1)),
    () => Effect.sync(() => void (state.reading -= 1))
  )
  const stream = Stream.flatMap(counted, () => Stream.fromQueue(pieces))
  const client = HttpClient.makeWith<never, never, never, never>(
    Effect.map((request) =>
      Object.defineProperty(HttpClientResponse.fromWeb(request, new Response("")), "stream", { value: stream })
    ),
    Effect.succeed
  )
  const layer = Layer.merge(Layer.succeed(HttpClient.HttpClient, client), Settings.layerWith({}))
  return { layer, state, push: (text: string) => Queue.offer(pieces, new TextEncoder().encode(text)) }
})

/** A reply that is read within the limits. */
const open = (transport: Transport.Transport, call: Transport.Call) =>
  Effect.flatMap(transport.open(call), ({ incoming, overdue }) =>
    Effect.map(Effect.raceFirst(incoming, overdue), (reply) => ({
      ...reply,
      pull: Effect.raceFirst(reply.pull, Effect.mapError(overdue, Option.some))
    }))
  )

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

describe("Transport", () => {
  it.scoped("applies the limit between bytes after a first byte that came late", () =>
    Effect.gen(function* () {
      const { layer, push } = yield* makeServer
      const transport = yield* Effect.provide(Transport.make, layer)
      const incoming = yield* open(transport, call)
      const first = yield* Effect.fork(incoming.pull)
      yield* TestClock.adjust("30 seconds")
      yield* push("a")
      yield* first
      const more = yield* Effect.fork(Effect.flip(incoming.pull))
      yield* TestClock.adjust("59 seconds")
      assert.isTrue(Option.isNone(yield* Fiber.poll(more)))
      yield* TestClock.adjust("1 second")
      assert.deepInclude(Option.getOrUndefined(yield* more), { _tag: "RequestTimeout", phase: "BetweenBytes" })
    })
  )

  it.scoped("ends a wait at the total, also one that began after the reader had paused", () =>
    Effect.gen(function* () {
      const { layer, push } = yield* makeServer
      const transport = yield* Effect.provide(Transport.make, layer)
      const { incoming, overdue } = yield* transport.open({
        ...call,
        limits: { ...call.limits, total: Duration.seconds(100) }
      })
      const reading = yield* incoming.pipe(
        Effect.flatMap(({ pull }) => Effect.zipRight(pull, Effect.delay(pull, "70 seconds"))),
        Effect.raceFirst(overdue),
        Effect.flip,
        Effect.fork
      )
      yield* push("a")
      yield* TestClock.adjust("99999 millis")
      assert.isTrue(Option.isNone(yield* Fiber.poll(reading)))
      yield* TestClock.adjust("1 millis")
      assert.deepInclude(yield* reading, { _tag: "RequestTimeout", phase: "Total" })
    })
  )

  it.scoped("gives a complete reply two seconds to end, even when a limit has passed while nobody read it", () =>
    Effect.gen(function* () {
      const { layer, push, state } = yield* makeServer
      const transport = yield* Effect.provide(Transport.make, layer)
      for (const pause of ["0 seconds", "2 minutes"] as const) {
        const scope = yield* Scope.make()
        const incoming = yield* Scope.extend(open(transport, call), scope)
        yield* push("data: [DONE]")
        yield* TestClock.adjust(pause)
        yield* incoming.pull
        yield* incoming.expectEnd
        yield* Scope.close(scope, Exit.void)
        yield* TestClock.adjust("1999 millis")
        assert.strictEqual(state.reading, 1)
        yield* TestClock.adjust("1 millis")
        assert.strictEqual(state.reading, 0)
      }
    })
  )

  it.scoped("stops draining a reply that does not end when its own scope closes", () =>
    Effect.gen(function* () {
      const { layer, push, state } = yield* makeServer
      const lifetime = yield* Scope.make()
      const transport = yield* Effect.provide(Scope.extend(Transport.make, lifetime), layer)
      const scope = yield* Scope.make()
      const incoming = yield* Scope.extend(open(transport, call), scope)
      yield* push("data: [DONE]")
      yield* incoming.pull
      yield* incoming.expectEnd
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(state.reading, 1)
      yield* Scope.close(lifetime, Exit.void)
      assert.strictEqual(state.reading, 0)
    })
  )

  it.scoped("does not keep the caller waiting for a request that cannot be written", () =>
    Effect.gen(function* () {
      const transport = yield* Effect.provide(Transport.make, (yield* makeServer).layer)
      const exit = yield* Effect.exit(transport.text({ ...call, body: { n: 1n } }))
      assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause))
    })
  )
})
