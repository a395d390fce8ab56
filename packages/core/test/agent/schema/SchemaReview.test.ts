import { assert, describe, it } from "@effect/vitest"
import { review } from "#src/agent/schema/SchemaReview.ts"

describe("SchemaReview", () => {
  it("finds nothing wrong with a plain schema", () => {
    assert.deepStrictEqual(review({ type: "object", properties: { a: { type: "string" } }, required: ["a"] }), {
      valid: true,
      errors: [],
      warnings: []
    })
  })

  it("names what cannot be used", () => {
    const { errors, valid } = review({ type: "objekt" })
    assert.isFalse(valid)
    assert.isAtLeast(errors.length, 1)
  })

  it("warns of what is allowed but probably not intended", () => {
    assert.deepStrictEqual(review({}).warnings, ["It constrains nothing: any value fits."])
    assert.deepStrictEqual(
      review({ type: "object", properties: { when: { type: "string", format: "date" } }, required: ["where"] })
        .warnings,
      [
        'At the top, "where" is required and not among the properties.',
        'At /properties/when, format "date" is a hint that nobody checks.'
      ]
    )
  })
})
