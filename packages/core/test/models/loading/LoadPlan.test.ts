import { assert, describe, it } from "@effect/vitest"
import * as LoadPlan from "#src/models/loading/LoadPlan.ts"
import type { EnsureOptions } from "#src/models/EnsureOptions.ts"

const purpose = (options: EnsureOptions, variant?: string) =>
  LoadPlan.purposeOf({ key: "m", instanceId: undefined, variant, options })

describe("LoadPlan.purposeOf", () => {
  it("tells callers apart who would not be served, or refused, alike", () => {
    const different: ReadonlyArray<EnsureOptions> = [
      {},
      { contextLength: 4096 },
      { gpu: 0.5 },
      { parallel: 4 },
      { identifier: "mine" },
      { makeRoom: true }
    ]
    const purposes = [...different.map((options) => purpose(options)), purpose({}, "m@q4")]
    assert.strictEqual(new Set(purposes).size, purposes.length)
    assert.strictEqual(purpose({ ttl: "1 minute", makeRoom: false }), purpose({}))
  })
})
