import { assert, describe, it } from "@effect/vitest"
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs"
import { listed } from "#src/protocol/Server.ts"
import { allTools, chosen, describesOutput, toolsets } from "#src/tools/Tools.ts"

/**
 * Snapshots of what a client sees of each tool: a change is made on purpose, with UPDATE_TOOLSNAPS=1, and shows in review.
 */
const folder = new URL("__toolsnaps__/", import.meta.url)
const update = process.env["UPDATE_TOOLSNAPS"] === "1"

const seenOf = new Map(listed(allTools, true).map((tool) => [tool.name, `${JSON.stringify(tool, null, 2)}\n`]))

const seen = ({ name }: (typeof allTools)[number]) => seenOf.get(name) ?? ""

/** What a model reads at the start of every conversation, in bytes of JSON. */
const limits = {
  all: 24_576,
  compat: 24_576,
  agent: 12_288,
  runs: 4096,
  models: 12_288,
  inference: 8192,
  vision: 4096,
  lean: 4096
}

describe("tool snapshots", () => {
  for (const tool of allTools) {
    it(`${tool.name} is unchanged for clients`, () => {
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
      // Claude Code's name for it; 64 characters is the lowest limit of any client
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

  for (const [name, limit] of Object.entries(limits)) {
    it(`the toolset ${name} is listed in ${limit} bytes at most`, () => {
      const tools = listed(chosen([name]), describesOutput([name]))
      const heaviest = tools
        .map((tool) => ({ name: tool.name, bytes: JSON.stringify(tool).length }))
        .toSorted((a, b) => b.bytes - a.bytes)
      const told = heaviest.slice(0, 5).map(({ bytes, name }) => `${name} ${bytes}`)
      const bytes = new TextEncoder().encode(JSON.stringify(tools)).length
      assert.isAtMost(
        bytes,
        limit,
        `shorten descriptions, or list fewer fields of results; heaviest: ${told.join(", ")}`
      )
    })
  }

  it("each toolset has its limit", () => {
    assert.sameMembers(Object.keys(toolsets), Object.keys(limits))
  })
})
