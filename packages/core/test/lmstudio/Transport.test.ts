import { assert, describe, it } from "@effect/vitest"
import { HttpClient, HttpClientResponse } from "@effect/platform"
import { Settings } from "#src/configuration/Settings.ts"
import * as Transport from "#src/lmstudio/http/Transport.ts"
import { Cause, Chunk, Duration, Effect, Exit, Fiber, Layer, Option, Queue, Scope, Stream, TestClock } from "effect"

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

/** A reply whose pieces the test asks for, one after the other; it has been read when the test says so. */
const open = Effect.fnUntraced(function* (transport: Transport.Transport, call: Transport.Call) {
  const asked = yield* Queue.unbounded<"piece" | "end">()
  const pieces = yield* Queue.unbounded<string>()
  const reading = yield* transport
    .exchange<void, Transport.TransportError>(call, ({ pull }) =>
      Effect.gen(function* () {
        while ((yield* asked.take) === "piece") {
          const got = yield* Effect.mapError(pull, Option.getOrThrow)
          yield* pieces.offer(
            Chunk.join(
              Chunk.map(got, (bytes) => new TextDecoder().decode(bytes)),
              ""
            )
          )
        }
      })
    )
    .pipe(Effect.fork)
  return {
    reading,
    pull: Effect.zipRight(asked.offer("piece"), pieces.take),
    end: Effect.zipRight(asked.offer("end"), Fiber.join(reading))
  }
})

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
      const { pull, reading } = yield* open(transport, call)
      const first = yield* Effect.fork(pull)
      yield* TestClock.adjust("30 seconds")
      yield* push("a")
      yield* Fiber.join(first)
      yield* Effect.fork(pull)
      yield* TestClock.adjust("59 seconds")
      assert.isTrue(Option.isNone(yield* Fiber.poll(reading)))
      yield* TestClock.adjust("1 second")
      assert.deepInclude(yield* Effect.flip(Fiber.join(reading)), { _tag: "RequestTimeout", phase: "BetweenBytes" })
    })
  )

  it.scoped("ends a wait at the total, also one that began after the reader had paused", () =>
    Effect.gen(function* () {
      const { layer, push } = yield* makeServer
      const transport = yield* Effect.provide(Transport.make, layer)
      const { pull, reading } = yield* open(transport, {
        ...call,
        limits: { ...call.limits, total: Duration.seconds(100) }
      })
      yield* push("a")
      yield* Effect.fork(Effect.zipRight(pull, Effect.delay(pull, "70 seconds")))
      yield* TestClock.adjust("99999 millis")
      assert.isTrue(Option.isNone(yield* Fiber.poll(reading)))
      yield* TestClock.adjust("1 millis")
      assert.deepInclude(yield* Effect.flip(Fiber.join(reading)), { _tag: "RequestTimeout", phase: "Total" })
    })
  )

  it.scoped("gives a complete reply two seconds to end, even when a limit has passed while nobody read it", () =>
    Effect.gen(function* () {
      const { layer, push, state } = yield* makeServer
      const transport = yield* Effect.provide(Transport.make, layer)
      for (const pause of ["0 seconds", "2 minutes"] as const) {
        const { end, pull } = yield* open(transport, call)
        yield* push("data: [DONE]")
        yield* TestClock.adjust(pause)
        yield* pull
        yield* end
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
      const { end, pull } = yield* open(transport, call)
      yield* push("data: [DONE]")
      yield* pull
      yield* end
      assert.strictEqual(state.reading, 1)
      yield* Scope.close(lifetime, Exit.void)
      assert.strictEqual(state.reading, 0)
    })
  )

  it.scoped("fails at once when its own scope has closed", () =>
    Effect.gen(function* () {
      const lifetime = yield* Scope.make()
      const transport = yield* Effect.provide(Scope.extend(Transport.make, lifetime), (yield* makeServer).layer)
      yield* Scope.close(lifetime, Exit.void)
      assert.isTrue(Exit.isFailure(yield* Effect.exit(transport.text(call))))
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
