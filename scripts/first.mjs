// What Claude Code gets back for README's first prompt: the real server, over the stand-in for LM Studio. Times, tokens
// and the run's id differ each time, so they are left out.
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { inRoot, root } from "./workspace.mjs"

const call = {
  name: "autonomous_filesystem_full",
  arguments: {
    working_directory: "docs/example/files",
    task: 'Read the text file "notes.md" and say what it is about.'
  }
}

/** The lines of the answer, as a block of a page. */
export const first = async () => {
  const home = mkdtempSync(join(tmpdir(), "lms-bridge-first-"))
  const simulator = start(["packages/cli/dist/lms-bridge.js", "simulate", "--json"], { HOME: home })
  const children = [simulator]
  try {
    const { value: line } = await simulator.lines.next()
    const { baseUrl, lmsDirectory } = JSON.parse(line)
    const server = start(["packages/mcp-server/dist/lms-bridge-mcp.js"], {
      HOME: home,
      LMSTUDIO_BASE_URL: baseUrl,
      LMS_BRIDGE_LMS_BINARY: join(lmsDirectory, "lms"),
      LMS_BRIDGE_LOG_LEVEL: "none",
      LMS_BRIDGE_PROBE: "off"
    })
    children.push(server)
    const clientInfo = { name: "claude-code", version: "2.0.0" }
    server.send({
      id: 1,
      method: "initialize",
      params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo }
    })
    server.send({ method: "notifications/initialized" })
    server.send({ id: 2, method: "tools/call", params: call })
    for await (const text of server.lines) {
      const { error, id, result } = JSON.parse(text)
      if (id !== 2) continue
      if (error !== undefined || result.isError) throw new Error(text)
      return ["```text", ...result.content.flatMap(({ text }) => [...wrapped(steady(text))]), "```"]
    }
    throw new Error("the server ended without an answer")
  } finally {
    for (const { child, ended } of children) {
      child.kill()
      await ended
    }
    rmSync(home, { recursive: true, force: true })
  }
}

const start = (args, env) => {
  const child = spawn(
    process.execPath,
    args.map((arg) => (arg.startsWith("packages/") ? inRoot(arg) : arg)),
    {
      cwd: root,
      env: { PATH: process.env.PATH, ...env },
      stdio: ["pipe", "pipe", "ignore"]
    }
  )
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    child,
    ended: new Promise((resolve) => child.once("exit", resolve)),
    lines,
    send: (message) => child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`)
  }
}

const steady = (text) =>
  text
    .replace(/run_[0-9a-z]+/g, "run_…")
    .replace(/\d+ tokens read, \d+ written/g, "… tokens read, … written")
    .replace(/ · \d+(\.\d+)? m?s\b/g, " · … s")

/** Lines of at most 110 characters, broken between words. */
const wrapped = (text) =>
  text.split("\n").flatMap((line) => line.match(/.{1,110}(?:\s|$)/g)?.map((part) => part.trimEnd()) ?? [""])
