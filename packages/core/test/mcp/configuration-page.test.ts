import { assert, describe, it } from "@effect/vitest"
import * as McpConfig from "#src/mcp/config/McpConfig.ts"
import * as ServerDefinition from "#src/mcp/config/ServerDefinition.ts"
import { Either } from "effect"
import { readFileSync } from "node:fs"

const page = readFileSync(new URL("../../../../docs/configuration.md", import.meta.url), "utf8")

describe("docs/configuration.md", () => {
  it("has an example in which every entry works as described", () => {
    const [, example = ""] = /```jsonc\n([\s\S]*?)```/.exec(page) ?? []
    const variables = {
      environment: (name: string) => ({ HOME: "/home/me", TICKETS_TOKEN: "t" })[name],
      workspaceFolder: "/w",
      userHome: "/home/me"
    }
    const servers = Either.getOrThrow(McpConfig.parse("mcp.json", example)).map((entry) =>
      ServerDefinition.make(entry, { variables, nested: false })
    )
    assert.deepStrictEqual(
      servers.map(({ launch, name }) => [name, Either.isRight(launch) ? launch.right._tag : launch.left.reason]),
      [
        ["filesystem", "Stdio"],
        ["tickets", "Http"],
        ["spare", "Disabled"]
      ]
    )
  })

  it("documents every key that is read", () => {
    const table = page.slice(page.indexOf("| key | meaning |"), page.indexOf("- Comments"))
    // `enabled` is accepted for the sake of other hosts' files, and not documented
    const keys = Object.keys(McpConfig.EntrySettings.fields).filter((key) => key !== "enabled")
    assert.deepStrictEqual(
      keys.filter((key) => !table.includes(`\`${key}\``)),
      []
    )
  })
})
