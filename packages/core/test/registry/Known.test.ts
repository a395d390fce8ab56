/** Which source counts, and what a table says of it. */
import { assert, describe, it } from "@effect/vitest"
import type { ApiModel } from "#src/lmstudio/ApiModel.ts"
import { type Evidence, type EvidenceRow, noTally, sum, withEvidence, withTally } from "#src/registry/Evidence.ts"
import * as Known from "#src/registry/Known.ts"
import * as KnownWords from "#src/registry/KnownWords.ts"

const model = (key: string, more: Partial<ApiModel> = {}): ApiModel => ({
  key,
  type: "llm",
  displayName: key,
  variants: [],
  instances: [],
  ...more
})
const tried = (value: number, trials = 3): Evidence => ({
  source: "verified",
  holds: value * 2 > trials,
  value,
  trials,
  at: Date.UTC(2026, 10, 28)
})
const row = (evidence: EvidenceRow["evidence"], observed?: EvidenceRow["observed"]): EvidenceRow => ({
  build: {},
  at: 1,
  evidence,
  ...(observed === undefined ? {} : { observed })
})

describe("what is known of a model", () => {
  it("what was tried and failed counts more than what is declared", () => {
    const known = Known.of(model("acme/plain", { toolUse: true }), row({ toolCalls: tried(0) }))
    assert.strictEqual(Known.can(known, "toolCalls"), false)
    assert.deepStrictEqual(KnownWords.rows(known)[0]?.slice(1, 4), ["no", "tried here", "0 of 3, declared yes"])
    assert.strictEqual(KnownWords.brief(known), "")
  })

  it("what it can and does not declare counts once it was tried, or seen in enough calls of runs", () => {
    const silent = model("acme/plain", { toolUse: false })
    assert.strictEqual(Known.can(Known.of(silent, undefined), "toolCalls"), false)
    assert.strictEqual(Known.can(Known.of(silent, row({ toolCalls: tried(3) })), "toolCalls"), true)
    const seen = (valid: number) => ({ ...noTally, runs: 1, native: { valid, refused: 0 }, at: 5 })
    assert.strictEqual(Known.can(Known.of(silent, row({}, seen(2))), "toolCalls"), false)
    assert.deepInclude(Known.about(Known.of(silent, row({}, seen(3))), "toolCalls"), {
      source: "observed",
      holds: true
    })
  })

  it("what only a name suggests is a guess, and is shown as one", () => {
    const known = Known.of(model("acme/see-vl-7b"), undefined)
    assert.deepInclude(Known.about(known, "vision"), { source: "named" })
    assert.strictEqual(KnownWords.brief(known), "vision?")
    assert.deepStrictEqual(Known.of(model("acme/plain"), undefined), [])
    const embedding = Known.of(model("acme/see-vl-7b", { type: "embedding", vision: true }), undefined)
    assert.deepStrictEqual(
      embedding.map(({ capability }) => capability),
      ["embeddings"]
    )
    assert.strictEqual(Known.can(Known.of(model("acme/see-vl-7b", { vision: false }), undefined), "vision"), false)
  })

  it("is believed in place of what is declared, where it was tried or seen", () => {
    const believed = (more: Partial<ApiModel>, evidence: EvidenceRow["evidence"]) => {
      const listed = model("acme/plain-vl", more)
      const { toolUse, vision } = Known.believed(listed, Known.of(listed, row(evidence)))
      return [toolUse, vision]
    }
    assert.deepStrictEqual(believed({}, {}), [undefined, undefined])
    assert.deepStrictEqual(believed({ toolUse: true, vision: true }, {}), [true, true])
    assert.deepStrictEqual(believed({ toolUse: true, vision: true }, { toolCalls: tried(0), vision: tried(1) }), [
      true,
      false
    ])
    assert.deepStrictEqual(believed({ toolUse: false, vision: false }, { boundSteps: tried(3), vision: tried(2) }), [
      true,
      true
    ])
    const none = { toolCalls: tried(0), boundSteps: tried(1), callsInText: tried(0) }
    assert.deepStrictEqual(believed({ toolUse: true }, none), [false, undefined])
  })

  it("a new trial leaves what it did not try, and keeps what runs showed", () => {
    const before = withTally(row({ vision: tried(3) }), { engine: "1" }, { ...noTally, runs: 2 })
    const after = withEvidence(before, row({ toolCalls: tried(3) }))
    assert.deepStrictEqual([Object.keys(after.evidence), after.observed?.runs], [["vision", "toolCalls"], 2])
    assert.strictEqual(sum({ ...noTally, at: 7 }, { ...noTally, at: 3 }).at, 7)
  })
})
