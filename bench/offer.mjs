// The tokens of the first request with a hundred tools and a context of 4096, as the simulator counts them: for the agent
// loop, which offers the tools that fit, and for a request that offers every tool.
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { exactly } from "./measure.mjs"
import { officialServer, writeMcpJson } from "./servers.mjs"
import { withWorkers } from "./workers.mjs"

export const title = "the first request with many tools"

const context = 4096

export const run = () =>
  withWorkers(async ({ folder, start }) => {
    mkdirSync(join(folder, "files"))
    const generated = join(folder, "generated.mjs")
    writeFileSync(generated, generatedServer)
    const mcpJson = writeMcpJson(folder, {
      filesystem: officialServer("server-filesystem", join(folder, "files")),
      memory: { ...officialServer("server-memory"), env: { MEMORY_FILE_PATH: join(folder, "memory.json") } },
      everything: officialServer("server-everything"),
      "sequential-thinking": officialServer("server-sequential-thinking"),
      generated: { command: process.execPath, args: [generated] }
    })
    const simulator = await start("offer/simulator", { LMS_BRIDGE_BENCH_CONTEXT: String(context) })
    const ours = await start("offer/ours", {
      LMSTUDIO_BASE_URL: simulator.first.baseUrl,
      LMS_BRIDGE_LMS_BINARY: "none",
      LMS_BRIDGE_DATA_DIR: join(folder, "data"),
      LMS_BRIDGE_PROBE: "off",
      MCP_JSON_PATH: mcpJson
    })
    const { all, chosen, offered, tools } = await ours.ask({ go: true })
    if (tools < 97) throw new Error(`there are only ${tools} tools`)
    return [
      {
        what: `first request, ${tools} tools, ${offered} of them offered, context of ${context}`,
        unit: "tokens",
        measured: exactly(chosen),
        beside: "all tools offered",
        reference: exactly(all),
        limit: context
      }
    ]
  })

/** Sixty more tools, with parameters of the usual types. */
const generatedServer = `
import { createInterface } from "node:readline"
const kinds = ["customer", "invoice", "order", "ticket", "shipment", "product", "contract", "supplier", "payment", "account"]
const verbs = ["create", "find", "update", "archive", "export", "compare"]
const tools = kinds.flatMap((kind) => verbs.map((verb) => ({
  name: verb + "_" + kind,
  description: "Use it to " + verb + " a " + kind + " of the company. Gives the " + kind + " as JSON, with the time of its last change and who made it.",
  inputSchema: { type: "object", required: ["id"], properties: {
    id: { type: "string", description: "The number of the " + kind + ", as it is printed on its documents" },
    fields: { type: "array", items: { type: "string" }, description: "Fields that are wanted; all when there are none" },
    since: { type: "string", format: "date-time", description: "Only what has changed since then" },
    limit: { type: "integer", minimum: 1, maximum: 500, description: "How many at most" } } }
})))
const answers = {
  initialize: ({ protocolVersion }) => ({ protocolVersion, capabilities: { tools: {} }, serverInfo: { name: "generated", version: "1" } }),
  "tools/list": () => ({ tools }), ping: () => ({})
}
createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, method, params } = JSON.parse(line)
  if (id !== undefined) process.stdout.write(JSON.stringify({ jsonrpc: "2.0", id, result: answers[method]?.(params) ?? {} }) + "\\n")
})
`
