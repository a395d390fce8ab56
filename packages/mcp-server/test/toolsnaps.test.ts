import { assert, describe, it } from "@effect/vitest"
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs"
import { allTools } from "@lms-bridge/mcp-server/Tools"

/**
 * What a client sees of each tool is pinned: a change is made on purpose, with UPDATE_TOOLSNAPS=1, and shows in review.
 */
const folder = new URL("__toolsnaps__/", import.meta.url)
const update = process.env["UPDATE_TOOLSNAPS"] === "1"

const seen = ({ annotations, description, inputSchema, long, name, outputSchema, title }: (typeof allTools)[number]) =>
  `${JSON.stringify({ name, title, description, annotations, ...(long ? { execution: { taskSupport: "optional" } } : {}), inputSchema, outputSchema }, null, 2)}\n`

describe("tool snapshots", () => {
  for (const tool of allTools) {
    it(`${tool.name} looks to clients as it did`, () => {
      const file = new URL(`${tool.name}.snap`, folder)
      if (update) {
        mkdirSync(folder, { recursive: true })
        writeFileSync(file, seen(tool))
      }
      assert.isTrue(existsSync(file), `no snapshot of ${tool.name}: run with UPDATE_TOOLSNAPS=1`)
      assert.strictEqual(seen(tool), readFileSync(file, "utf8"))
    })
  }

  it("every name is one that all known clients accept, with their prefix", () => {
    for (const { name } of allTools) {
      assert.match(name, /^[a-z][a-z0-9_]*$/)
      // Claude Code calls it so, and 64 characters is the least limit there is
      assert.isAtMost(`mcp__lms-bridge__${name}`.length, 64)
    }
  })

  it("there is no snapshot of a tool that is gone", () => {
    assert.sameMembers(
      readdirSync(folder),
      allTools.map(({ name }) => `${name}.snap`)
    )
  })

  it("no schema holds references into Effect's own definitions", () => {
    for (const tool of allTools) {
      assert.notMatch(seen(tool), /\$id|"\$ref"|\$defs|\/schemas\//, tool.name)
    }
  })

  it("the whole list stays within 16 kB", () => {
    const bytes = JSON.stringify(allTools.map((tool) => JSON.parse(seen(tool)) as unknown)).length
    assert.isAtMost(bytes, 16_384)
  })
})
