import { assert, describe, it } from "@effect/vitest"
import * as HeaderParameters from "#src/mcp/reading/HeaderParameters.ts"
import { Either } from "effect"

const schema = (properties: object) => ({ type: "object", properties })

const sent = (properties: object, args: Readonly<Record<string, unknown>>) =>
  HeaderParameters.headers(Either.getOrThrow(HeaderParameters.declared(schema(properties))), args)

const text = (header: unknown) => ({ type: "string", "x-mcp-header": header })

describe("HeaderParameters", () => {
  const encoded = (value: string) => `=?base64?${Buffer.from(value).toString("base64")}?=`
  const values: ReadonlyArray<readonly [unknown, string | undefined]> = [
    ["us west 1", "us west 1"],
    ["", encoded("")],
    [" padded", encoded(" padded")],
    ["a\r\nX-Evil: 1", encoded("a\r\nX-Evil: 1")],
    ["世界", encoded("世界")],
    ["=?base64?eA==?=", encoded("=?base64?eA==?=")],
    [null, undefined],
    [5, undefined],
    [{ a: 1 }, undefined]
  ]
  for (const [value, header] of values) {
    it(`sends ${JSON.stringify(value)} as ${header ?? "nothing"}`, () => {
      assert.strictEqual(sent({ value: text("Value") }, { value })["Mcp-Param-Value"], header)
    })
  }

  it("sends numbers and truths by their names, also of inner objects, and leaves out what is not marked", () => {
    const properties = {
      count: { type: "integer", "x-mcp-header": "Count" },
      deep: schema({ sure: { type: "boolean", "x-mcp-header": "Sure" } }),
      query: { type: "string" }
    }
    assert.deepStrictEqual(sent(properties, { count: 42, deep: { sure: false }, query: "x" }), {
      "Mcp-Param-Count": "42",
      "Mcp-Param-Sure": "false"
    })
    // beyond what a number holds exactly, and none at all
    assert.deepStrictEqual(sent(properties, { count: 2 ** 60, deep: [] }), {})
  })

  const refused: ReadonlyArray<readonly [string, object]> = [
    ["no name", { a: text("") }],
    ["a name that is no token", { a: text("My Region") }],
    ["a name with a line in it", { a: text("A\nB") }],
    ["a name that is no text", { a: text(5) }],
    ["a number", { a: { type: "number", "x-mcp-header": "A" } }],
    ["an object", { a: { type: "object", "x-mcp-header": "A" } }],
    ["no type", { a: { "x-mcp-header": "A" } }],
    ["the same name twice", { a: text("Region"), b: text("region") }],
    ["an item of a list", { a: { type: "array", items: text("A") } }],
    ["one of several schemas", { a: { anyOf: [text("A")] } }]
  ]
  for (const [what, properties] of refused) {
    it(`refuses ${what}`, () => assert.isTrue(Either.isLeft(HeaderParameters.declared(schema(properties)))))
  }

  it("takes schemas of any shape", () => {
    for (const odd of [undefined, null, true, [], { properties: null }, { default: { "x-mcp-header": "A" } }]) {
      assert.deepStrictEqual(HeaderParameters.declared(odd), Either.right([]))
    }
    // a property of this name is only a property
    assert.deepStrictEqual(HeaderParameters.declared(schema({ "x-mcp-header": { type: "string" } })), Either.right([]))
  })
})
