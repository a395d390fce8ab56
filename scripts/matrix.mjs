// The table of docs/mcp.md: which of our tests play what, in which revision and over what. A test says so itself when it has
// passed (`meta.played` in the report of vitest): the feature, the revision as the other side has seen it, and the process or
// the address. A cell that nobody plays, and one that is not listed here, fails.
import { readFile } from "node:fs/promises"

const features = {
  server: [
    "tools, and what is refused",
    "resources, prompts, completion",
    "progress and log of a call",
    "questions in mid-call",
    "changes of resources",
    "a call that is given up ends",
    "tasks",
    "skills"
  ],
  client: [
    "tools, and their errors",
    "resources and prompts",
    "progress of a call",
    "questions of servers",
    "changes of lists",
    "a call that is given up is so at its server",
    "tasks of servers",
    "an era that changes"
  ]
}

const columns = [
  ["stdio", "2025-11-25"],
  ["stdio", "2026-07-28"],
  ["HTTP", "2025-11-25"],
  ["HTTP", "2026-07-28"]
]

/** Cells that are empty, and why. */
const notThere = {
  "client, tasks of servers, stdio, 2026-07-28": "not announced, so no server makes one",
  "client, tasks of servers, HTTP, 2026-07-28": "not announced, so no server makes one"
}

const keyOf = (...parts) => parts.join(", ")

/** A process, or a socket. */
const transportOf = (over) =>
  /^process \d+$/.test(over) ? "stdio" : /^http:\/\/127\.0\.0\.1:\d+/.test(over) ? "HTTP" : undefined

const report = async () => {
  const text = await readFile(new URL("../reports/vitest.json", import.meta.url), "utf8").catch(() => {
    throw new Error("The report of the tests is missing: run `npm test` first.")
  })
  return JSON.parse(text).testResults
}

/** The files of the tests that have played each cell. */
const playedIn = (results) => {
  const cells = new Map()
  for (const { assertionResults, name } of results) {
    const file = name.slice(name.indexOf("/packages/") + 1)
    for (const { fullName, meta, status } of assertionResults) {
      if (status !== "passed") continue
      for (const { feature, over, revision, side } of [meta?.played ?? []].flat()) {
        const key = keyOf(side, feature, transportOf(over), revision)
        const isListed =
          features[side]?.includes(feature) && columns.some((one) => key === keyOf(side, feature, ...one))
        if (!isListed)
          throw new Error(`scripts/matrix.mjs has no place for what "${fullName}" plays: ${key} (${over}).`)
        cells.set(key, file)
      }
    }
  }
  return cells
}

const linked = (file) => `[${file.split("/").at(-1)}](../${file})`

export const matrix = async () => {
  const cells = playedIn(await report())
  const rows = Object.entries(features).flatMap(([side, all]) =>
    all.map((feature) => {
      const keys = columns.map((column) => keyOf(side, feature, ...column))
      for (const key of keys) {
        if (cells.has(key) && key in notThere) throw new Error(`"${key}" is played: take it out of scripts/matrix.mjs.`)
        if (cells.has(key) || key in notThere) continue
        throw new Error(
          `No passed test plays "${key}": run \`npm test\` first, or say in scripts/matrix.mjs why it is not there.`
        )
      }
      const files = new Set(keys.flatMap((key) => cells.get(key) ?? []))
      return [
        `our ${side}: ${feature}`,
        ...keys.map((key) => notThere[key] ?? "played"),
        [...files].map(linked).join(", ")
      ]
    })
  )
  const head = ["", ...columns.map((column) => column.join(", ")), "by"]
  return [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`)
}
