// The MCP server of the drill: tools that read, change and destroy, and write down when each begins and ends.
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js"
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js"
import { appendFileSync } from "node:fs"
import { z } from "zod"

const file = process.env.DRILL_EFFECTS
const tell = (...words) => appendFileSync(file, `${words.join(" ")}\n`)

const server = new McpServer({ name: "drill", version: "1" })
const tool = (name, annotations, millis) =>
  server.registerTool(
    name,
    { description: `Does ${name}.`, inputSchema: { run: z.string(), step: z.number() }, annotations },
    async ({ run, step }) => {
      tell("begin", name, run, step)
      await new Promise((resolve) => setTimeout(resolve, millis))
      tell("end", name, run, step)
      return { content: [{ type: "text", text: `${name} ${run} ${step} is done` }] }
    }
  )

const reads = { readOnlyHint: true, openWorldHint: false }
const changes = { readOnlyHint: false, destructiveHint: false, openWorldHint: false }
tool("look", reads, 20)
tool("lookslowly", reads, 2500)
tool("note", changes, 20)
tool("noteslowly", changes, 2500)
tool("wipe", { readOnlyHint: false, destructiveHint: true, openWorldHint: false }, 20)

await server.connect(new StdioServerTransport())
