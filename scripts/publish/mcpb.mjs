// `node scripts/publish/mcpb.mjs [FILE]`: packs the MCP server as a bundle that Claude Desktop installs with a double click, after
// the bundles' own checker has accepted its manifest. Build first.
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, dirname, join, resolve } from "node:path"
import { programOf } from "../codeCache.mjs"
import { exists, fail, inRoot, run } from "../workspace.mjs"

const checker = "@anthropic-ai/mcpb@2.1.2"
const program = "packages/cli/dist/lms-bridge-mcp.js"
const file = resolve(process.argv[2] ?? inRoot(".cache", "lms-bridge.mcpb"))

if (!exists(program)) fail("Nothing is built. Run: npm run build")
const { version } = JSON.parse(readFileSync(inRoot("package.json"), "utf8"))
const manifest = { ...JSON.parse(readFileSync(inRoot("scripts", "publish", "mcpb.json"), "utf8")), version }

const folder = mkdtempSync(join(tmpdir(), "lms-bridge-mcpb-"))
const mcpb = async (...args) => {
  const { code, stdout, stderr } = await run("npm", ["exec", "--yes", `--package=${checker}`, "--", "mcpb", ...args])
  if (code !== 0) throw new Error(`mcpb ${args[0]}\n${stdout}${stderr}`)
  return stdout
}

try {
  mkdirSync(join(folder, "server"))
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(join(folder, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`)
  // without it, Node would read the program as CommonJS
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: manifest.name, version, type: "module" }))
  for (const part of [program, programOf(program)]) copyFileSync(inRoot(part), join(folder, "server", basename(part)))
  copyFileSync(inRoot("LICENSE"), join(folder, "LICENSE"))
  copyFileSync(inRoot("packages", "cli", "README.md"), join(folder, "README.md"))
  await mcpb("validate", join(folder, "manifest.json"))
  await mcpb("pack", folder, file)
  const answer = await run(process.execPath, [join(folder, "server", "lms-bridge-mcp.js"), "--version"])
  if (answer.stdout.trim() !== version) throw new Error(`the packed server printed ${answer.stdout}${answer.stderr}`)
  console.log(`${file} is packed, and its manifest is valid`)
} catch (error) {
  process.exitCode = 1
  console.error(`mcpb: ${error.message}`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
