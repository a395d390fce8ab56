// What `tools/list` costs: a model reads it at the start of every conversation.
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { executables, inRoot } from "../scripts/workspace.mjs"

export const title = "size of tools/list"

const targets = { all: 16_384, lean: 4096 }
const toolsets = ["all", "lean", "agent", "runs", "models", "inference", "compat"]

/** The bytes that a client reads, as the built server sends them. */
const bytesOf = async (toolset) => {
  const { file } = executables.find(({ name }) => name === "lms-bridge-mcp")
  const child = spawn(process.execPath, [inRoot(file)], {
    env: { ...process.env, LMS_BRIDGE_TOOLSETS: toolset, LMS_BRIDGE_LOG_LEVEL: "none" },
    stdio: ["pipe", "pipe", "ignore"]
  })
  const send = (message) => child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`)
  const clientInfo = { name: "bench", version: "1" }
  send({ id: 0, method: "initialize", params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo } })
  send({ method: "notifications/initialized" })
  send({ id: 1, method: "tools/list" })
  for await (const line of createInterface({ input: child.stdout })) {
    const { id, result } = JSON.parse(line)
    if (id !== 1) continue
    child.stdin.end()
    return Buffer.byteLength(JSON.stringify(result.tools))
  }
  throw new Error(`the server ended without listing its tools (${toolset})`)
}

const exactly = (value) => ({ median: value, min: value })

export const run = async () => {
  const rows = []
  for (const toolset of toolsets) {
    const bytes = await bytesOf(toolset)
    rows.push({
      what: `tools/list, LMS_BRIDGE_TOOLSETS=${toolset} (about ${Math.round(bytes / 4)} tokens)`,
      unit: "bytes",
      measured: exactly(bytes),
      limit: targets[toolset]
    })
  }
  return rows
}
