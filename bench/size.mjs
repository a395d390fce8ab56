// The size of `tools/list`: a model reads it at the start of every conversation.
import { executables, inRoot } from "../scripts/workspace.mjs"
import { exactly, listTools, toInitialized } from "./measure.mjs"

export const title = "size of tools/list"

const targets = { all: 24_576, lean: 4096 }
const toolsets = ["all", "lean", "agent", "runs", "models", "inference", "compat"]

/** The bytes that a client reads, as the built server sends them. */
const bytesOf = async (toolset) => {
  const { file } = executables.find(({ name }) => name === "lms-bridge-mcp")
  const env = { LMS_BRIDGE_TOOLSETS: toolset, LMS_BRIDGE_LOG_LEVEL: "none" }
  const { used } = await toInitialized({ args: [inRoot(file)], env }, listTools)
  return Buffer.byteLength(JSON.stringify(used))
}

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
