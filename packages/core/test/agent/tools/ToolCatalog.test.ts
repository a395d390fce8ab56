import { assert, describe, it } from "@effect/vitest"
import * as ToolCatalog from "#src/agent/tools/ToolCatalog.ts"

const catalogOf = (...names: ReadonlyArray<string>) =>
  ToolCatalog.make(
    names.map((name) => ({ server: "main", name, description: "", inputSchema: { type: "object" }, annotations: {} })),
    {}
  )

describe("names of calls", () => {
  it.each([
    "functions.read",
    "functions.read:0",
    "read:0",
    "default_api.read",
    "mcp.tools:read",
    "namespace.read",
    "read()"
  ])("understands %s", (name) => assert.strictEqual(catalogOf("read", "write").find(name)?.tool.name, "read"))

  it("prefers the exact name, and does not invent one", () => {
    assert.strictEqual(catalogOf("read", "functions.read").find("functions.read")?.tool.name, "functions.read")
    assert.isUndefined(catalogOf("read").find("other.read"))
  })
})
