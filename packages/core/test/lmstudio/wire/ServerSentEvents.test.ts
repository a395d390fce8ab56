import { assert, describe, it } from "@effect/vitest"
import { FastCheck } from "effect"
import * as ServerSentEvents from "#src/lmstudio/wire/ServerSentEvents.ts"

/** All events of a text that arrives in these pieces. */
const read = (pieces: ReadonlyArray<string | Uint8Array>): ReadonlyArray<ServerSentEvents.ServerSentEvent> => {
  const decoder = new TextDecoder()
  const reader = ServerSentEvents.reader()
  const events = pieces.flatMap((piece) =>
    reader.push(typeof piece === "string" ? piece : decoder.decode(piece, { stream: true }))
  )
  return [...events, ...reader.end()]
}

const data = (...texts: ReadonlyArray<string>) => texts.map((text) => ({ event: "", data: text }))

describe("ServerSentEvents", () => {
  it("reads events, comments, mixed CRLF and LF, and what follows `retry:`", () => {
    const events = read([
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

  it("joins the lines of one event", () => {
    assert.deepStrictEqual(read(["data: {\ndata: }\n\n"]), data("{\n}"))
  })

  it("emits an event whose blank line is missing at the end", () => {
    assert.deepStrictEqual(read(["data: a\n\ndata: b"]), data("a", "b"))
    assert.deepStrictEqual(read(["data: a\n\ndata: b\n"]), data("a", "b"))
    assert.deepStrictEqual(read([]), [])
  })

  it.prop(
    "does not depend on where the bytes are split, even inside a character or between CR and LF",
    [FastCheck.array(FastCheck.nat(), { maxLength: 12 }), FastCheck.boolean()],
    ([places, crlf]) => {
      const end = crlf ? "\r\n" : "\n"
      const bytes = new TextEncoder().encode(["data: Grüße 😀", "", ": c", "event: x", "data: 日本", "", ""].join(end))
      const cuts = [...new Set(places.map((place) => place % bytes.length))].toSorted((a, b) => a - b)
      const pieces = [0, ...cuts].map((place, index) => bytes.slice(place, cuts[index] ?? bytes.length))
      assert.deepStrictEqual(read(pieces), [
        { event: "", data: "Grüße 😀" },
        { event: "x", data: "日本" }
      ])
    }
  )
})
