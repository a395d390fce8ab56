// One step of the agent loop (a streamed reply of the model with a tool call, the call, the result) against the least that
// does the same. Both keep their connections open, offer the same one tool, and talk to the same simulator in turn.
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { inRoot } from "../scripts/workspace.mjs"
import { interleaved } from "./measure.mjs"
import { withWorkers } from "./workers.mjs"

export const title = "a step of the agent loop"

const steps = 20

export const run = ({ rounds }) =>
  withWorkers(async ({ folder, start }) => {
    const mcpJson = join(folder, "mcp.json")
    const everything = inRoot("node_modules", "@modelcontextprotocol", "server-everything", "dist", "index.js")
    const entry = { command: process.execPath, args: [everything] }
    writeFileSync(mcpJson, JSON.stringify({ mcpServers: { everything: entry } }))

    const simulator = await start("loop/simulator", { LMS_BRIDGE_BENCH_STEPS: String(steps) })
    const env = {
      LMSTUDIO_BASE_URL: simulator.first.baseUrl,
      LMS_BRIDGE_LMS_BINARY: "none",
      LMS_BRIDGE_DATA_DIR: join(folder, "data"),
      MCP_JSON_PATH: mcpJson,
      LMS_BRIDGE_BENCH_SERVER: everything
    }
    const variants = { ours: await start("loop/ours", env), plain: await start("loop/plain", env) }
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
  })
