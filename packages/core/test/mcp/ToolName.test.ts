import { assert, describe, it } from "@effect/vitest"
import { nearest } from "#src/names/nearest.ts"
import * as ToolName from "#src/mcp/ToolName.ts"
import { FastCheck as fc, Option } from "effect"

const names = (tools: ReadonlyArray<ToolName.ToolRef>, reserved: ReadonlyArray<string> = []) =>
  ToolName.assign(tools, { reserved }).entries.map(({ name }) => name)

// short alphabets and separators, so that collisions actually occur
const part = fc.oneof(
  fc.string({ unit: fc.constantFrom("a", "b", "_", "-", ".", "/", " "), minLength: 0, maxLength: 5 }),
  fc.string({ maxLength: 90 })
)
const tools = fc.array(fc.record({ server: part, name: part }), { maxLength: 30 })

describe("ToolName", () => {
  it("keeps the names of a single server, and prefixes those of several", () => {
    assert.deepStrictEqual(names([{ server: "files", name: "read_file" }]), ["read_file"])
    assert.deepStrictEqual(
      names([
        { server: "files", name: "read_file" },
        { server: "my notes", name: "read.file" }
      ]),
      ["files__read_file", "my_notes__read_file"]
    )
  })

  it("prefixes a single server's tool whose name is reserved", () => {
    assert.deepStrictEqual(
      names(
        [
          { server: "files", name: "find_tools" },
          { server: "files", name: "read" }
        ],
        ["find_tools"]
      ),
      ["files__find_tools", "read"]
    )
  })

  it("distinguishes tools that would have the same name, whatever their order", () => {
    const a = { server: "x__y", name: "z" }
    const b = { server: "x", name: "y__z" }
    const forward = ToolName.assign([a, b])
    const backward = ToolName.assign([b, a])
    assert.notStrictEqual(Option.getOrThrow(forward.nameOf(a)), Option.getOrThrow(forward.nameOf(b)))
    assert.deepStrictEqual(forward.nameOf(a), backward.nameOf(a))
  })

  it("shortens long names, and still distinguishes them", () => {
    const long = "l".repeat(100)
    const found = names([
      { server: "s", name: `${long}1` },
      { server: "s", name: `${long}2` }
    ])
    assert.isTrue(found.every((name) => name.length === 64))
    assert.strictEqual(new Set(found).size, 2)
  })

  it.prop(
    "gives every tool a unique name, within the limits, that maps back to it",
    [tools, fc.array(part, { maxLength: 5 })],
    ([given, reserved]) => {
      const assigned = ToolName.assign(given, { reserved })
      const all = assigned.entries.map(({ name }) => name)
      assert.strictEqual(new Set(all).size, all.length)
      for (const name of all) {
        assert.match(name, /^[a-zA-Z0-9_-]{1,64}$/)
        assert.notInclude(reserved, name)
      }
      for (const tool of given) {
        const name = Option.getOrThrow(assigned.nameOf(tool))
        assert.deepStrictEqual(Option.getOrThrow(assigned.toolOf(name)), tool)
      }
    }
  )

  it.prop("does not depend on the order of the tools", [tools], ([given]) => {
    const forward = ToolName.assign(given)
    const backward = ToolName.assign(given.toReversed())
    for (const tool of given) assert.deepStrictEqual(forward.nameOf(tool), backward.nameOf(tool))
  })

  it("does not know tools and names that were not given", () => {
    const assigned = ToolName.assign([{ server: "s", name: "a" }])
    assert.isTrue(Option.isNone(assigned.nameOf({ server: "s", name: "b" })))
    assert.isTrue(Option.isNone(assigned.toolOf("b")))
  })
})

describe("NearestNames", () => {
  const known = ["filesystem", "github", "memory", "sqlite", "my-notes"]

  it.each([
    ["filesytem", ["filesystem"]],
    ["FileSystem", ["filesystem"]],
    ["files", ["filesystem"]],
    ["githbu", ["github"]],
    ["my_notes", ["my-notes"]],
    ["postgres", []],
    ["", []],
    ["--", []]
  ])("for %j offers %j", (wanted, expected) => {
    assert.deepStrictEqual(nearest(wanted, known), expected)
  })

  it("suggests at most three, the nearest first", () => {
    assert.deepStrictEqual(nearest("server1", ["server4", "server3", "server2", "server1x", "server1"]), [
      "server1",
      "server1x",
      "server2"
    ])
  })
})
