import { assert, describe, it } from "@effect/vitest"
import { check, type Checked } from "#src/agent/schema/ToolArguments.ts"
import { stringify } from "#src/json/ExactJson.ts"
import type { McpTool } from "#src/mcp/McpTool.ts"

const toolOf = (inputSchema: Record<string, unknown>): McpTool => ({
  server: "main",
  name: "t",
  description: "",
  inputSchema,
  annotations: {}
})

const object = (
  properties: Record<string, unknown>,
  required: ReadonlyArray<string> = [],
  more: Record<string, unknown> = {}
) => toolOf({ type: "object", properties, required, ...more })

const checked = (tool: McpTool, text: string, whole = true) => check(tool, "t", text, { whole })

const fits = (result: Checked, expected: unknown) => {
  assert.strictEqual(result._tag, "Fit", result._tag === "Unfit" ? result.told : "")
  assert.deepStrictEqual(result._tag === "Fit" ? result.arguments : undefined, expected)
}

const unfit = (result: Checked, ...parts: ReadonlyArray<string>) => {
  assert.strictEqual(result._tag, "Unfit", JSON.stringify(result))
  for (const part of parts) assert.include(result._tag === "Unfit" ? result.told : "", part)
}

const path = object({ path: { type: "string" }, deep: { type: "boolean" } }, ["path"])
const free = object({ a: {}, b: {} })

describe("ToolArguments", () => {
  it("coerces a parameter whatever signs its name has", () => {
    for (const name of ["a/b", "~", "~1", "a~0b"]) {
      fits(checked(object({ [name]: { type: "number" } }), stringify({ [name]: "5" })), { [name]: 5 })
    }
  })

  it("reads no arguments as {} only when none is required", () => {
    for (const nothing of ["", "  ", "null"]) {
      fits(checked(object({ deep: { type: "boolean" } }), nothing), {})
      unfit(checked(path, nothing), "no arguments were given", '"path" is missing', "Parameters: path, deep?.")
    }
  })

  it.each([
    ["a fence", '```json\n{"a": 1}\n```', { a: 1 }],
    ["single quotes", "{'a': 'it is'}", { a: "it is" }],
    ["bare keys", '{a: 1, b: "x"}', { a: 1, b: "x" }],
    ["words of Python", '{"a": True, "b": None}', { a: true, b: null }],
    ["a trailing comma", '{"a": [1, 2,],}', { a: [1, 2] }],
    ["a missing comma", '{"a": 1 "b": 2}', { a: 1, b: 2 }],
    ["a raw line break", '{"a": "x\ny"}', { a: "x\ny" }],
    ["a missing bracket after a whole value", '{"a": {"b": "x"}', { a: { b: "x" } }],
    ["a bracket too many", '{"a": 1}}', { a: 1 }],
    ["double encoding", JSON.stringify(JSON.stringify({ a: 1 })), { a: 1 }]
  ])("mends %s", (_, text, expected) => {
    fits(checked(free, text), expected)
  })

  it.each([
    ["a cut string", '{"a": "/etc/pas'],
    ["a cut string before a bracket", '{"a": "/etc/pas}'],
    ["a cut number", '{"a": 12'],
    ["a number cut at its point", '{"a": 1.}'],
    ["a cut list", '{"a": [1, '],
    ["a key without its colon", '{"a": 1, "b"'],
    ["a key without a value", '{"a":'],
    ["NaN", '{"a": NaN}'],
    ["Infinity", '{"a": Infinity}'],
    ["a bare word", "{a: foo}"],
    ["a quote inside a string", '{"a": "say "hi" now"}'],
    ["an apostrophe", "{'a': 'it's'}"],
    ["two objects", '{"a": 1} {"a": 2}'],
    ["prose", "Sure! I will call it with a = 1"],
    ["a leading zero", '{"a": 007}'],
    ["an ellipsis", '{"a": [1, 2, ...]}']
  ])("does not guess at %s", (_, text) => {
    unfit(checked(free, text), "not valid JSON", text.slice(0, 20))
  })

  it("repairs nothing in a truncated reply", () => {
    unfit(checked(free, '{"a": {"b": "x"}', false), "not valid JSON", "cut by the token limit")
    fits(checked(free, '{"a": 1}', false), { a: 1 })
  })

  it.each([
    ["a list", "[1]", "array"],
    ["a number", "5", "number"],
    ["text", '"x"', "string"]
  ])("says that the arguments are %s", (_, text, kind) => {
    unfit(checked(free, text), `must be a JSON object, but are ${kind}`)
  })

  it("changes a value only where the schema is unambiguous", () => {
    const tool = object({
      n: { type: "number" },
      i: { type: "integer" },
      b: { type: "boolean" },
      s: { type: "string" },
      l: { type: "array", items: { type: "string" } },
      o: { type: "object", properties: { x: { type: "integer" } } },
      u: { anyOf: [{ type: "integer" }, { type: "null" }] }
    })
    fits(checked(tool, '{"n":"1.5","i":"7","b":"true","s":42,"l":"x","o":"{\\"x\\":\\"3\\"}","u":"4"}'), {
      n: 1.5,
      i: 7,
      b: true,
      s: "42",
      l: ["x"],
      o: { x: 3 },
      u: 4
    })
    fits(checked(tool, '{"l":"[\\"a\\",\\"b\\"]","n":null}'), { l: ["a", "b"] })
    // "true" remains a string where the schema says string
    fits(checked(tool, '{"s":"true","b":false}'), { s: "true", b: false })
  })

  it.each([
    ['{"n":"abc"}', '/n: got "abc" (string), must be number'],
    ['{"n":"NaN"}', "/n"],
    ['{"i":"1.5"}', "/i"],
    ['{"i":"0x10"}', "/i"],
    ['{"n":""}', "/n"],
    ['{"n":true}', "/n: got true (boolean), must be number"],
    ['{"b":1}', "/b"],
    ['{"b":"yes"}', "/b"],
    ['{"s":1.5}', "/s"],
    ['{"s":["x"]}', '/s: got ["x"] (array), must be string']
  ])("leaves %s to the model", (text, part) => {
    const tool = object({
      n: { type: "number" },
      i: { type: "integer" },
      b: { type: "boolean" },
      s: { type: "string" }
    })
    unfit(checked(tool, text), part)
  })

  it("converts an object to its JSON where the schema says string", () => {
    const tool = object({ s: { type: "string" } })
    fits(checked(tool, '{"s":{"id":9007199254740993}}'), { s: '{"id":9007199254740993}' })
    fits(checked(tool, '{"s":[1,2]}'), { s: "[1,2]" })
    fits(checked(tool, '{"s":725653563933458432}'), { s: "725653563933458432" })
  })

  it.each(["725653563933458432", '"725653563933458432"', "-9223372036854775808", "18446744073709551615"])(
    "keeps the digits of %s",
    (id) => {
      const result = checked(object({ id: { type: "integer" } }), `{"id":${id}}`)
      assert.strictEqual(result._tag, "Fit")
      assert.strictEqual(result._tag === "Fit" ? stringify(result.arguments) : "", `{"id":${id.replaceAll('"', "")}}`)
    }
  )

  it("keeps a number that a double cannot represent", () => {
    const result = checked(object({ n: { type: "number" } }), '{"n":1e400}')
    assert.strictEqual(result._tag === "Fit" ? stringify(result.arguments) : "", '{"n":1e400}')
  })

  it("checks multiples in decimal arithmetic", () => {
    const tool = object({ n: { type: "number", multipleOf: 0.01 } })
    fits(checked(tool, '{"n":19.99}'), { n: 19.99 })
    unfit(checked(tool, '{"n":19.995}'), "multiple of 0.01")
  })

  it("runs untrusted expressions with RE2, and leaves out those that it does not support", () => {
    // a backtracking engine needs 2^5000 steps for the first
    const slow = object({ s: { type: "string", pattern: "^(a+)+$" } })
    unfit(checked(slow, `{"s":"${"a".repeat(5000)}!"}`), "pattern")
    const unknown = object({ s: { type: "string", pattern: "^(?=x)y" }, n: { type: "integer" } })
    fits(checked(unknown, '{"s":"z","n":"1"}'), { s: "z", n: 1 })
    const blind = object({ n: { type: "integer" } }, [], {
      patternProperties: { "(?!x)": { type: "string" }, "^i_": { type: "integer" } },
      additionalProperties: false
    })
    fits(checked(blind, '{"n":"1","i_a":"2","other":"x"}'), { n: 1, i_a: 2, other: "x" })
  })

  it.each([
    [{ type: "integer", minimum: 1, exclusiveMinimum: true }, "1"],
    [{ type: "integer", nullable: true }, '"x"'],
    [{ type: "integer", $dynamicRef: "#elsewhere" }, '"x"'],
    [{ type: "integer", $ref: "https://example.com/schema" }, '"x"'],
    [{ type: "integer", maximum: "ten" }, '"x"']
  ])("still checks the rest of %j", (schema, value) => {
    unfit(checked(object({ n: schema }), `{"n":${value}}`), "/n")
  })

  it("names the nearest of thousands of values", () => {
    const tool = object({ zone: { enum: Array.from({ length: 5000 }, (_, index) => `zone-${index}`) } })
    const result = checked(tool, '{"zone":"zone_4711"}')
    unfit(result, "5000 values", '"zone-4711"')
    assert.isBelow(result._tag === "Unfit" ? result.told.length : 0, 600)
  })

  it("does not remove a null that is required", () => {
    unfit(checked(path, '{"path":null}'), "/path: got null (null), must be string")
  })

  it("names unknown parameters, allowed values and bounds", () => {
    const tool = toolOf({
      type: "object",
      properties: { mode: { enum: ["r", "w"] }, head: { type: "integer", maximum: 10 } },
      additionalProperties: false
    })
    unfit(checked(tool, '{"mod":"r"}'), '"mod" is not a parameter, allowed: mode, head')
    unfit(checked(tool, '{"mode":"x"}'), '/mode: got "x" (string), allowed: "r", "w"')
    unfit(checked(tool, '{"head":11}'), "/head: got 11 (number), must be <= 10")
  })

  it("reports a union as one problem", () => {
    const tool = object({ at: { anyOf: [{ type: "integer" }, { type: "object", required: ["line"] }] } })
    const result = checked(tool, '{"at":"here"}')
    unfit(result, '/at: got "here" (string), fits none of the allowed forms (must be integer or object)')
    assert.strictEqual(result._tag === "Unfit" && result.told.split("/at").length, 2)
  })

  it("supports drafts 07 and 2020-12, and references", () => {
    const draft07 = toolOf({
      $schema: "http://json-schema.org/draft-07/schema#",
      type: "object",
      definitions: { p: { type: "array", items: [{ type: "integer" }, { type: "string" }], additionalItems: false } },
      properties: { p: { $ref: "#/definitions/p" } }
    })
    fits(checked(draft07, '{"p":[1,"x"]}'), { p: [1, "x"] })
    unfit(checked(draft07, '{"p":[1,"x",2]}'), "/p")
    const draft2020 = toolOf({
      $schema: "https://json-schema.org/draft/2020-12/schema",
      $id: "same",
      type: "object",
      $defs: { p: { type: "array", prefixItems: [{ type: "integer" }], items: false } },
      properties: { p: { $ref: "#/$defs/p" } }
    })
    fits(checked(draft2020, '{"p":["1"]}'), { p: [1] })
    unfit(checked(draft2020, '{"p":[1,2]}'), "/p")
    // a second schema with the same $id, and an old one that does not state its draft
    fits(checked(toolOf({ $id: "same", type: "object" }), "{}"), {})
    fits(checked(toolOf({ type: "object", properties: { p: { items: [{ type: "integer" }] } } }), '{"p":[1]}'), {
      p: [1]
    })
  })

  it("leaves formats and unknown keywords to the server", () => {
    const tool = object({ at: { type: "string", format: "date-time", "x-odd": 1 } })
    fits(checked(tool, '{"at":"yesterday"}'), { at: "yesterday" })
  })

  it.each([
    [String.raw`{"a":"C:\Users\docs\.txt"}`, String.raw`C:\Users\docs\.txt`],
    [String.raw`{"a":"\d+\.txt"}`, String.raw`\d+\.txt`],
    [String.raw`{'a':'it\'s'}`, "it's"]
  ])("keeps the escapes of %s that JSON does not know", (text, expected) => {
    fits(checked(free, text), { a: expected })
  })

  it.each([
    String.raw`{"a":"C:\Users\docs\n.txt"}`,
    String.raw`{"a":"\U0001F600"}`,
    String.raw`{"a":"\x41"}`,
    String.raw`{"a":"\u12"}`,
    String.raw`{"a":"\alpha\beta"}`,
    String.raw`{"a":"\\server\share"}`,
    String.raw`{"a":"it\'s"}`,
    String.raw`{"a":"C:\temp\new.txt"}`,
    JSON.stringify(String.raw`{"a":"C:\temp\new.txt"}`)
  ])("asks what %s means", (text) => {
    unfit(checked(free, text), "can be read in two ways")
  })

  it("disables only the keyword that cannot be used", () => {
    const tool = toolOf({ type: "object", properties: { a: { $ref: "#/nowhere" } }, required: ["a"] })
    const result = checked(tool, '{"a":1}')
    assert.deepInclude(result, { _tag: "Fit", arguments: { a: 1 } })
    unfit(checked(tool, '{"b":1}'), '"a" is missing')
    assert.include(result._tag === "Fit" ? result.schemaProblem : "", "nowhere")
    unfit(checked(tool, ""), "no arguments were given")
    unfit(checked(tool, "[]"), "must be a JSON object")
  })

  it("neither changes the given value nor lets it reach a prototype", () => {
    const result = checked(object({ n: { type: "integer" } }), '{"__proto__":{"polluted":true},"n":"1"}')
    assert.strictEqual(result._tag, "Fit")
    assert.isUndefined(Reflect.get({}, "polluted"))
  })

  it("keeps the message short", () => {
    const properties = Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`p${n}`, { type: "integer" }]))
    const text = JSON.stringify(Object.fromEntries(Object.keys(properties).map((key) => [key, "x".repeat(500)])))
    const result = checked(object(properties), text)
    assert.isBelow(result._tag === "Unfit" ? result.told.length : Infinity, 900)
    unfit(checked(free, `{"a": "${"x".repeat(5000)}`), "not valid JSON")
    const cut = checked(free, `{"a": "${"x".repeat(5000)}`)
    assert.isBelow(cut._tag === "Unfit" ? cut.told.length : Infinity, 500)
  })
})
