// `npm run bench [-- NAME…] [--rounds N]`: prints one table, each figure beside its reference from the same run.
import { cpus, loadavg } from "node:os"
import { makeReady } from "../scripts/ready.mjs"
import { fail } from "../scripts/workspace.mjs"

const modules = [
  "startup",
  "memory",
  "version",
  "size",
  "loop",
  "ensure",
  "reload",
  "rounds",
  "offer",
  "sight",
  "cancel",
  "discovery"
]

const args = process.argv.slice(2).filter((arg) => arg !== "--")
const roundsAt = args.indexOf("--rounds")
const rounds = roundsAt === -1 ? 15 : Number(args.splice(roundsAt, 2)[1])
const unknown = args.filter((name) => !modules.includes(name))
if (unknown.length > 0) fail(`bench: no benchmark is called ${unknown.join(", ")}; there are ${modules.join(", ")}`)
if (!Number.isInteger(rounds) || rounds < 1) fail("bench: --rounds takes a whole number from 1")

await makeReady().catch((error) => fail(error.message))

const load = () =>
  loadavg()
    .map((value) => value.toFixed(2))
    .join(" ")

console.log(
  `Node ${process.version}, ${process.platform} ${process.arch}, ${cpus().length} cores of ${cpus()[0]?.model ?? "?"}`
)
console.log(`medians of ${rounds} interleaved rounds; load average at the start ${load()}`)

const rows = []
let broken = 0
for (const name of modules.filter((module) => args.length === 0 || args.includes(module))) {
  const { title, run } = await import(`./${name}.mjs`)
  console.error(`bench: ${title} …`)
  try {
    rows.push(...(await run({ rounds })))
  } catch (error) {
    broken += 1
    console.error(`bench: ${title} could not be measured: ${error.message}`)
  }
}

const verdict = ({ measured, reference, atLeast, atMost, limit, unit }) => {
  if (atLeast !== undefined) return `${measured.median >= atLeast ? "met" : "missed"}: at least ${atLeast} ${unit}`
  if (limit !== undefined) return `${measured.median <= limit ? "met" : "missed"}: at most ${limit} ${unit}`
  if (atMost !== undefined) {
    return `${measured.median <= reference.median * atMost ? "met" : "missed"}: at most ${atMost} times`
  }
  return "no target"
}

const figure = ({ median, min }, unit) => `${digits(median)} ${unit} (min ${digits(min)})`
const digits = (value) =>
  value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value >= 0.1 ? value.toFixed(2) : value.toFixed(4)

const table = [
  ["what", "median", "beside", "median", "ratio", "target"],
  ...rows.map((row) => [
    row.what,
    figure(row.measured, row.unit),
    row.beside ?? "",
    row.reference === undefined ? "" : figure(row.reference, row.unit),
    row.reference === undefined ? "" : (row.measured.median / row.reference.median).toFixed(2),
    verdict(row)
  ])
]
const widths = table[0].map((_, column) => Math.max(...table.map((cells) => cells[column].length)))
const line = (cells) => `| ${cells.map((cell, column) => cell.padEnd(widths[column])).join(" | ")} |`

console.log("")
console.log(line(table[0]))
console.log(line(widths.map((width) => "-".repeat(width))))
for (const cells of table.slice(1)) console.log(line(cells))
console.log(`\nload average at the end ${load()}`)
process.exit(broken > 0 ? 1 : 0)
