import { assert, describe, it } from "@effect/vitest"
import { isAllowed } from "#src/protocol/Approval.ts"

describe("an approval over MCP", () => {
  it("is a clear yes, and nothing else", () => {
    assert.isTrue(isAllowed({ action: "accept", content: { allow: true } }))
    for (const content of [undefined, null, "yes", {}, { allow: "true" }, { allow: false }]) {
      assert.isFalse(isAllowed({ action: "accept", content }))
    }
    // a client may send the form along with a refusal
    assert.isFalse(isAllowed({ action: "decline", content: { allow: true } }))
    assert.isFalse(isAllowed({ action: "cancel", content: { allow: true } }))
  })
})
