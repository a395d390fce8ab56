import { assert, describe, it } from "@effect/vitest"
import * as McpConfig from "#src/mcp/config/McpConfig.ts"
import * as ServerDefinition from "#src/mcp/config/ServerDefinition.ts"
import * as ToolLists from "#src/mcp/dialects/ToolLists.ts"
import { Either } from "effect"

const define = (rule: Record<string, unknown>, name = "db") => {
  const [entry] = Either.getOrThrow(
    McpConfig.parse("/p/mcp.json", JSON.stringify({ mcpServers: { [name]: { command: "x", ...rule } } }))
  )
  assert.isDefined(entry)
  return ServerDefinition.make(entry, {
    variables: { environment: () => undefined, workspaceFolder: "/w", userHome: undefined },
    nested: false
  })
}

/** Neither offered nor callable, because it is excluded or the whole entry is refused. */
const isOff = (rule: Record<string, unknown>, tool: string) => {
  const server = define(rule)
  return Either.isLeft(server.launch) || !server.allows(tool)
}

describe("ToolLists", () => {
  it.each([
    { excludeTools: ["drop_table"] },
    { excludedTools: "drop_table" },
    { exclude_tools: ["drop_table(force)"] },
    { disabledTools: ["drop_table"] },
    { disabled_tools: ["DROP_TABLE"] },
    { "disabled-tools": ["other", " drop_table "] },
    { disallowedTools: ["mcp__db__drop_table"] },
    { deniedTools: ["db.drop_table"] },
    { blockedTools: ["drop_*"] },
    { toolBlacklist: ["drop_table"] },
    { hiddenTools: ["drop_table"] },
    { ignoreTools: ["drop_table"] },
    { toolsToExclude: ["drop_table"] },
    { tools: { drop_table: false } },
    { tools: { drop_table: { enabled: false }, read_row: { enabled: true } } },
    { tools: { drop_table: "deny", read_row: "ask" } },
    { tools: { exclude: ["drop_table"] } },
    { tools: [{ name: "drop_table", enabled: false }, { name: "read_row" }] },
    { disabledTools: ["mcp__database_as_it_was_called__drop_table"] },
    { alwaysDeny: ["drop_table"] },
    { autoReject: ["drop_table"] },
    { neverAllow: ["drop_table"] },
    { approvals: { drop_table: "deny", read_row: "auto" } },
    { exceptTools: ["drop_table"] },
    { options: { disabledTools: ["drop_table"], color: "red" } },
    { settings: { mcp: { excludeTools: ["drop_table"] } } },
    { settings: { tools: { drop_table: false } } }
  ])("keeps what %j switches off from being used, and nothing else", (rule) => {
    assert.isTrue(isOff(rule, "drop_table"))
    assert.isFalse(isOff(rule, "read_row"))
  })

  it.each([
    { includeTools: ["read_row"] },
    { include_tools: ["read_row()"] },
    { enabledTools: ["read_row"] },
    { enabled_tools: ["read_row"] },
    { allowedTools: ["read_row"] },
    { available_tools: ["read_row"] },
    { toolWhitelist: ["read_row"] },
    { tools: ["read_row"] },
    { tools: ["read_*"] },
    { tools: { include: ["read_row"] } },
    { includeTools: ["read_row", "drop_table"], excludeTools: ["drop_table"] },
    { includeTools: ["read_row", "drop_table"], enabledTools: ["read_row"] }
  ])("lets only what %j names be used", (rule) => {
    assert.isTrue(isOff(rule, "drop_table"))
    assert.isFalse(isOff(rule, "read_row"))
  })

  it.each([
    { toolFilter: { mode: "deny", names: ["drop_table"] } },
    { toolRules: ["drop_table"] },
    { filter: { tools: ["read_row"] } },
    { filters: { exclude: ["drop_table"] } },
    { actions: { drop_table: false } },
    { configs: { drop_table: { enabled: false } } },
    { default_config: { enabled: false } },
    { except: ["drop_table"] },
    { options: { disabledTools: { drop_table: "sure" } } },
    { toolPermissions: { drop_table: "never" } },
    { permissions: { deny: ["drop_table"] } },
    { deny: ["drop_table"] },
    { exclude: ["drop_table"] },
    { allow: ["read_row"] },
    { dangerousTools: ["drop_table"] },
    { tools: { drop_table: 7 } },
    { tools: [5] },
    { disabledTools: { drop_table: "sure" } }
  ])("refuses an entry with %j, which might be the list that forbids, by the name of its key", (rule) => {
    const problem = Either.getOrThrow(Either.flip(define(rule).launch))
    assert.strictEqual(problem.reason, "Invalid")
    assert.include(problem.detail, JSON.stringify(Object.keys(rule)[0]))
    assert.include(problem.detail, '"excludedTools"')
  })

  it.each([
    { tools: ["*"] },
    { tools: true },
    { tools: null },
    { tools: { drop_table: { approval_mode: "prompt" } } },
    { alwaysAllow: ["read_row"] },
    { autoApprove: ["read_row"] },
    { autoApproveTools: ["read_row"] },
    { trustedTools: ["read_row"] },
    { toolTimeout: 60 },
    { tool_prefix: "db" },
    { excludeTools: [] },
    { disabledTools: null },
    { approvals: { drop_table: "auto" } },
    { sandbox: { enabled: false, network: { allowedDomains: ["example.com"] } } },
    { metadata: { tools: [{ name: "drop_table", description: "Drops a table." }] } },
    { disabledTools: ["mcp__other__*"] }
  ])("finds no ban in %j", (rule) => {
    assert.isFalse(isOff(rule, "drop_table"))
  })

  it("names the keys that switch a tool off, and their place", () => {
    const server = define({ includeTools: ["read_row"], disabledTools: ["drop_table"] })
    assert.strictEqual(
      server.switchedOff?.("drop_table"),
      '"drop_table" of MCP server "db" is switched off by "includeTools" and "disabledTools" (/p/mcp.json, line 1).'
    )
    assert.isUndefined(server.switchedOff?.("read_row"))
  })

  it("takes an empty list of allowed tools literally, but Goose's as no list", () => {
    assert.isTrue(isOff({ includeTools: [] }, "drop_table"))
    const goose = { emptyIsAll: true }
    assert.deepStrictEqual(ToolLists.meaningOf("available_tools", [], goose), { _tag: "Nothing" })
  })

  it("matches patterns without backtracking", () => {
    const pattern = `${"*a".repeat(2000)}*b`
    assert.isFalse(ToolLists.matches(pattern, "a".repeat(20_000)))
    assert.isTrue(ToolLists.matches("*a*a*b", "xaxaxb"))
    assert.isFalse(ToolLists.matches("a*a", "a"))
    assert.isTrue(ToolLists.matches("*", ""))
  })
})
