import { assert, describe, it } from "@effect/vitest"
import * as Ownership from "#src/models/ledger/Ownership.ts"

const entry = (changes: Partial<Ownership.LedgerEntry> = {}): Ownership.LedgerEntry => ({
  instanceId: "m",
  model: "m",
  way: "cli",
  server: "http://127.0.0.1:1234",
  ttlMillis: 600_000,
  contextLength: 4096,
  state: "loaded",
  startedAt: 0,
  lastUsedAt: 0,
  worked: false,
  ...changes
})

describe("Ownership", () => {
  it("recognises our instance by id, context and TTL", () => {
    assert.isTrue(Ownership.isOurs(entry(), { id: "m", contextLength: 4096, ttlMillis: 600_000 }, 0))
    assert.isFalse(Ownership.isOurs(undefined, { id: "m" }, 0))
    assert.isFalse(Ownership.isOurs(entry(), { id: "m:2", ttlMillis: 600_000 }, 0))
  })

  it("recognises a user's model under an id that was once ours", () => {
    assert.isFalse(Ownership.isOurs(entry(), { id: "m", ttlMillis: null }, 0), "loaded by hand: no TTL")
    assert.isFalse(
      Ownership.isOurs(entry(), { id: "m", ttlMillis: 3_600_000 }, 0),
      "loaded by another program's request"
    )
    assert.isFalse(
      Ownership.isOurs(entry(), { id: "m", contextLength: 8192, ttlMillis: 600_000 }, 0),
      "another context"
    )
    assert.isFalse(
      Ownership.isOurs(entry({ way: "rest" }), { id: "m", ttlMillis: 3_600_000 }, 0),
      "REST gives no TTL, so one that has a TTL is not ours"
    )
    assert.isTrue(Ownership.isOurs(entry({ way: "rest" }), { id: "m", ttlMillis: null }, 0))
  })

  it("without lms, trusts an entry only until LM Studio must have unloaded the instance", () => {
    assert.isTrue(Ownership.isOurs(entry(), { id: "m" }, 599_999))
    assert.isFalse(Ownership.isOurs(entry(), { id: "m" }, 600_000))
    assert.isTrue(Ownership.isOurs(entry({ lastUsedAt: 500_000 }), { id: "m" }, 600_000))
    assert.isTrue(Ownership.isOurs(entry({ way: "rest" }), { id: "m" }, 10_000_000), "only we end that one")
  })

  it("trusts a load whose end we did not see only for a while", () => {
    assert.isTrue(Ownership.isOurs(entry({ state: "loading" }), { id: "m", ttlMillis: 600_000 }, 0))
    assert.isFalse(Ownership.isOurs(entry({ state: "loading" }), { id: "m" }, 0), "without `lms` there is no proof")
    const loading = entry({ state: "loading", way: "rest" })
    assert.isTrue(Ownership.isOurs(loading, { id: "m" }, Ownership.unseenLoadMillis))
    assert.isFalse(Ownership.isOurs(loading, { id: "m" }, Ownership.unseenLoadMillis + 1))
  })

  it("starts the idle time at the latest known use", () => {
    assert.strictEqual(Ownership.expiryOf(entry({ lastUsedAt: 1000 })), 601_000)
    assert.strictEqual(Ownership.expiryOf(entry({ lastUsedAt: 1000 }), { lastUsedAt: 5000 }), 605_000)
  })

  it("predicts the id of the next copy", () => {
    assert.strictEqual(Ownership.nextInstanceId("m", new Set()), "m")
    assert.strictEqual(Ownership.nextInstanceId("m", new Set(["m", "m:3"])), "m:2")
    assert.strictEqual(Ownership.nextInstanceId("m", new Set(["m", "m:2"])), "m:3")
  })
})
