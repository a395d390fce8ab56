import { assert, describe, it } from "@effect/vitest"
import { Chunk, Effect, FastCheck, Stream } from "effect"
import { fromBytes, type ServerSentEvent } from "@lms-bridge/core/lmstudio/wire/ServerSentEvents"

const read = (pieces: ReadonlyArray<string | Uint8Array>): Effect.Effect<ReadonlyArray<ServerSentEvent>> =>
  Effect.map(
    Stream.runCollect(
      fromBytes(
        Stream.fromIterable(
          pieces.map((piece) => (typeof piece === "string" ? new TextEncoder().encode(piece) : piece))
        )
      )
    ),
    Chunk.toReadonlyArray
  )

const data = (...texts: ReadonlyArray<string>) => texts.map((text) => ({ event: "", data: text }))

describe("ServerSentEvents", () => {
  it.effect("reads events, comments, CRLF and LF mixed, and what follows `retry:`", () =>
    Effect.gen(function* () {
      const events = yield* read([
        ": keep-alive\n\nretry: 100\n\ndata: a\r\n\r\n",
        "event: error\ndata: b\n\nid: 7\ndata:c\r\n\r\n:\n\ndata:  d\n\n"
      ])
      assert.deepStrictEqual(events, [
        { event: "", data: "a" },
        { event: "error", data: "b" },
        { event: "", data: "c" },
        { event: "", data: " d" }
      ])
    })
  )

  it.effect("joins the lines of one event", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* read(["data: {\ndata: }\n\n"]), data("{\n}"))
    })
  )

  it.effect("emits an event that the end cuts off before its blank line", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* read(["data: a\n\ndata: b"]), data("a", "b"))
      assert.deepStrictEqual(yield* read(["data: a\n\ndata: b\n"]), data("a", "b"))
      assert.deepStrictEqual(yield* read([]), [])
    })
  )

  it.effect.prop(
    "does not depend on how the bytes are cut, not even inside a character or between CR and LF",
    [FastCheck.array(FastCheck.nat(), { maxLength: 12 }), FastCheck.boolean()],
    ([places, crlf]) =>
      Effect.gen(function* () {
        const end = crlf ? "\r\n" : "\n"
        const bytes = new TextEncoder().encode(
          ["data: Grüße 😀", "", ": c", "event: x", "data: 日本", "", ""].join(end)
        )
        const cuts = [...new Set(places.map((place) => place % bytes.length))].toSorted((a, b) => a - b)
        const pieces = [0, ...cuts].map((place, index) => bytes.slice(place, cuts[index] ?? bytes.length))
        assert.deepStrictEqual(yield* read(pieces), [
          { event: "", data: "Grüße 😀" },
          { event: "x", data: "日本" }
        ])
      })
  )
})
