import { assert, describe, it } from "@effect/vitest"
import { Duration, FastCheck } from "effect"
import * as TtlPolicy from "#src/resilience/TtlPolicy.ts"

const policy = new TtlPolicy.TtlPolicy({
  standard: Duration.seconds(600),
  temporary: Duration.seconds(300),
  maximum: Duration.seconds(3600)
})

const seconds = (asked: Parameters<typeof TtlPolicy.resolve>[1]) => Duration.toSeconds(TtlPolicy.resolve(policy, asked))

describe("TtlPolicy", () => {
  it("is the standard one, the one for temporary use, or the requested time", () => {
    assert.strictEqual(seconds({}), 600)
    assert.strictEqual(seconds({ temporary: true }), 300)
    assert.strictEqual(seconds({ ttl: "90 seconds", temporary: true }), 90)
  })

  it("is never more than the maximum and never less than a second", () => {
    assert.strictEqual(seconds({ ttl: "1 day" }), 3600)
    assert.strictEqual(seconds({ ttl: Duration.infinity }), 3600)
    assert.strictEqual(seconds({ ttl: 0 }), 1)
  })

  it.prop("is always finite", [FastCheck.double({ min: 0, noNaN: true })], ([millis]) => {
    const ttl = seconds({ ttl: millis })
    assert.isAtLeast(ttl, 1)
    assert.isAtMost(ttl, 3600)
  })
})
