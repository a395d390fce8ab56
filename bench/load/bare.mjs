// The reference: a server on the SDK alone, over HTTP with sessions. Its tool passes the prompt on to the model with fetch;
// another lists nothing.
import { randomUUID } from "node:crypto"
import { createServer } from "node:http"
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js"
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js"
import { z } from "zod"

const url = `${process.env.LMSTUDIO_BASE_URL}/v1/chat/completions`
const model = process.env.LMS_BRIDGE_LOAD_MODEL

const text = (text) => ({ content: [{ type: "text", text }] })

const serve = async () => {
  const server = new McpServer({ name: "bare", version: "1.0.0" })
  const description = "A local model answers one prompt."
  server.registerTool("chat_completion", { description, inputSchema: { prompt: z.string() } }, async ({ prompt }) => {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model, messages: [{ role: "user", content: prompt }] })
    })
    const { choices } = await response.json()
    return text(choices[0].message.content)
  })
  server.registerTool("list_available_mcps", { description: "Lists nothing." }, () => text("none"))
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (id) => void sessions.set(id, transport),
    onsessionclosed: (id) => void sessions.delete(id)
  })
  await server.connect(transport)
  return transport
}

const sessions = new Map()
const http = createServer(async (request, response) => {
  const transport = sessions.get(request.headers["mcp-session-id"]) ?? (await serve())
  await transport.handleRequest(request, response)
})
http.listen(0, "127.0.0.1", () => console.error(`Listening at http://127.0.0.1:${http.address().port}/mcp`))
