// Writes the generated parts of the README from the code, and docs/resilience.md from what the tests reported; with
// --check, fails when they are not up to date.
import { readFile, writeFile } from "node:fs/promises"
import { page } from "./resilience.mjs"

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

const resilience = new URL("docs/resilience.md", root)
const pages = [
  { name: "README.md", path, before, after },
  {
    name: "docs/resilience.md",
    path: resilience,
    before: await readFile(resilience, "utf8").catch(() => ""),
    after: await page().catch(({ message }) => {
      console.error(message)
      process.exit(1)
    })
  }
]

const stale = pages.filter((one) => one.after !== one.before)
if (!process.argv.includes("--check")) await Promise.all(stale.map((one) => writeFile(one.path, one.after)))
else if (stale.length > 0) {
  console.error(`Not up to date: ${stale.map(({ name }) => name).join(", ")}. Run \`npm test\` and \`npm run docs\`.`)
  process.exit(1)
}
for (const one of pages) {
  console.log(`${one.name} ${stale.includes(one) ? "is written" : "is up to date"}.`)
}
