import { assert, describe, it } from "@effect/vitest"
import { FastCheck } from "effect"
import * as Table from "#src/views/Table.ts"

const rows = [
  ["filesystem", "usable", "npx -y @modelcontextprotocol/server-filesystem@2026.8.31 /home/me/projects", ""],
  [
    "notes",
    "not usable",
    "/home/me/projects/with/a/long/path/server.js",
    "command: a program, such as node, is missing"
  ]
]
const headings = ["SERVER", "STATE", "TARGET", "PROBLEM"]

const wide = (text: string) => Math.max(...text.split("\n").map((line) => Array.from(line).length))

describe("Table", () => {
  it("is as wide as it needs to be where the width is not known", () => {
    assert.include(Table.render(headings, rows), "server-filesystem@2026.8.31 /home/me/projects")
  })

  it("breaks no row of a terminal: cells are cut, paths at their beginning, then columns left out", () => {
    const shown = Table.render(headings, rows, 80)
    assert.isAtMost(wide(shown), 80)
    assert.include(shown, "server.js")
    assert.include(shown, "PROBLEM")
    const narrow = Table.render(headings, rows, 30)
    assert.isAtMost(wide(narrow), 30)
    assert.match(narrow, /^SERVER {6}STATE/)
  })

  it("fits every width for every table", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.array(FastCheck.array(FastCheck.string({ maxLength: 60 }), { minLength: 3, maxLength: 3 }), {
          minLength: 1,
          maxLength: 5
        }),
        FastCheck.integer({ min: 40, max: 200 }),
        (cells, columns) => {
          const named = cells.map(([name = "", ...rest], index) => [`${index} ${name.slice(0, 20)}`, ...rest])
          return wide(Table.render(["A", "B", "C"], named, columns)) <= columns
        }
      )
    )
  })
})
