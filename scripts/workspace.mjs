// The paths of this workspace, and how its scripts start other programs.
import { spawn } from "node:child_process"
import { existsSync, readdirSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

export const inRoot = (...parts) => join(root, ...parts)

export const packages = readdirSync(inRoot("packages"))
  .filter((name) => existsSync(inRoot("packages", name, "src")))
  .toSorted()

/**
 * The programs, each started by one file; `beside` is where the package that people install has it, and `waits` names its
 * commands that wait for work.
 */
export const executables = [
  {
    name: "lms-bridge",
    entry: "packages/cli/src/bin.ts",
    file: "packages/cli/dist/lms-bridge.js",
    waits: ["serve", "ui", "worker"]
  },
  {
    name: "lms-bridge-mcp",
    entry: "packages/mcp-server/src/bin.ts",
    file: "packages/mcp-server/dist/lms-bridge-mcp.js",
    beside: "packages/cli/dist/lms-bridge-mcp.js",
    waits: true
  }
]

/** The path of a development tool in `node_modules/.bin`. */
export const tool = (name) => inRoot("node_modules", ".bin", name)

/**
 * Runs a program until it exits and collects its output; with `show`, the output goes to the terminal instead.
 * Never throws: if the program cannot be started, `code` is 127 and `stderr` says so.
 */
export const run = (command, args, { cwd = root, env = {}, input, show = false, timeoutMillis } = {}) =>
  new Promise((resolve) => {
    const stdin = input === undefined ? "ignore" : "pipe"
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: show ? [stdin, "inherit", "inherit"] : [stdin, "pipe", "pipe"]
    })
    const out = { stdout: "", stderr: "" }
    child.stdout?.setEncoding("utf8").on("data", (chunk) => (out.stdout += chunk))
    child.stderr?.setEncoding("utf8").on("data", (chunk) => (out.stderr += chunk))
    const timer =
      timeoutMillis === undefined
        ? undefined
        : setTimeout(() => {
            out.stderr += `\nstopped after ${timeoutMillis / 1000} s`
            child.kill("SIGKILL")
          }, timeoutMillis)
    child.on("error", (error) => {
      clearTimeout(timer)
      resolve({ ...out, stderr: `${command}: ${error.message}`, code: 127, signal: null })
    })
    child.on("close", (code, signal) => {
      clearTimeout(timer)
      resolve({ ...out, code: code ?? 128, signal })
    })
    if (input !== undefined) child.stdin.end(input)
  })

export const fail = (message) => {
  console.error(message)
  process.exit(1)
}

export const exists = (path) => existsSync(inRoot(path))
