// One step of the agent loop (a streamed reply of the model with a tool call, the call, the result) against the least that
// does the same. Both keep their connections open, offer the same one tool, and talk to the same simulator in turn.
import { fork } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { inRoot } from "../scripts/workspace.mjs"
import { interleaved } from "./measure.mjs"

export const title = "a step of the agent loop"

const steps = 20

export const run = async ({ rounds }) => {
  const folder = mkdtempSync(join(tmpdir(), "lms-bridge-bench-"))
  const workers = []
  const start = async (name, env) => {
    const worker = fork(await bundle(name, folder), {
      env: { ...process.env, ...env },
      stdio: ["ignore", "ignore", "pipe", "ipc"]
    })
    workers.push(worker)
    let stderr = ""
    worker.stderr.setEncoding("utf8").on("data", (chunk) => (stderr = `${stderr}${chunk}`.slice(-4000)))
    const next = () =>
      new Promise((resolve, reject) => {
        const ended = (code) => reject(new Error(`${name} ended with ${code}\n${stderr}`))
        worker.once("exit", ended)
        worker.once("message", (message) => {
          worker.off("exit", ended)
          if (message.error === undefined) resolve(message)
          else reject(new Error(`${name}: ${message.error}`))
        })
      })
    return { first: await next(), ask: (message) => (worker.send(message), next()) }
  }

  try {
    const mcpJson = join(folder, "mcp.json")
    const everything = inRoot("node_modules", "@modelcontextprotocol", "server-everything", "dist", "index.js")
    const entry = { command: process.execPath, args: [everything] }
    writeFileSync(mcpJson, JSON.stringify({ mcpServers: { everything: entry } }))

    const simulator = await start("simulator", { LMS_BRIDGE_BENCH_STEPS: String(steps) })
    const env = {
      LMSTUDIO_BASE_URL: simulator.first.baseUrl,
      LMS_BRIDGE_LMS_BINARY: "none",
      MCP_JSON_PATH: mcpJson,
      LMS_BRIDGE_BENCH_SERVER: everything
    }
    const variants = { ours: await start("ours", env), plain: await start("plain", env) }
    const result = await interleaved(variants, rounds, async (variant) => {
      const { millis, toolCalls } = await variant.ask({ go: true })
      if (toolCalls !== steps) throw new Error(`${toolCalls} tool calls instead of ${steps}`)
      return millis / steps
    })
    return [
      {
        what: `one step of ${steps}: AgentLoop, echo over stdio`,
        unit: "ms",
        measured: result.ours,
        beside: "fetch and SDK client",
        reference: result.plain,
        atMost: 1.5
      }
    ]
  } finally {
    for (const worker of workers) worker.kill("SIGTERM")
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Bundled and minified, as what ships is. */
const bundle = async (name, folder) => {
  const { build } = await import("esbuild")
  const outfile = join(folder, `${name}.mjs`)
  await build({
    entryPoints: [inRoot("bench", "loop", `${name}.mjs`)],
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20.11",
    conditions: ["@lms-bridge/source"],
    nodePaths: [inRoot("packages", "cli", "node_modules"), inRoot("node_modules")],
    mainFields: ["module", "main"],
    minify: true,
    define: { "process.env.NODE_ENV": '"production"' },
    banner: {
      js: "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);"
    }
  })
  return outfile
}
