// What it takes to have the tools of six servers that are not running yet, beside the slowest of them started alone; and
// to have them again.
import { cpus } from "node:os"
import { join } from "node:path"
import { writeFileSync } from "node:fs"
import { officialServer } from "./servers.mjs"
import { interleaved } from "./measure.mjs"
import { withWorkers } from "./workers.mjs"

export const title = "discovery of six servers"

export const run = ({ rounds }) =>
  withWorkers(async ({ folder, start }) => {
    const memory = (name) => ({
      ...officialServer("server-memory"),
      env: { MEMORY_FILE_PATH: join(folder, `${name}.jsonl`) }
    })
    const servers = {
      "files-a": officialServer("server-filesystem", folder),
      "files-b": officialServer("server-filesystem", folder),
      "memory-a": memory("a"),
      "memory-b": memory("b"),
      "everything-a": officialServer("server-everything", "stdio"),
      "everything-b": officialServer("server-everything", "stdio")
    }
    const names = Object.keys(servers)
    const mcpJson = join(folder, "mcp.json")
    writeFileSync(mcpJson, JSON.stringify({ mcpServers: servers }))
    const worker = await start("discovery/ours", { MCP_JSON_PATH: mcpJson, LMS_BRIDGE_LMS_BINARY: "none" })

    const warm = []
    const cold = await interleaved(
      { all: names, ...Object.fromEntries(names.map((name) => [name, [name]])) },
      Math.min(rounds, 7),
      async (chosen) => {
        const found = await worker.ask({ servers: chosen })
        if (chosen === names) warm.push(...found.warm)
        return found.cold
      }
    )
    const slowest = names.map((name) => cold[name]).reduce((a, b) => (a.median > b.median ? a : b))
    const sorted = warm.toSorted((a, b) => a - b)
    const cores = cpus().length
    return [
      {
        what: `${names.length} cold servers at once, ${cores} cores`,
        unit: "ms",
        measured: cold.all,
        beside: "the slowest one alone",
        reference: slowest,
        // fewer cores than servers share the work of starting them
        ...(cores >= names.length ? { atMost: 1.3 } : {})
      },
      {
        what: `${names.length} servers listed again`,
        unit: "ms",
        measured: { median: sorted[Math.floor(sorted.length / 2)], min: sorted[0] },
        limit: 15
      }
    ]
  })
