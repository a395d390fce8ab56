// The worker programs of a benchmark: each has its own process, is bundled like the product, and answers over Node's IPC.
import { fork } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { inRoot } from "../scripts/workspace.mjs"

/**
 * Passes `use` a temporary folder and `start`, which starts a worker program and waits for its first message. Each later
 * message of the worker answers an `ask`, in order; a message with `error` is a failure. All workers end with `use`.
 */
export const withWorkers = async (use) => {
  const folder = mkdtempSync(join(tmpdir(), "lms-bridge-bench-"))
  const workers = []
  const start = async (program, env, nodeOptions = []) => {
    const name = program.replace("/", "-")
    const worker = fork(await bundle(program, join(folder, `${name}.mjs`)), {
      env: { ...process.env, ...env },
      execArgv: nodeOptions,
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
    return await use({ folder, start })
  } finally {
    // they may still write to the folder while they end
    await Promise.all(workers.map(ended))
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Ends a worker and waits until it is gone. */
export const ended = (worker) =>
  new Promise((resolve) => {
    if (worker.exitCode !== null || worker.signalCode !== null) return resolve()
    worker.once("exit", resolve)
    worker.kill("SIGTERM")
  })

/** Bundles and minifies a worker like the product. */
const bundle = async (program, outfile) => {
  const { build } = await import("esbuild")
  await build({
    entryPoints: [inRoot("bench", `${program}.mjs`)],
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
