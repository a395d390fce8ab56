// `node scripts/firstAnswer.mjs [--page]`: from nothing to the first answer. The packed package, houtini-lm and mcporter, each
// with `npx -y` in an empty folder, with an empty home and an empty cache of npm, in turn, three times. LM Studio is the
// stand-in. `--page` writes the table into docs/benchmarks.md. Build first.
import { spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { cpus, tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { officialServer } from "../bench/servers.mjs"
import { pack } from "./publish/pack.mjs"
import { fail, inRoot, run } from "./workspace.mjs"

const times = 3
const others = { houtini: "@houtini/lm@3.2.4", mcporter: "mcporter@0.12.3" }

const folder = mkdtempSync(join(tmpdir(), "lms-bridge-first-"))
const userconfig = (await run("npm", ["config", "get", "userconfig"])).stdout.trim()
const packed = (await pack(join(folder, "packed"))).find((one) => one.folder === "cli")

const simulator = spawn(process.execPath, [inRoot("packages/cli/dist/lms-bridge.js"), "simulate", "--json"], {
  env: { ...process.env, HOME: folder },
  stdio: ["pipe", "pipe", "inherit"]
})
const lines = createInterface({ input: simulator.stdout })[Symbol.asyncIterator]()
const { baseUrl, lmsDirectory } = JSON.parse((await lines.next()).value)

const place = () => {
  const home = mkdtempSync(join(folder, "home-"))
  const cwd = join(home, "project")
  mkdirSync(cwd)
  const everything = officialServer("server-everything", "stdio")
  writeFileSync(join(cwd, ".mcp.json"), JSON.stringify({ mcpServers: { everything } }))
  mkdirSync(join(cwd, "config"))
  writeFileSync(join(cwd, "config", "mcporter.json"), JSON.stringify({ mcpServers: { everything } }))
  const env = {
    HOME: home,
    npm_config_cache: join(home, "npm"),
    npm_config_userconfig: userconfig,
    LMSTUDIO_BASE_URL: baseUrl,
    LMS_BRIDGE_LMS_BINARY: join(lmsDirectory, "lms"),
    HOUTINI_LM_ENDPOINT_URL: baseUrl,
    LM_STUDIO_URL: baseUrl,
    LMS_BRIDGE_LOG_LEVEL: "none"
  }
  return { cwd, env }
}

const npx = (name, ...args) => ["-y", "--loglevel=error", `--package=${name}`, "--", ...args]

/** Until the program has ended with what is expected on its stdout. */
const printed = (expected, ...args) =>
  timed(async ({ cwd, env }) => {
    const { code, stderr, stdout } = await run("npx", args, { cwd, env, timeoutMillis: 240_000 })
    if (code !== 0 || !expected.test(stdout)) throw new Error(`exit ${code}\n${stdout}\n${stderr}`)
  })

/** Until a server on stdio has answered a call of this tool. */
const answered = (expected, tool, ...args) =>
  timed(async ({ cwd, env }) => {
    const child = spawn("npx", args, { cwd, env: { ...process.env, ...env }, stdio: ["pipe", "pipe", "ignore"] })
    const deadline = setTimeout(() => child.kill("SIGKILL"), 240_000)
    const said = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const send = (message) => child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`)
    const answer = async (id) => {
      for (;;) {
        const { done, value } = await said.next()
        if (done) throw new Error(`the server has ended before it answered ${id}`)
        const message = JSON.parse(value)
        if (message.id === id && message.method === undefined) return message
      }
    }
    const clientInfo = { name: "first-answer", version: "1.0.0" }
    send({ id: 1, method: "initialize", params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo } })
    await answer(1)
    send({ method: "notifications/initialized" })
    send({ id: 2, method: "tools/call", params: { name: tool, arguments: {} } })
    const { result } = await answer(2)
    const ended = new Promise((resolve) => child.once("close", resolve))
    const text = JSON.stringify(result)
    child.stdin.end()
    child.kill()
    await ended
    clearTimeout(deadline)
    if (result?.isError === true || !expected.test(text ?? "")) throw new Error(`${tool}: ${text}`)
  })

const timed = async (work) => {
  const here = place()
  const start = performance.now()
  await work(here)
  const millis = performance.now() - start
  rmSync(here.env.HOME, { recursive: true, force: true, maxRetries: 5 })
  return millis
}

const ours = packed.tarball
const rows = [
  {
    what: "the model answers a task",
    command: `npx -y lms-bridge run "What can you do?"`,
    once: () => printed(/\w/, ...npx(ours, "lms-bridge", "run", "What can you do?"))
  },
  {
    what: "the models that there are, over stdio",
    command: "npx -y --package=lms-bridge lms-bridge-mcp, then list_models",
    once: () => answered(/qwen/, "list_models", ...npx(ours, "lms-bridge-mcp"))
  },
  {
    what: "the same",
    command: `npx -y ${others.houtini}, then list_models`,
    once: () => answered(/qwen/, "list_models", ...npx(others.houtini, "houtini-lm"))
  },
  {
    what: "the tools of a server in the project's mcp.json",
    command: "npx -y lms-bridge mcp tools everything",
    once: () => printed(/echo/, ...npx(ours, "lms-bridge", "mcp", "tools", "everything"))
  },
  {
    what: "the same",
    command: `npx -y ${others.mcporter} list everything`,
    once: () => printed(/echo/, ...npx(others.mcporter, "mcporter", "list", "everything"))
  }
]

const median = (values) => values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)]
const seconds = (millis) => `${(millis / 1000).toFixed(1)} s`

try {
  const taken = rows.map(() => [])
  for (let time = 0; time < times; time += 1) {
    for (const [index, { command, once }] of rows.entries()) {
      const millis = await once().catch((error) => {
        throw new Error(`${command}: ${error.message}`)
      })
      taken[index].push(millis)
      console.error(`${command}: ${seconds(millis)}`)
    }
  }
  const table = [
    "| first answer | command | median | of |",
    "| --- | --- | --- | --- |",
    ...rows.map(
      ({ command, what }, index) =>
        `| ${what} | \`${command}\` | ${seconds(median(taken[index]))} | ${taken[index].map(seconds).join(", ")} |`
    )
  ].join("\n")
  const machine = `Node ${process.version}, ${process.platform} ${process.arch}, ${cpus().length} cores; lms-bridge from a file of ${Math.round(packed.size / 1000)} kB, the others from the registry.`
  console.log(`${table}\n\n${machine}`)
  if (process.argv.includes("--page")) {
    const page = inRoot("docs/benchmarks.md")
    const marks = ["<!-- first answer -->", "<!-- /first answer -->"]
    const [before, rest] = readFileSync(page, "utf8").split(marks[0])
    const [, after] = rest?.split(marks[1]) ?? []
    if (after === undefined) fail(`${page} has no place for the table: ${marks.join(" … ")}`)
    writeFileSync(page, `${before}${marks[0]}\n\n${table}\n\n${machine}\n\n${marks[1]}${after}`)
  }
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
} finally {
  simulator.stdin.end()
  simulator.kill()
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
}
