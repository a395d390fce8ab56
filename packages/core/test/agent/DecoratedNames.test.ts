import { assert, describe, it } from "@effect/vitest"
import * as ToolCatalog from "#src/agent/tools/ToolCatalog.ts"
import * as ChatStream from "#src/lmstudio/ChatStream.ts"
import { decodeReply } from "#src/lmstudio/wire/ChatWire.ts"

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

  it("prefers the real name, and does not invent one", () => {
    assert.strictEqual(catalogOf("read", "functions.read").find("functions.read")?.tool.name, "functions.read")
    assert.isUndefined(catalogOf("read").find("other.read"))
  })
})

describe("calls of one index", () => {
  it("are two when their ids and names differ", () => {
    const call = (id: string, name: string) => ({ index: 0, id, function: { name, arguments: "{}" } })
    const frame = decodeReply({ choices: [{ delta: { tool_calls: [call("a", "read"), call("b", "write")] } }] })
    const step = ChatStream.step(ChatStream.start(0), frame, 1)
    assert.deepStrictEqual(step._tag === "Next" ? [...step.state.calls.values()].map(({ name }) => name) : [], [
      "read",
      "write"
    ])
  })
})
