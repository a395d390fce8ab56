import { assert, describe, it } from "@effect/vitest"
import * as ClientMessage from "#src/wire/ClientMessage.ts"
import * as HttpBody from "#src/wire/HttpBody.ts"
import { FastCheck } from "effect"

const only = (value: unknown) => {
  const readings = ClientMessage.read(value)
  assert.lengthOf(readings, 1)
  return readings[0]
}

const messageOf = (value: unknown) => {
  const reading = only(value)
  return reading?._tag === "Message" ? reading.message : assert.fail(JSON.stringify(reading))
}

const answerTo = (value: unknown) => {
  const reading = only(value)
  return reading?._tag === "Answer" ? reading.answer : assert.fail(JSON.stringify(reading))
}

const request = (method: string, params?: unknown) => ({ jsonrpc: "2.0", id: 7, method, params })
const call = (args: unknown) => request("tools/call", { name: "list_models", arguments: args })

describe("what a client leaves out by writing null", () => {
  const same: ReadonlyArray<readonly [string, unknown, unknown]> = [
    ["params", request("tools/list", null), { jsonrpc: "2.0", id: 7, method: "tools/list" }],
    ["a cursor", request("tools/list", { cursor: null }), request("tools/list", {})],
    ["_meta", request("ping", { _meta: null }), request("ping", {})],
    ["a progress token", request("ping", { _meta: { progressToken: null } }), request("ping", { _meta: {} })],
    ["arguments", call(null), request("tools/call", { name: "list_models" })],
    ["an argument", call({ model: null, prompt: "x" }), call({ prompt: "x" })],
    ["jsonrpc", { ...request("ping", {}), jsonrpc: null }, request("ping", {})],
    [
      "the id of a notification",
      { jsonrpc: "2.0", id: null, method: "notifications/initialized", params: null },
      { jsonrpc: "2.0", method: "notifications/initialized" }
    ]
  ]
  for (const [what, written, meant] of same) {
    it(`is absent: ${what}`, () => {
      assert.deepStrictEqual(messageOf(written), JSON.parse(JSON.stringify(meant)))
    })
  }

  it("is absent in its introduction, too, at any depth", () => {
    const message = messageOf(
      request("initialize", {
        protocolVersion: "2025-06-18",
        capabilities: { roots: null, sampling: {}, elicitation: { form: null } },
        clientInfo: { name: "c-sharp", version: null, title: null }
      })
    )
    assert.deepStrictEqual("params" in message ? message.params : undefined, {
      protocolVersion: "2025-06-18",
      capabilities: { sampling: {}, elicitation: {} },
      clientInfo: { name: "c-sharp", version: "" }
    })
  })

  it("is served without an introduction", () => {
    const message = messageOf(request("initialize", null))
    assert.deepNestedInclude(message, { "params.clientInfo.name": "unknown" })
  })

  it("is kept within the arguments, where the tool's schema decides", () => {
    const args = { response_format: { schema: { const: null } } }
    assert.deepNestedInclude(messageOf(call(args)), { "params.arguments": args })
  })
})

describe("arguments as a string", () => {
  it("are parsed as JSON", () => {
    assert.deepNestedInclude(messageOf(call('{"prompt":"x","model":null}')), { "params.arguments": { prompt: "x" } })
    assert.deepNestedInclude(messageOf(call(" ")), { "params.arguments": {} })
  })
  for (const wrong of ["do it", "[1]", "5", "null", 5, true, ["x"]]) {
    it(`are refused unless they are an object: ${JSON.stringify(wrong)}`, () => {
      const { error, id } = answerTo(call(wrong))
      assert.strictEqual(id, 7)
      assert.strictEqual(error.code, -32_602)
      assert.match(error.message, /^"arguments" must be an object, not (a string|a number|true or false|a list)\.$/)
    })
  }
})

describe("an invalid message", () => {
  const table: ReadonlyArray<readonly [string, unknown, number, RegExp]> = [
    ["params as a string", request("tools/list", "x"), -32_602, /"params" must be an object, not a string\./],
    ["params as a list", request("tools/list", [1]), -32_602, /"params" must be an object, not a list\./],
    ["_meta as a string", request("ping", { _meta: "x" }), -32_602, /"_meta" must be an object/],
    ["a method that is a number", { jsonrpc: "2.0", id: 7, method: 5 }, -32_600, /"method" must be a string/],
    ["another envelope", { jsonrpc: "1.0", id: 7, method: "ping" }, -32_600, /"jsonrpc" must be "2\.0"/],
    ["neither method nor result", { jsonrpc: "2.0", id: 7 }, -32_600, /a method, a result or an error/],
    ["no name of a tool", request("tools/call", {}), -32_602, /"params\.name" is missing/],
    [
      "a name that is a list",
      request("tools/call", { name: [] }),
      -32_602,
      /"params\.name" must be a string, not a list/
    ],
    ["a level that nobody knows", request("logging/setLevel", { level: "loud" }), -32_602, /one of debug, info, /],
    ["no level", request("logging/setLevel"), -32_602, /"params(\.level)?" is missing/],
    ["a reference of no kind", request("completion/complete", { ref: 5, argument: {} }), -32_602, /"params\.\w+/],
    ["a progress token that is a list", request("ping", { _meta: { progressToken: [] } }), -32_602, /progressToken/]
  ]
  for (const [what, message, code, text] of table) {
    it(`is answered in one sentence: ${what}`, () => {
      const { error, id } = answerTo(message)
      assert.strictEqual(id, 7)
      assert.strictEqual(error.code, code)
      assert.match(error.message, text)
      assert.notMatch(error.message, /[\n[{]/)
    })
  }

  it("is answered without an id if it has no valid one", () => {
    for (const message of [
      5,
      "x",
      null,
      true,
      { jsonrpc: "2.0", id: {}, method: "ping" },
      { id: 1.5, method: "ping" }
    ]) {
      assert.deepInclude(answerTo(message), { id: null })
      assert.strictEqual(answerTo(message).error.code, -32_600)
    }
    assert.strictEqual(answerTo({ jsonrpc: "2.0", id: null, method: "tools/list" }).error.code, -32_600)
    assert.deepInclude(ClientMessage.parse("{")[0], { _tag: "Answer" })
  })

  it("is quoted with 200 characters at most", () => {
    const { error } = answerTo(request("logging/setLevel", { level: "x".repeat(10_000) }))
    assert.isBelow(error.message.length, 400)
  })
})

describe("a client of a revision that begins without initialize", () => {
  const meta = { _meta: { "io.modelcontextprotocol/protocolVersion": "2026-07-28" } }
  it("is served when it names the revision", () => {
    for (const message of [request("server/discover", meta), request("tools/list", meta)]) {
      assert.strictEqual(only(message)?._tag, "Message")
    }
  })
  it("is told the supported revisions when it names another, or none", () => {
    const newer = { _meta: { "io.modelcontextprotocol/protocolVersion": "2030-01-01" } }
    for (const message of [request("server/discover", newer), request("tools/list", newer)]) {
      const { error } = answerTo(message)
      assert.strictEqual(error.code, -32_022)
      assert.match(error.message, /speaks MCP 2026-07-28, 2025-11-25 and older, not "2030-01-01"/)
      assert.deepNestedInclude(error, { "data.supported[0]": "2026-07-28", "data.supported[1]": "2025-11-25" })
    }
    // a code after which a client falls back to initialize, if it can
    assert.strictEqual(answerTo(request("server/discover")).error.code, -32_601)
  })
  it("is served when it begins with initialize", () => {
    const params = { protocolVersion: "2026-07-28", capabilities: {}, clientInfo: { name: "n", version: "1" }, ...meta }
    assert.strictEqual(only(request("initialize", params))?._tag, "Message")
  })
})

describe("several messages in a list", () => {
  it("are read one by one", () => {
    const [first, second] = ClientMessage.read([request("ping"), request("tools/call", 5)])
    assert.strictEqual(first?._tag, "Message")
    assert.strictEqual(second?._tag, "Answer")
  })
  it("are answered together over HTTP if one of them is invalid", () => {
    const body = HttpBody.bodyOf(JSON.stringify([request("ping"), { ...request("tools/call", 5), id: 8 }]))
    if (body._tag !== "Answers") return assert.fail("it was taken")
    assert.deepNestedInclude(body, { "answer[0].id": 7, "answer[1].id": 8, status: 200 })
  })
  it("must not be empty or too many", () => {
    assert.strictEqual(answerTo([]).error.code, -32_600)
    assert.strictEqual(answerTo(Array.from({ length: 101 }, () => request("ping"))).error.code, -32_600)
  })
})

describe("any JSON at all", () => {
  const methods = FastCheck.constantFrom(
    "tools/call",
    "tools/list",
    "initialize",
    "logging/setLevel",
    "prompts/get",
    "completion/complete",
    "resources/read",
    "tasks/get",
    "no/such"
  )
  const envelope = FastCheck.record(
    {
      jsonrpc: FastCheck.oneof(FastCheck.constant("2.0"), FastCheck.jsonValue()),
      method: FastCheck.oneof(methods, FastCheck.jsonValue()),
      params: FastCheck.oneof(
        FastCheck.jsonValue(),
        FastCheck.record({
          name: FastCheck.jsonValue(),
          arguments: FastCheck.jsonValue(),
          _meta: FastCheck.jsonValue()
        })
      )
    },
    { requiredKeys: [] }
  )

  it("with an id is a message or an answer in one short sentence with that id", () => {
    FastCheck.assert(
      FastCheck.property(envelope, FastCheck.oneof(FastCheck.integer(), FastCheck.string()), (message, id) => {
        const reading = only({ ...message, id })
        if (reading?._tag === "Message") return
        const answer = reading?._tag === "Answer" ? reading.answer : assert.fail("nothing was answered")
        assert.strictEqual(answer.id, id)
        assert.include([-32_600, -32_601, -32_602], answer.error.code)
        assert.notInclude(answer.error.message, "\n")
        assert.isAtMost(answer.error.message.length, 600)
      })
    )
  })

  it("and any text is read without failing", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.oneof(FastCheck.json(), FastCheck.string()), (text) => {
        assert.isNotEmpty(ClientMessage.parse(text))
        assert.include(["Messages", "Answers"], HttpBody.bodyOf(text)._tag)
      })
    )
  })
})

describe("a message that is too large", () => {
  const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels)
  const answersTo = (text: string) =>
    ClientMessage.parse(text).map((reading) => (reading._tag === "Answer" ? reading.answer : reading))

  for (const levels of [501, 6000, 200_000]) {
    it(`is refused with its id: ${levels} levels`, () => {
      assert.deepStrictEqual(answersTo(`{"jsonrpc":"2.0","id":7,"method":"ping","params":{"x":${nested(levels)}}}`), [
        ClientMessage.answerTo(7, -32_600, "A message may be nested 500 levels deep at most.")
      ])
      const [asText] = answersTo(
        JSON.stringify(request("tools/call", { name: "list_models", arguments: `{"x":${nested(levels)}}` }))
      )
      assert.deepInclude(asText, { id: 7 })
    })
  }

  it("is answered when its line does not end, with the id at its beginning", () => {
    const mostBytes = 64 * 1024 * 1024
    const idOf = (beginning: string) => ClientMessage.tooLong(beginning, mostBytes).id
    assert.strictEqual(idOf('{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"x":"yyy'), 7)
    assert.strictEqual(idOf('{ "id" : "seven", "method":"x"'), "seven")
    assert.strictEqual(idOf('{"method":"tools/call","params":{"id":3,"x":"yyy'), null)
    assert.include(ClientMessage.tooLong("", mostBytes).error.message, "64 MB")
  })
})
