// `node packages/mcp-server/test/conformance/run.mjs [server|client] [OPTIONS OF THE SUITE]`: the official MCP conformance
// suite against our server over HTTP and against our client, with what revision 2025-11-25 requires; and with what
// 2026-07-28 requires, of which baseline-2026-07-28.json says what passes. What is there and fails is a failure; what passes
// beyond it is told.
// Without arguments both sides, and the results go to reports/conformance.json. The suite needs Node 22, which npm fetches
// as a package.
import { spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

const suite = "@modelcontextprotocol/conformance@0.2.0-alpha.12"
const node = "node@22.23.3"
const revision = "2025-11-25"
const counted = "2026-07-28"

const here = dirname(fileURLToPath(import.meta.url))
const root = join(here, "../../../..")
const { build } = createRequire(join(root, "package.json"))("esbuild")
const folder = mkdtempSync(join(tmpdir(), "lms-bridge-conformance-"))

const bundle = async (entry, name) => {
  const outfile = join(folder, name)
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20.11",
    conditions: ["@lms-bridge/source"],
    mainFields: ["module", "main"],
    banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
    logLevel: "error"
  })
  return outfile
}

/** Runs the suite; what it prints is shown, and its line on each scenario kept. */
const suiteOn = (leg, ...args) =>
  new Promise((resolve) => {
    const packages = ["--yes", "--package", node, "--package", suite, "--", "conformance", leg]
    const child = spawn("npx", [...packages, ...args], { cwd: folder, stdio: ["ignore", "pipe", "inherit"] })
    let text = ""
    child.stdout.on("data", (chunk) => {
      process.stdout.write(chunk)
      text += chunk
    })
    child.once("close", (code) => resolve({ code: code ?? 1, plain: text.replaceAll(/\u001b\[[\d;]*m/g, "") }))
  })

const conform = async (leg, ...args) => {
  const expected = join(here, "expected-failures.yml")
  const { code, plain } = await suiteOn(leg, "--requirements", revision, "--expected-failures", expected, ...args)
  const count = await suiteOn(leg, "--requirements", counted, ...args)
  const more = counting(leg, count.plain)
  return {
    leg,
    code: code === 0 && more.every(({ passed }) => passed) ? 0 : 1,
    checks: [...checksIn(leg, plain), ...more]
  }
}

const baseline = JSON.parse(readFileSync(join(here, `baseline-${counted}.json`), "utf8"))

/** What the baseline says to pass, by the suite's line on each scenario. */
const counting = (leg, plain) => {
  const marks = new Map(
    [...plain.matchAll(/^([✓✗]) (\S+): \d+ passed, \d+ failed/gm)].map(([, mark, name]) => [name, mark])
  )
  // a run of some scenarios only says nothing of the others
  const required = Object.entries(baseline[leg]).filter(([name]) => args.length === 0 || marks.has(name))
  const passing = required.filter(([name]) => marks.get(name) === "✓").map(([name]) => name)
  const wanted = required.filter(([, passes]) => passes).map(([name]) => name)
  console.log(
    `${counted}, ${leg}: ${passing.length} of ${required.length} scenarios pass; the baseline is ${wanted.length}.`
  )
  for (const name of passing) if (!wanted.includes(name)) console.log(`  ${name} passes: say so in the baseline.`)
  for (const name of wanted) if (!passing.includes(name)) console.log(`  ${name} passes no more.`)
  return wanted.map((name) => ({ name: `${leg} ${counted} ${name}`, passed: passing.includes(name) }))
}

/** By the summary: passed, or failed as expected. What is not required is shown and not counted. */
const checksIn = (leg, plain) => {
  const listed = (title) =>
    new Set([...(plain.split(title)[1] ?? "").split("\n\n")[0].matchAll(/^ {2}\S (\S+)$/gm)].map(([, name]) => name))
  const expected = listed("Expected failures (in baseline):")
  const unexpected = listed("Unexpected failures (not in baseline):")
  const stale = listed("Stale baseline entries (now passing - remove from baseline):")
  const scenarios = [...plain.matchAll(/^([✓✗]) (\S+): \d+ passed, \d+ failed/gm)]
  return scenarios
    .filter(([, mark, name]) => mark === "✓" || expected.has(name) || unexpected.has(name))
    .map(([, , name]) => ({ name: `${leg} ${name}`, passed: !unexpected.has(name) && !stale.has(name) }))
}

/** Clients that run at the same time; the suite starts one for each scenario, all at once. */
const atOnce = 2

/** Tells so many of those who connect to go ahead; one that hangs up makes room for the next. */
const giveTurns = async (most) => {
  const waiting = []
  let free = most
  const next = () => {
    while (free > 0 && waiting.length > 0) {
      const socket = waiting.shift()
      if (socket.destroyed) continue
      free -= 1
      socket.once("close", () => {
        free += 1
        next()
      })
      socket.write("go")
    }
  }
  const server = createServer((socket) => {
    // a client that is killed resets its connection
    socket.on("error", () => {})
    socket.resume()
    waiting.push(socket)
    next()
  })
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve))
  process.env.TURNS = String(server.address().port)
  return server
}

const legs = {
  server: async (args) => {
    const child = spawn(process.execPath, [await bundle(join(here, "serve.ts"), "serve.mjs")], {
      stdio: ["ignore", "pipe", "pipe"]
    })
    const ended = new Promise((resolve) => child.once("exit", resolve))
    try {
      let log = ""
      child.stderr.on("data", (chunk) => (log += chunk))
      const url = await new Promise((resolve, reject) => {
        child.stdout.once("data", (chunk) => resolve(String(chunk).trim()))
        child.once("exit", (code) => reject(new Error(`the fixture ended with code ${code}\n${log}`)))
      })
      return await conform("server", "--url", url, ...args)
    } finally {
      child.removeAllListeners("exit")
      child.kill("SIGTERM")
      await Promise.race([ended, new Promise((resolve) => child.once("close", resolve))])
    }
  },
  client: async (args) => {
    const tests = join(root, "packages/core/test/conformance")
    const client = await bundle(join(tests, "client.ts"), "client.mjs")
    const turns = await giveTurns(atOnce)
    const command = [process.execPath, join(tests, "inTurn.mjs"), client].join(" ")
    try {
      // of which most is waiting for a turn
      return await conform("client", "--command", command, "--timeout", "300000", ...args)
    } finally {
      turns.close()
    }
  }
}

const [only, ...args] = process.argv.slice(2)
const results = []
for (const leg of Object.keys(legs)) if (only === undefined || only === leg) results.push(await legs[leg](args))
rmSync(folder, { recursive: true, force: true })

mkdirSync(join(root, "reports"), { recursive: true })
writeFileSync(
  join(root, "reports/conformance.json"),
  JSON.stringify({ checks: results.flatMap(({ checks }) => checks) }, undefined, 2)
)
process.exit(results.every(({ code }) => code === 0) ? 0 : 1)
