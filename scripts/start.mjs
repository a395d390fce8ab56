// `npm start [-- "task"]`: sets the workspace up if need be, then has a model work on the example folder with the tools
// of a real MCP server. LM Studio does it where it answers; elsewhere the stand-in, which says so.
import { spawn } from "node:child_process"
import { makeReady } from "./ready.mjs"
import { executables, fail, inRoot, root } from "./workspace.mjs"

const example = inRoot("docs", "example", "files")

const [task = 'Read the text file "notes.md" and say what it is about.', ...more] = process.argv.slice(2)

await makeReady().catch((error) => fail(error.message))

const program = inRoot(executables[0].file)
const child = spawn(process.execPath, [program, "run", task, "--mcp", "filesystem", "--stand-in", "auto", ...more], {
  cwd: root,
  stdio: "inherit",
  env: {
    ...process.env,
    MCP_JSON_PATH: inRoot("docs", "example", "mcp.json"),
    LMS_BRIDGE_WORKSPACE: root,
    LMS_BRIDGE_EXAMPLE_DIR: example
  }
})

// Ctrl-C also reaches the child, which ends the run; its exit code becomes ours.
process.on("SIGINT", () => {})
process.on("SIGTERM", () => child.kill("SIGTERM"))

child.on("error", (error) => fail(`${program} could not be started: ${error.message}`))
child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 143)))
