import { assert, describe, it } from "@effect/vitest"
import { signature, typeOf } from "#src/agent/shapes/Signature.ts"

describe("Signature", () => {
  it("is one line with the parameters, needed ones first, and one sentence", () => {
    assert.strictEqual(
      signature({
        name: "read",
        description: "Reads a file. It may be long.",
        parameters: {
          type: "object",
          properties: { head: { type: "integer" }, path: { type: "string", description: "Where." } },
          required: ["path"]
        }
      }),
      'read {"path": string, "head"?: integer}: Reads a file.'
    )
  })

  it.each([
    [{ type: "array", items: { type: "object", properties: { a: { type: "number" } } } }, '[{"a"?: number}]'],
    [{ enum: ["name", "size"] }, '"name" | "size"'],
    [{ type: ["string", "null"] }, "string | null"],
    [{ anyOf: [{ type: "string" }, { type: "number" }] }, "string | number"],
    [{ type: "object" }, "{}"],
    [true, "any"],
    [{}, "any"]
  ])("writes %j as %s", (schema, expected) => {
    assert.strictEqual(typeOf(schema), expected)
  })
})
