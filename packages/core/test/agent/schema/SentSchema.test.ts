import { assert, describe, it } from "@effect/vitest"
import { acceptable, isAcceptable } from "#src/agent/schema/SentSchema.ts"
import { plain, slim } from "#src/agent/schema/SlimSchema.ts"
import { FastCheck } from "effect"

const text = { type: "string" }
const plainest = { type: "object", properties: {} }

describe("a plain schema", () => {
  it("keeps what says which values are allowed", () => {
    const parameters = {
      type: "object",
      properties: { kind: { const: "a" }, size: { enum: [1, 2] }, name: { type: "string", pattern: "^a" } },
      required: ["kind"]
    }
    assert.deepStrictEqual(plain({ name: "t", description: "", parameters }).parameters, {
      type: "object",
      properties: { kind: { const: "a" }, size: { enum: [1, 2] }, name: { type: "string" } },
      required: ["kind"]
    })
  })
})

describe("SentSchema", () => {
  it.each<readonly [string, unknown, unknown]>([
    ["nothing", {}, plainest],
    ["an object without properties", { type: "object" }, plainest],
    ["a list for properties, as PHP writes it", { type: "object", properties: [], required: [] }, plainest],
    ["null for properties", { type: "object", properties: null }, plainest],
    ["no schema at all", null, plainest],
    ["a boolean", true, plainest],
    [
      "a list of types",
      { type: ["object", "null"], properties: { a: text } },
      { type: "object", properties: { a: text } }
    ],
    ["no type", { properties: { a: text } }, { type: "object", properties: { a: text } }],
    [
      "another type",
      { type: "string", description: "Text." },
      { type: "object", properties: {}, description: "Text." }
    ],
    [
      "required: null",
      { type: "object", properties: { a: text }, required: null },
      { type: "object", properties: { a: text } }
    ],
    [
      "names that are not strings",
      { type: "object", properties: { a: text }, required: ["a", 1, null, "a"] },
      { type: "object", properties: { a: text }, required: ["a"] }
    ],
    [
      "a required parameter that is not described",
      { type: "object", required: ["a"] },
      { type: "object", properties: { a: {} }, required: ["a"] }
    ],
    [
      "parameters that are not schemas",
      { type: "object", properties: { a: true, b: null, c: "string", d: false, e: [] } },
      { type: "object", properties: { a: {}, b: {}, c: {}, e: {} } }
    ],
    [
      "a schema for additional properties",
      { type: "object", properties: {}, additionalProperties: { type: "string" } },
      plainest
    ],
    [
      "a union at the top",
      {
        anyOf: [
          { type: "object", properties: { name: text, at: text }, required: ["name", "at"] },
          { type: "object", properties: { number: { type: "integer" }, at: text }, required: ["number", "at"] }
        ]
      },
      { type: "object", properties: { name: text, at: text, number: { type: "integer" } }, required: ["at"] }
    ],
    [
      "alternatives with a discriminator",
      {
        type: "object",
        oneOf: [
          { properties: { kind: { const: "a" }, x: text }, required: ["kind"] },
          { properties: { kind: { const: "b" }, x: { type: "integer" } }, required: ["kind", "x"] }
        ]
      },
      {
        type: "object",
        properties: { kind: { enum: ["a", "b"] }, x: { anyOf: [text, { type: "integer" }] } },
        required: ["kind"]
      }
    ],
    [
      "parts that all apply",
      {
        allOf: [{ properties: { a: text }, required: ["a"] }, { $ref: "#/$defs/b" }],
        $defs: { b: { properties: { b: text }, required: ["b"] } }
      },
      {
        type: "object",
        properties: { a: text, b: text },
        required: ["a", "b"],
        $defs: { b: { properties: { b: text }, required: ["b"] } }
      }
    ],
    [
      "a reference at the top",
      { $ref: "#/definitions/Args", definitions: { Args: { type: "object", properties: { a: text } } } },
      {
        type: "object",
        properties: { a: text },
        definitions: { Args: { type: "object", properties: { a: text } } }
      }
    ],
    ["a reference to itself", { $ref: "#", type: "object" }, plainest],
    [
      "circular references",
      { $ref: "#/$defs/a", $defs: { a: { $ref: "#/$defs/b" }, b: { $ref: "#/$defs/a" } } },
      { type: "object", properties: {}, $defs: { a: { $ref: "#/$defs/b" }, b: { $ref: "#/$defs/a" } } }
    ],
    [
      "a condition",
      JSON.parse(
        '{"type":"object","properties":{"a":{"type":"string"}},"if":{},"then":{"properties":{"b":{"type":"string"}},"required":["b"]}}'
      ),
      { type: "object", properties: { a: text, b: text } }
    ],
    [
      "mistakes at deeper levels",
      { type: "object", properties: { a: { type: "object", properties: [], required: null, items: true } } },
      { type: "object", properties: { a: { type: "object", items: {} } } }
    ],
    [
      "names of the language",
      JSON.parse(
        '{"properties":{"__proto__":{"type":"string"},"constructor":{"type":"string"}},"required":["toString"]}'
      ),
      JSON.parse(
        '{"type":"object","properties":{"__proto__":{"type":"string"},"constructor":{"type":"string"},"toString":{}},"required":["toString"]}'
      )
    ]
  ])("sends %s in the form that LM Studio takes", (_, listed, sent) => {
    assert.strictEqual(JSON.stringify(sorted(acceptable(listed))), JSON.stringify(sorted(sent)))
    assert.isTrue(isAcceptable(acceptable(listed)))
  })

  it("leaves an acceptable schema unchanged", () => {
    const schema = {
      type: "object",
      properties: { a: { type: "object", additionalProperties: { type: "string" } } },
      required: ["a"],
      additionalProperties: false,
      minProperties: 1
    }
    assert.strictEqual(acceptable(schema), schema as unknown)
  })

  it("is bounded for endless schemas", () => {
    let deep: Record<string, unknown> = { type: "string" }
    for (let level = 0; level < 5000; level++) deep = { type: "object", properties: { a: deep } }
    assert.isBelow(JSON.stringify(acceptable(deep)).length, 5000)
    const wide = { anyOf: Array.from({ length: 2000 }, (_, n) => ({ properties: { [`p${n}`]: text } })) }
    assert.isAtMost(Object.keys(acceptable(wide).properties).length, 200)
  })

  const keyword = FastCheck.constantFrom(
    ..."type properties required additionalProperties anyOf oneOf allOf $ref $defs items".split(" "),
    ..."definitions if then else not enum const description __proto__ constructor".split(" ")
  )
  const schemaLike = FastCheck.letrec((tie) => ({
    schema: FastCheck.oneof(
      { maxDepth: 4 },
      FastCheck.jsonValue(),
      FastCheck.constantFrom("object", "#/$defs/a", "#", null, true, []),
      FastCheck.array(tie("schema"), { maxLength: 3 }),
      FastCheck.dictionary(keyword, tie("schema"), { maxKeys: 6 })
    )
  })).schema

  it("turns any JSON into a schema that LM Studio accepts, also slim and plain", () => {
    FastCheck.assert(
      FastCheck.property(schemaLike, (value) => {
        const parameters = acceptable(value)
        const definition = { name: "t", description: "", parameters }
        return [parameters, slim(definition).parameters, plain(definition).parameters].every(isAcceptable)
      }),
      { numRuns: 1000 }
    )
  })

  it("leaves its own result unchanged", () => {
    FastCheck.assert(
      FastCheck.property(schemaLike, (value) => {
        const once = acceptable(value)
        assert.deepStrictEqual(acceptable(structuredClone(once)), once)
      })
    )
  })
})

const sorted = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(sorted)
    : typeof value === "object" && value !== null
      ? Object.fromEntries(
          Object.entries(value)
            .toSorted(([a], [b]) => (a < b ? -1 : 1))
            .map(([key, item]) => [key, sorted(item)])
        )
      : value
