import { assert, describe, it } from "@effect/vitest"
import type { Access } from "#src/mcp/login/Access.ts"
import * as AuthorizedFetch from "#src/mcp/login/AuthorizedFetch.ts"
import { Effect, Redacted } from "effect"

const access: Access = {
  token: Effect.succeed(Redacted.make("t0ken")),
  refused: () => Effect.succeed(undefined),
  lacks: Effect.succeed(undefined),
  redact: (text) => text,
  reread: Effect.void
}

describe("AuthorizedFetch", () => {
  it.effect("sends the token to the origin of its server only", () =>
    Effect.promise(async () => {
      const sent: Array<readonly [string, string | null]> = []
      const fetch = AuthorizedFetch.make({
        fetch: (url, init) => {
          sent.push([String(url), new Headers(init?.headers).get("authorization")])
          return Promise.resolve(new Response(""))
        },
        url: new URL("https://mcp.example/mcp"),
        access,
        run: Effect.runPromise
      })
      for (const url of [
        "https://mcp.example/messages?id=1",
        "https://evil.example/mcp",
        "http://mcp.example/mcp",
        "https://mcp.example:8443/mcp"
      ]) {
        await fetch(url)
      }
      assert.deepStrictEqual(
        sent.map(([, token]) => token),
        ["Bearer t0ken", null, null, null]
      )
    })
  )
})
