// Generates parts of pages and the schema of the settings from the code, docs/errors.md from its tags, and docs/resilience.md
// and the table of docs/mcp.md from the reports of the tests. With --check, fails if they are out of date; with names, only these.
import { readFile, writeFile } from "node:fs/promises"
import { first } from "./first.mjs"
import { page as errorsPage } from "./errors.mjs"
import { logSites } from "./logSites.mjs"
import { matrix } from "./matrix.mjs"
import { page as resiliencePage } from "./resilience.mjs"

const root = new URL("../", import.meta.url)
const load = (path) => import(new URL(path, root).href)

const cell = (text) => text.replaceAll("|", "\\|").replaceAll("\n", " ")
const row = (...cells) => `| ${cells.map(cell).join(" | ")} |`

const { table } = await load("packages/core/dist/configuration/Settings.js")
const settings = [
  row("variable", "key", "default", "allowed", "meaning"),
  row("---", "---", "---", "---", "---"),
  ...Object.entries(table).map(([key, { allowed, description, shown, variable }]) =>
    row(`\`${variable}\``, `\`${key}\``, shown === "" ? "unset" : `\`${shown}\``, allowed, description)
  )
]

const { allTools } = await load("packages/mcp-server/dist/tools/Tools.js")
const { described } = await load("packages/mcp-server/dist/tools/Tool.js")
const everyTool = new Set(allTools.map(({ name }) => name))
const parameters = ({ properties = {}, required = [] }) =>
  Object.keys(properties)
    .map((name) => (required.includes(name) ? `\`${name}\`` : `\`${name}\`?`))
    .join(", ") || "none"
const tools = [
  row("tool", "parameters", "what it does"),
  row("---", "---", "---"),
  ...allTools.map((tool) => row(`\`${tool.name}\``, parameters(tool.inputSchema), described(tool, everyTool)))
]

const metrics = [
  row("metric", "type", "labels", "meaning"),
  row("---", "---", "---", "---"),
  ...Object.values(await load("packages/core/dist/observability/Metrics.js"))
    .filter((metric) => metric.name?.startsWith("lms_"))
    .map(({ description, labels, name, type }) => row(`\`${name}\``, type, labels.join(", "), description))
]

const log = [
  row("level", "line", "in"),
  row("---", "---", "---"),
  ...logSites().map(({ level, message, where }) =>
    row(
      level.toLowerCase(),
      message.replaceAll(/\$\{[^}]*\}/g, "…"),
      `\`${where.replace(/^packages\/(.*)\/src\//, "$1: ")}\``
    )
  )
]

// written by the test that acts as each client
const clients = await readFile(
  new URL("packages/mcp-server/test/protocol/clients/__snapshots__/clients.md", root),
  "utf8"
)

const withTables = async (name, tables) => {
  const path = new URL(name, root)
  const before = await readFile(path, "utf8")
  const after = Object.entries(tables).reduce((text, [table, lines]) => {
    const pattern = new RegExp(`(<!-- ${table}:begin[^>]*-->)[\\s\\S]*?(<!-- ${table}:end -->)`)
    if (!pattern.test(text)) throw new Error(`${name} has no place for the ${table} table`)
    return text.replace(pattern, (_, begin, end) => `${begin}\n\n${lines.join("\n")}\n\n${end}`)
  }, before)
  return { name, path, before, after }
}

/** A file of code as a block. */
const code = async (path) => {
  const text = await readFile(new URL(path, root), "utf8")
  return [`[${path}](../${path}):`, "", "```ts", ...text.trimEnd().split("\n"), "```"]
}

/** What is missing ends the program. */
const missing = ({ message }) => {
  console.error(message)
  process.exit(1)
}

/** A page that is written as a whole. */
const whole = async (name, page) => {
  const path = new URL(name, root)
  return {
    name,
    path,
    before: await readFile(path, "utf8").catch(() => ""),
    after: await page().catch(missing)
  }
}

const { jsonSchema } = await load("packages/core/dist/configuration/SettingsText.js")

const all = {
  "README.md": async (name) => withTables(name, { first: await first() }),
  "docs/settings.md": (name) => withTables(name, { settings }),
  "docs/tools.md": (name) => withTables(name, { tools }),
  "docs/operations.md": (name) => withTables(name, { log, metrics }),
  "docs/mcp.md": async (name) =>
    withTables(name, { clients: clients.trimEnd().split("\n"), matrix: await matrix().catch(missing) }),
  "docs/testing.md": async (name) =>
    withTables(name, {
      retries: await code("packages/testing/test/examples/Retries.test.ts"),
      runs: await code("packages/testing/test/examples/Runs.test.ts")
    }),
  "packages/cli/config.schema.json": (name) =>
    whole(name, async () => `${JSON.stringify(jsonSchema(table), null, 2)}\n`),
  "docs/errors.md": (name) => whole(name, errorsPage),
  "docs/resilience.md": (name) => whole(name, resiliencePage)
}

const asked = process.argv.slice(2).filter((argument) => !argument.startsWith("--"))
const pages = await Promise.all((asked.length === 0 ? Object.keys(all) : asked).map((name) => all[name](name)))
const stale = pages.filter((one) => one.after !== one.before)
if (!process.argv.includes("--check")) await Promise.all(stale.map((one) => writeFile(one.path, one.after)))
else if (stale.length > 0) {
  console.error(`Not up to date: ${stale.map(({ name }) => name).join(", ")}. Run \`npm test\` and \`npm run docs\`.`)
  process.exit(1)
}
for (const one of pages) {
  console.log(`${one.name} ${stale.includes(one) ? "is written" : "is up to date"}.`)
}
