// An MCP server over stdio with as many tools as asked for: `node manyTools.mjs NAME COUNT`. It writes every call that
// arrives to the file CALLS, and takes DELAY milliseconds for it.
import { appendFileSync } from "node:fs"
import { setTimeout } from "node:timers/promises"
import { Server } from "@modelcontextprotocol/sdk/server/index.js"
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js"
import { CallToolRequestSchema, ListToolsRequestSchema } from "@modelcontextprotocol/sdk/types.js"

const [name, count] = process.argv.slice(2)
const verbs = ["create", "list", "update", "close", "assign", "archive", "export", "merge"]
const things = ["ticket", "invoice", "customer", "shipment", "contract", "meeting", "campaign", "warehouse"]

const tools = Array.from({ length: Number(count) }, (_, index) => {
  const verb = verbs[index % verbs.length]
  const thing = things[Math.floor(index / verbs.length) % things.length]
  const property = (what) => ({
    type: "string",
    description: `The ${what} of the ${thing} that this operation works on.`
  })
  return {
    name: `${verb}_${thing}`,
    description: `Can ${verb} a ${thing} in ${name}. Use it when the task calls for it, and look at the result before you go on.`,
    inputSchema: {
      type: "object",
      properties: { id: property("identifier"), title: property("title"), note: property("note") },
      required: ["id"]
    },
    annotations: { readOnlyHint: verb === "list" }
  }
})

const server = new Server({ name, version: "1.0.0" }, { capabilities: { tools: {} } })
server.setRequestHandler(ListToolsRequestSchema, () => ({ tools }))
server.setRequestHandler(CallToolRequestSchema, async ({ params }) => {
  if (process.env.CALLS) appendFileSync(process.env.CALLS, `${params.name} ${params.arguments.id}\n`)
  await setTimeout(Number(process.env.DELAY ?? 0))
  return { content: [{ type: "text", text: `${params.name} is done.` }] }
})
await server.connect(new StdioServerTransport())
