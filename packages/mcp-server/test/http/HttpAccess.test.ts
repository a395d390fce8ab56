import { assert, describe, it } from "@effect/vitest"
import { isLoopback, refusal } from "#src/http/HttpAccess.ts"

describe("access over HTTP", () => {
  const ask = (headers: Partial<Parameters<typeof refusal>[1]>, access = { host: "127.0.0.1", token: undefined }) =>
    refusal(access, { host: "127.0.0.1:1", origin: undefined, authorization: undefined, ...headers })?.status

  it("is decided by host, origin and token", () => {
    assert.isUndefined(ask({}))
    assert.isUndefined(ask({ host: "[::1]:80", origin: "http://localhost" }))
    assert.strictEqual(ask({ host: "evil.example" }), 403)
    assert.strictEqual(ask({ host: undefined }), 403)
    assert.strictEqual(ask({ host: "127.0.0.1.evil.example" }), 403)
    assert.strictEqual(ask({ origin: "null" }), 403)
    assert.strictEqual(ask({ origin: "https://127.0.0.1@evil.example" }), 403)
    const guarded = { host: "0.0.0.0", token: "abc" }
    const asked = (authorization: string | undefined) =>
      refusal(guarded, { host: "box.lan:8080", origin: undefined, authorization })?.status
    assert.strictEqual(asked(undefined), 401)
    assert.strictEqual(asked("Bearer ab"), 401)
    assert.strictEqual(asked("Bearer abcd"), 401)
    assert.isUndefined(asked("Bearer abc"))
  })

  it("an address that only this machine can reach is loopback", () => {
    for (const host of ["localhost", "127.0.0.1", "127.1.2.3", "::1", "[::1]"]) assert.isTrue(isLoopback(host), host)
    for (const host of ["0.0.0.0", "::", "192.168.1.2", "127.0.0.1.evil"]) assert.isFalse(isLoopback(host), host)
  })
})
