// `node packages/mcp-server/test/inspector/run.mjs`: the real Inspector's command line against the built server, over stdio and
// over HTTP, in both eras of the protocol. The Inspector needs Node 22, which npm fetches as a package, and brings 122
// packages, so it is no dependency.
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const inspector = "@modelcontextprotocol/inspector@2.12.0"
const node = "node@22.23.3"

const packages = join(dirname(fileURLToPath(import.meta.url)), "../../..")
const home = mkdtempSync(join(tmpdir(), "lms-bridge-inspector-"))
const env = {
  ...process.env,
  HOME: home,
  LMS_BRIDGE_DATA_DIR: join(home, "data"),
  MCP_CATALOG_PATH: join(home, "catalog.json")
}

const ended = (child) =>
  new Promise((resolve) => {
    let text = ""
    child.stdout.on("data", (chunk) => (text += chunk))
    child.stderr.on("data", (chunk) => (text += chunk))
    child.once("exit", (code) => resolve({ code, text }))
  })

const ask = (target, ...args) =>
  ended(
    spawn(
      "npx",
      ["--yes", "--package", node, "--package", inspector, "--", "mcp-inspector", "--cli", ...target, ...args],
      { cwd: home, env, stdio: ["ignore", "pipe", "pipe"] }
    )
  )

const questions = [
  [
    "tools are listed, and no schema is an error to it",
    ["--method", "tools/list", "--strict"],
    /"autonomous_with_mcp"/
  ],
  [
    "a tool answers twice",
    ["--method", "tools/call", "--tool-name", "run_status"],
    /There are no runs[^]*"structuredContent"/
  ],
  ["an argument that is missing is named", ["--method", "tools/call", "--tool-name", "run_result"], /"?run_id"?/],
  ["resources are listed", ["--method", "resources/list"], /lms-bridge:\/\/configuration/],
  ["a resource is read", ["--method", "resources/read", "--uri", "lms-bridge://runs"], /application\/json/],
  ["templates are listed", ["--method", "resources/templates/list"], /runs\/\{runId\}/],
  ["prompts are listed", ["--method", "prompts/list"], /compare_models/],
  [
    "a prompt is rendered",
    ["--method", "prompts/get", "--prompt-name", "delegate_task", "--prompt-args", "task=count"],
    /lms-bridge: count/
  ]
]

const overStdio = [process.execPath, join(packages, "mcp-server/dist/lms-bridge-mcp.js")]
const server = spawn(process.execPath, [join(packages, "cli/dist/lms-bridge.js"), "serve", "--http"], {
  env,
  stdio: ["ignore", "ignore", "pipe"]
})
let failed = 0
try {
  const url = await new Promise((resolve, reject) => {
    let text = ""
    server.stderr.on("data", (chunk) => {
      text += chunk
      const found = /Listening at (\S+)/.exec(text)
      if (found !== null) resolve(found[1])
    })
    server.once("exit", () => reject(new Error(`serve --http ended: ${text}`)))
  })
  for (const [transport, target, era] of [
    ["stdio", overStdio, "legacy"],
    ["stdio", overStdio, "modern"],
    ["http", [url], "legacy"],
    ["http", [url], "modern"]
  ]) {
    for (const [what, args, expected] of questions) {
      const { code, text } = await ask(target, ...args, "--protocol-era", era)
      // 6: a schema that some client cannot take
      const holds = expected.test(text) && code !== 6
      if (!holds) failed++
      console.log(`${holds ? "ok  " : "FAIL"} ${transport}, ${era}: ${what}`)
      if (!holds) console.log(`     exit code ${code}\n${text.slice(0, 2000)}`)
    }
  }
} finally {
  server.kill("SIGTERM")
  rmSync(home, { recursive: true, force: true })
}
console.log(failed === 0 ? "inspector: all as expected" : `inspector: ${failed} not as expected`)
process.exit(failed === 0 ? 0 : 1)
