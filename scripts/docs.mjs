// Writes the generated parts of the README from the code; with --check, fails when they are not up to date.
import { readFile, writeFile } from "node:fs/promises"

const root = new URL("../", import.meta.url)
const load = (path) => import(new URL(path, root).href)

const cell = (text) => text.replaceAll("|", "\\|").replaceAll("\n", " ")
const row = (...cells) => `| ${cells.map(cell).join(" | ")} |`

const { table } = await load("packages/core/dist/configuration/Settings.js")
const settings = [
  row("variable", "default", "allowed", "meaning"),
  row("---", "---", "---", "---"),
  ...Object.values(table).map(({ allowed, description, shown, variable }) =>
    row(`\`${variable}\``, shown === "" ? "unset" : `\`${shown}\``, allowed, description)
  )
]

const { allTools } = await load("packages/mcp-server/dist/Tools.js")
const parameters = ({ properties = {}, required = [] }) =>
  Object.keys(properties)
    .map((name) => (required.includes(name) ? `\`${name}\`` : `\`${name}\`?`))
    .join(", ") || "none"
const tools = [
  row("tool", "parameters", "what it does"),
  row("---", "---", "---"),
  ...allTools.map(({ description, inputSchema, name }) => row(`\`${name}\``, parameters(inputSchema), description))
]

const generated = { settings, tools }
const path = new URL("README.md", root)
const before = await readFile(path, "utf8")
const after = Object.entries(generated).reduce((text, [name, lines]) => {
  const pattern = new RegExp(`(<!-- ${name}:begin[^>]*-->)[\\s\\S]*?(<!-- ${name}:end -->)`)
  if (!pattern.test(text)) throw new Error(`README.md has no place for the ${name} table`)
  return text.replace(pattern, (_, begin, end) => `${begin}\n\n${lines.join("\n")}\n\n${end}`)
}, before)

if (process.argv.includes("--check")) {
  if (after !== before) {
    console.error("README.md is not up to date: run `npm run docs`.")
    process.exit(1)
  }
  console.log("README.md is up to date.")
} else {
  await writeFile(path, after)
  console.log(after === before ? "README.md was up to date." : "README.md is written.")
}
