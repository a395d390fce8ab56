import { assert, describe, it } from "@effect/vitest"
import type { LoginRequest, ServerSummary } from "@lms-bridge/core/McpRegistry"
import { Duration, Effect } from "effect"
import { present } from "@lms-bridge/core/Json"
import { cli } from "../../OverDoubles.ts"

const summary = (name: string, login: ServerSummary["login"]): ServerSummary => ({
  name,
  transport: "http",
  target: `https://${name}.example/mcp`,
  envNames: [],
  source: "/home/me/.lmstudio/mcp.json",
  state: "usable",
  connected: false,
  ...present({ login })
})

describe("logins to MCP servers", () => {
  it.effect("says which servers need a login, and how to log in", () =>
    Effect.gen(function* () {
      const servers = Effect.succeed([summary("in", "done"), summary("out", "wanted")])
      const { out } = yield* cli(["mcp", "ls"], { mcp: { servers } })
      assert.match(out, /^out .*needs a login: lms-bridge mcp login out$/m)
      assert.notMatch(out, /^in .*login/m)
    })
  )

  it.effect("log in, list what can be used then, and log out", () =>
    Effect.gen(function* () {
      const seen: Array<unknown> = []
      const mcp = {
        login: (server: string, { timeout }: LoginRequest) => Effect.sync(() => void seen.push(server, timeout)),
        tools: () => Effect.succeed([{ server: "s", name: "read", description: "", inputSchema: {}, annotations: {} }]),
        logout: (server: string) => Effect.succeed(server === "s")
      }
      const login = yield* cli(["mcp", "login", "s", "--timeout", "90s"], { mcp })
      assert.deepInclude(login, { code: 0, out: "Logged in to s: 1 tool." })
      assert.deepStrictEqual(seen, ["s", Duration.seconds(90)])
      assert.strictEqual((yield* cli(["mcp", "logout", "s"], { mcp })).out, "Logged out of s.")
      assert.strictEqual((yield* cli(["mcp", "logout", "t"], { mcp })).out, "There was no login to t.")
    })
  )
})
