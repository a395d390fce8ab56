// `node packages/mcp-server/test/conformance/run.mjs`: the official MCP conformance suite against our server over HTTP.
// The suite needs Node 22, which npm fetches as a package.
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const suite = "@modelcontextprotocol/conformance@0.1.16"
const node = "node@22.23.3"

const here = dirname(fileURLToPath(import.meta.url))
const { build } = createRequire(join(here, "../../../../package.json"))("esbuild")

const folder = mkdtempSync(join(tmpdir(), "lms-bridge-conformance-"))
const file = join(folder, "serve.mjs")
await build({
  entryPoints: [join(here, "serve.ts")],
  outfile: file,
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20.11",
  conditions: ["@lms-bridge/source"],
  mainFields: ["module", "main"],
  banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
  logLevel: "error"
})

const server = spawn(process.execPath, [file], { stdio: ["ignore", "pipe", "pipe"] })
let log = ""
server.stderr.on("data", (chunk) => (log += chunk))
const url = await new Promise((resolve, reject) => {
  server.stdout.once("data", (chunk) => resolve(String(chunk).trim()))
  server.once("exit", (code) => reject(new Error(`the fixture ended with code ${code}\n${log}`)))
})

const conformance = spawn(
  "npx",
  [
    "--yes",
    "--package",
    node,
    "--package",
    suite,
    "--",
    "conformance",
    "server",
    "--url",
    url,
    "--expected-failures",
    join(here, "expected-failures.yml"),
    ...process.argv.slice(2)
  ],
  { cwd: folder, stdio: ["ignore", "inherit", "inherit"] }
)
const code = await new Promise((resolve) => conformance.once("exit", resolve))

server.removeAllListeners("exit")
const ended = new Promise((resolve) => server.once("exit", resolve))
server.kill("SIGTERM")
await ended
rmSync(folder, { recursive: true, force: true })
process.exit(code ?? 1)
