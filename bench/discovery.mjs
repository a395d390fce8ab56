// The time until six servers that are not running yet have listed their tools, beside the slowest of them started alone;
// and the time to list them again.
import { cpus } from "node:os"
import { interleaved, summary } from "./measure.mjs"
import { sixServers, writeMcpJson } from "./servers.mjs"
import { withWorkers } from "./workers.mjs"

export const title = "discovery of six servers"

export const run = ({ rounds }) =>
  withWorkers(async ({ folder, start }) => {
    const servers = sixServers(folder)
    const names = Object.keys(servers)
    const mcpJson = writeMcpJson(folder, servers)
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
    const cores = cpus().length
    return [
      {
        what: `${names.length} cold servers at once, ${cores} cores`,
        unit: "ms",
        measured: cold.all,
        beside: "the slowest one alone",
        reference: slowest,
        // with fewer cores than servers, the starts compete for them
        ...(cores >= names.length ? { atMost: 1.3 } : {})
      },
      {
        what: `${names.length} servers listed again`,
        unit: "ms",
        measured: summary(warm),
        limit: 15
      }
    ]
  })
