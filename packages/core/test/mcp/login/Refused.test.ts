import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import { fixture, live, login, stateOfLogin, whoami } from "./fixture.ts"

describe("a server that speaks only 2026-07-28", () => {
  live("asks for a login by what it answers after initialize was refused, with the rights that it names there", () =>
    Effect.gen(function* () {
      const { run, server } = yield* fixture({ modern: true, scope: "tools", challenged: "tools" })
      assert.deepInclude(yield* run(Effect.flip(whoami)), { reason: "Unauthorized", lacks: "login", status: 401 })
      yield* run(login())
      assert.strictEqual(yield* run(whoami), "client-1")
      server.behaviour.scope = "admin"
      assert.deepInclude(yield* run(Effect.flip(whoami)), { reason: "Unauthorized", lacks: "rights", status: 403 })
      yield* run(login())
      assert.deepStrictEqual(server.scopes, ["tools", "tools admin"])
      assert.strictEqual(yield* run(whoami), "client-2")
    })
  )

  live("says which rights it wants also if `mcp login` is the first that is heard of it", () =>
    Effect.gen(function* () {
      const { run, server } = yield* fixture({ modern: true, challenged: "tools extra" })
      yield* run(login())
      assert.deepStrictEqual(server.scopes, ["tools extra"])
    })
  )
})

describe("a server that cannot be satisfied", () => {
  live("with all rights that it asks for does not send the person to log in again and again", () =>
    Effect.gen(function* () {
      const { run, server } = yield* fixture({ challenged: "admin", stubborn: true })
      yield* run(login())
      const error = yield* run(Effect.flip(whoami))
      assert.deepInclude(error, { reason: "Unauthorized", lacks: "refused", status: 403 })
      assert.match(error.message, /has the rights that it asks for, and is refused all the same\./)
      assert.match(error.message, /Ask its operator, or log in as somebody else with `lms-bridge mcp login remote`\.$/)
      assert.strictEqual(yield* run(stateOfLogin), "done")
      assert.deepStrictEqual(server.seen, ["register", "login", "token"])
    })
  )

  live("that has moved to another login service asks for a new login, however often the old one renews", () =>
    Effect.gen(function* () {
      const { run, server } = yield* fixture()
      yield* run(login())
      server.behaviour.moved = true
      const error = yield* run(Effect.flip(whoami))
      assert.deepInclude(error, { reason: "Unauthorized", lacks: "renewal", status: 401 })
      assert.match(error.message, /Run `lms-bridge mcp login remote`\.$/)
      assert.strictEqual(yield* run(stateOfLogin), "wanted")
      assert.deepStrictEqual(server.seen, ["register", "login", "token", "refresh"])
    })
  )
})
