// An MCP server that lists the tools of a file and does nothing.
import { readFileSync } from "node:fs"
import { createInterface } from "node:readline"

const tools = JSON.parse(readFileSync(process.argv[2], "utf8"))
const answers = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion,
    capabilities: { tools: {} },
    serverInfo: { name: "list", version: "1" }
  }),
  "tools/list": () => ({ tools })
}
createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, method, params } = JSON.parse(line)
  if (id === undefined) return
  process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", id, result: answers[method]?.(params) ?? {} })}\n`)
})
