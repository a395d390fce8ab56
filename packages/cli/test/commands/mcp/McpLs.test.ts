import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { cli } from "../../OverDoubles.ts"

describe("mcp ls", () => {
  it.effect("says whose file an entry comes from where there are several", () =>
    Effect.gen(function* () {
      const file = (path: string, origin: "Claude Code" | "Cursor" | "project") => ({
        path,
        origin,
        exists: true,
        used: true
      })
      const all = Effect.succeed([
        file("/p/.mcp.json", "project"),
        file("/h/.claude.json", "Claude Code"),
        file("/p/.cursor/mcp.json", "Cursor"),
        file("/h/.cursor/mcp.json", "Cursor")
      ])
      const servers = Effect.map(all, (files) =>
        files.map(({ path }, index) => ({
          name: `s${index}`,
          transport: "stdio" as const,
          target: "x",
          envNames: [],
          source: path,
          state: "usable" as const,
          connected: false
        }))
      )
      const { out } = yield* cli(["mcp", "ls"], { mcp: { servers, candidates: all } })
      assert.strictEqual(
        out,
        [
          "SERVER  STATE   SOURCE               TRANSPORT  TARGET",
          "s0      usable  this folder          stdio      x",
          "s1      usable  Claude Code          stdio      x",
          "s2      usable  /p/.cursor/mcp.json  stdio      x",
          "s3      usable  /h/.cursor/mcp.json  stdio      x"
        ].join("\n")
      )
    })
  )
})
