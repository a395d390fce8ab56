// The cost of asking for the configured MCP servers while the file is unchanged, beside reading it each time.
import { interleaved } from "./measure.mjs"
import { writeMcpJson } from "./servers.mjs"
import { withWorkers } from "./workers.mjs"

export const title = "reading an unchanged mcp.json"

const sizes = [6, 100]

export const run = ({ rounds }) =>
  withWorkers(async ({ folder, start }) => {
    const rows = []
    for (const size of sizes) {
      const file = writeMcpJson(folder, servers(size), `mcp-${size}.json`)
      const worker = await start("reload/ours", {
        MCP_JSON_PATH: file,
        LMS_BRIDGE_LMS_BINARY: "none",
        LMS_BRIDGE_BENCH_SERVERS: String(size)
      })
      const ask = (what) => worker.ask({ what }).then(({ millis }) => millis)
      const result = await interleaved({ ours: "list", predecessor: "read" }, rounds, ask)
      rows.push({
        what: `unchanged mcp.json, ${size} servers`,
        unit: "ms",
        measured: result.ours,
        beside: "read and parse it each time",
        reference: result.predecessor,
        limit: 0.005
      })
    }
    return rows
  })

const servers = (size) =>
  Object.fromEntries(
    Array.from({ length: size }, (_, index) => [
      `server-${index}`,
      {
        command: "npx",
        args: ["-y", `@modelcontextprotocol/server-${index}`, "/home/me/notes"],
        env: { LEVEL: "warn" }
      }
    ])
  )
