// `npm run drill -- recovery [TITLE]...`: carries out the drills of docs/operations/NAME.md word for word, each in a home of its own, with a
// simulated LM Studio. A block of `bash` is run as it stands; each line of the block of `text` after it must be in what it
// printed, where `…` stands for any text.
import { execFile, spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync, mkdirSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { startSuite } from "../checks.mjs"
import { makeReady } from "../ready.mjs"
import { fail, inRoot } from "../workspace.mjs"
import { programs, startPostgres } from "./postgres.mjs"

const [name = "recovery", ...titles] = process.argv.slice(2)
await makeReady().catch((error) => fail(error.message))
const program = inRoot("packages/cli/dist/lms-bridge.js")

/** The drills of a page: its second headings that have a block of `bash`. */
const drillsOf = (page) =>
  page
    .split(/^## /m)
    .slice(1)
    .map((text) => ({
      title: text.slice(0, text.indexOf("\n")),
      blocks: [...text.matchAll(/^```(bash|text)\n([\s\S]*?)^```$/gm)].map(([, kind, body]) => ({ kind, body }))
    }))
    .filter(
      ({ blocks, title }) =>
        blocks.some(({ kind }) => kind === "bash") && (titles.length === 0 || titles.includes(title))
    )

const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })

const started = async (env, port) => {
  const child = spawn(process.execPath, [program, "simulate", "--port", String(port)], { env, stdio: "ignore" })
  for (let look = 0; look < 300; look++) {
    const up = await fetch(`http://127.0.0.1:${port}/lmstudio-greeting`).then(
      () => true,
      () => false
    )
    if (up) return child
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  throw new Error("the simulated LM Studio did not start")
}

const run = (script, { cwd, env }) =>
  new Promise((resolve) => {
    execFile("bash", ["-c", `exec 2>&1\n${script}`], { cwd, env, timeout: 120_000 }, (error, stdout) =>
      resolve({ output: stdout, code: error?.code ?? 0 })
    )
  })

const quoted = (text) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")
const has = (output, line) => new RegExp(line.split("…").map(quoted).join(".*")).test(output)

const folder = await programs()
const suite = startSuite(`drill ${name}`)
for (const { blocks, title } of drillsOf(readFileSync(inRoot("docs/operations", `${name}.md`), "utf8"))) {
  const home = mkdtempSync(join(tmpdir(), "lms-bridge-drill-"))
  const bin = join(home, "bin")
  mkdirSync(bin)
  writeFileSync(join(bin, "lms-bridge"), `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`, { mode: 0o755 })
  for (const server of ["mcp-server-memory", "mcp-server-sequential-thinking"])
    writeFileSync(join(bin, server), `#!/bin/sh\nexec "${inRoot("node_modules/.bin", server)}" "$@"\n`, { mode: 0o755 })
  const needsDatabase = blocks.some(({ body }) => body.includes("pg_dump"))
  const postgres = needsDatabase && folder !== undefined ? await startPostgres(folder) : undefined
  if (needsDatabase && postgres === undefined) {
    console.log(`  left out, since there is no PostgreSQL here: ${title}`)
    continue
  }
  const port = await freePort()
  const env = {
    PATH: `${bin}:${folder ?? bin}:${process.env.PATH}`,
    ...(postgres === undefined
      ? {}
      : {
          LMS_BRIDGE_DATABASE_URL: postgres.url,
          PGHOST: "127.0.0.1",
          PGPORT: String(postgres.port),
          PGUSER: "lms",
          PGDATABASE: "team",
          LMS_BRIDGE_QUEUE_LEASE: "4s"
        }),
    HOME: home,
    LMSTUDIO_PORT: String(port),
    LMS_BRIDGE_LMS_BINARY: "none",
    // the home is the whole machine
    TMPDIR: home
  }
  const simulator = await started(env, port)
  let output = ""
  let problem
  try {
    for (const { body, kind } of blocks) {
      if (kind === "bash") output = (await run(body, { cwd: home, env })).output
      else problem ??= body.split("\n").find((line) => line.trim() !== "" && !has(output, line.trim()))
      if (problem !== undefined) break
    }
  } finally {
    await postgres?.close()
    simulator.kill()
    await new Promise((resolve) => simulator.once("exit", resolve))
    rmSync(home, { recursive: true, force: true, maxRetries: 5 })
  }
  suite.record(title, problem === undefined ? undefined : `lacks: ${problem}\nit printed:\n${output}`)
}
process.exit(suite.finish())
