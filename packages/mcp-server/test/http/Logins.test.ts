import { assert, describe, it } from "@effect/vitest"
import * as Logins from "#src/http/page/Logins.ts"
import { cookieName, cookieOf, notOurs, setCookie } from "#src/http/page/PageAccess.ts"

describe("logins of the page", () => {
  it("trades a code once, and only the newest", () => {
    const logins = Logins.make(undefined)
    const old = logins.newCode()
    const code = logins.newCode()
    assert.isUndefined(logins.login({ code: old }, 0))
    const cookie = logins.login({ code }, 0)
    assert.isTrue(logins.isKnown(cookie, 1))
    assert.isUndefined(logins.login({ code }, 2))
    // 256 bits each
    assert.match(code, /^[\w-]{43}$/)
    assert.match(String(cookie), /^[\w-]{43}$/)
  })

  it("trades the token as often as one likes; nothing stands for a token that is not set", () => {
    const logins = Logins.make("s3cret")
    assert.isDefined(logins.login({ token: "s3cret" }, 0))
    assert.isDefined(logins.login({ token: "s3cret" }, 0))
    assert.isUndefined(logins.login({ token: "s3cre" }, 0))
    assert.isUndefined(logins.login({ token: "" }, 0))
    assert.isUndefined(logins.login({}, 0))
    assert.isUndefined(Logins.make(undefined).login({ token: "" }, 0))
  })

  it("forgets a cookie after a week without use, at logout, and the oldest of many", () => {
    const logins = Logins.make("t")
    const first = logins.login({ token: "t" }, 0)
    const week = Logins.idleMillis
    assert.isTrue(logins.isKnown(first, week))
    assert.isFalse(logins.isKnown(first, 2 * week + 1))
    const second = logins.login({ token: "t" }, 0)
    logins.logout(second)
    assert.isFalse(logins.isKnown(second, 0))
    const third = logins.login({ token: "t" }, 1)
    for (let n = 0; n < 64; n++) logins.login({ token: "t" }, 2)
    assert.isFalse(logins.isKnown(third, 3))
    assert.isFalse(logins.isKnown(undefined, 3))
  })

  it("asks to wait after ten wrong attempts within a minute", () => {
    const logins = Logins.make("t")
    for (let n = 0; n < 10; n++) {
      assert.isFalse(logins.mustWait(n))
      logins.login({ token: "wrong" }, n)
    }
    assert.isTrue(logins.mustWait(10))
    assert.isFalse(logins.mustWait(61_000))
  })
})

describe("access to the routes of the page", () => {
  const host = "127.0.0.1:4000"
  const ours = {
    host,
    origin: `http://${host}`,
    "content-type": "application/json; charset=utf-8",
    "x-lms-bridge": "page",
    "sec-fetch-site": "same-origin"
  }

  it("accepts a change from our own page only", () => {
    assert.isUndefined(notOurs(ours))
    for (const wrong of [
      { origin: "http://evil.example" },
      { origin: "http://127.0.0.1:4001" },
      { origin: "null" },
      { origin: undefined },
      { "content-type": "text/plain" },
      { "content-type": undefined },
      { "x-lms-bridge": undefined },
      { "sec-fetch-site": "same-site" },
      { "sec-fetch-site": "cross-site" }
    ])
      assert.isString(notOurs({ ...ours, ...wrong }), JSON.stringify(wrong))
  })

  it("names the cookie by the port, so that two bridges keep their own", () => {
    assert.strictEqual(cookieName({ host }), "lms_bridge_4000")
    assert.strictEqual(cookieOf({ host, cookie: "lms_bridge_4001=b; lms_bridge_4000=a" }), "a")
    assert.isUndefined(cookieOf({ host, cookie: "xlms_bridge_4000=a" }))
    const set = setCookie({ host }, "v", 60)
    assert.strictEqual(set, "lms_bridge_4000=v; HttpOnly; SameSite=Strict; Path=/; Max-Age=60")
    assert.include(setCookie({ host, "x-forwarded-proto": "https" }, "v", 60), "; Secure")
  })
})
