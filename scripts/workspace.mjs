// Where things are in this workspace, and how the scripts start other programs.
import { spawn } from "node:child_process"
import { existsSync, readdirSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

export const inRoot = (...parts) => join(root, ...parts)

export const packages = readdirSync(inRoot("packages"))
  .filter((name) => existsSync(inRoot("packages", name, "src")))
  .toSorted()

/** The programs that are built into one file each. */
export const executables = [
  { name: "lms-bridge", entry: "packages/cli/src/bin.ts", file: "packages/cli/dist/lms-bridge.js" },
  {
    name: "lms-bridge-mcp",
    entry: "packages/mcp-server/src/bin.ts",
    file: "packages/mcp-server/dist/lms-bridge-mcp.js",
    smallHeap: true
  }
]

/** A development tool of the workspace, by the file that `node_modules/.bin` points to. */
export const tool = (name) => inRoot("node_modules", ".bin", name)

/**
 * Runs a program to its end and collects its output; with `show`, the output goes to the terminal instead.
 * Never throws: a program that cannot be started has `code` 127 and says so in `stderr`.
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
