import * as ToolSchema from "#src/agent/schema/ToolSchema.ts"
import { repairJson } from "#src/agent/schema/JsonRepair.ts"
import * as Either from "effect/Either"
import { describe, expect, it } from "vitest"

const problems = (schema: Record<string, unknown>, value: unknown) =>
  Either.getOrThrow(Either.flip(ToolSchema.fit(Either.getOrThrow(ToolSchema.compile(schema)), value)))

const names = Array.from({ length: 3000 }, (_, index) => `city_${index}_name`)
const properties = Object.fromEntries(names.map((name) => [name, { type: "string" }]))

const accepts = (step: number, x: number) =>
  Either.isRight(
    ToolSchema.fit(Either.getOrThrow(ToolSchema.compile({ properties: { x: { multipleOf: step } } })), { x })
  )

describe("multipleOf", () => {
  it.each([
    [0.01, 19.99, true],
    [0.1, 0.3, true],
    [1.1, 3.3, true],
    [1e-8, 3e-8, true],
    [0.01, 123_456_789_012.34, true],
    [0.01, -0.07, true],
    [1e-300, 1e300, true],
    [0.01, 19.995, false],
    [1, 1.000_000_000_1, false],
    [0.3, 1, false]
  ])("of %d and %d: %s", (step, value, expected) => expect(accepts(step, value)).toBe(expected))
})

describe("a keyword that cannot be used", () => {
  it.each([
    { id: "x" },
    { $async: true },
    { $anchor: "a b" },
    { format: 5 },
    { dependencies: null },
    { allOf: {} },
    { anyOf: null },
    { pattern: "(?<=a)b" },
    { patternProperties: { "(?=z)": {} } },
    { $ref: "https://example.com/other" },
    { required: null },
    { enum: null },
    { $schema: "https://example.com/unknown" }
  ])("%j leaves the rest of the schema checked and coerced", (keyword) => {
    const a = { type: "integer" }
    for (const schema of [{ ...keyword, properties: { a } }, { properties: { a, b: keyword } }]) {
      const validate = Either.getOrThrow(ToolSchema.compile(schema))
      expect(ToolSchema.fit(validate, { a: "5" })).toEqual(Either.right({ a: 5 }))
      expect(problems(schema, { a: "five" }).join()).toContain("must be integer")
    }
  })
})

describe("problems told to the model", () => {
  it("name the nearest of thousands of values or parameters, and their number", () => {
    const value = problems({ properties: { city: { enum: names } } }, { city: "city_77_nmae" }).join()
    expect(value).toContain("3000 values, nearest: ")
    expect(value).toContain("city_77_name")
    const parameter = problems({ properties, additionalProperties: false }, { city_77_nmae: "x" }).join()
    expect(parameter).toContain("3000 names, nearest: ")
    expect(parameter).toContain("city_77_name")
  })

  it.each([
    ["values", { properties: { a: { enum: names.map((name) => name.repeat(500)) } } }, { a: "x".repeat(200_000) }],
    ["names", { properties: { ["p".repeat(9000)]: {} }, additionalProperties: false }, { ["q".repeat(200_000)]: 1 }],
    ["missing names", { required: ["r".repeat(9000)] }, {}],
    ["expressions", { properties: { a: { pattern: `^${"a".repeat(9000)}$` } } }, { a: "b" }],
    [
      "many items",
      { properties: { a: { items: { anyOf: [{ type: "null" }, { enum: names }] } } } },
      { a: names.map((name) => `${name}!`) }
    ]
  ])("stay short, whatever %s say", (_, schema, value) => {
    const told = problems(schema, value)
    expect(told.length).toBeLessThanOrEqual(6)
    for (const problem of told) expect(problem.length).toBeLessThanOrEqual(500)
  })

  it("refuse a value that is too deep for a recursive schema", () => {
    let deep: unknown = {}
    for (let level = 0; level < 100_000; level++) deep = { next: deep }
    expect(problems({ properties: { next: { $ref: "#" } } }, deep).join()).toContain("nested more than 200 levels")
  })

  it("report a schema that refers only to itself as unusable", () => {
    expect(Either.isLeft(ToolSchema.compile({ $ref: "#" }))).toBe(true)
  })

  it("check a recursive schema at every level", () => {
    const schema = { properties: { next: { $ref: "#" }, size: { type: "integer" } } }
    expect(problems(schema, { next: { next: { size: "many" } } }).join()).toContain("/next/next/size")
  })

  it("read a fence with any number of line breaks", () => {
    expect(repairJson(`\`\`\`json${"\n".repeat(200_000)}{"a": 1,}\n\`\`\``)).toEqual(Either.right('{"a": 1}'))
    expect(Either.isLeft(repairJson(`\`\`\`json${"\n".repeat(200_000)}x`))).toBe(true)
  })
})
