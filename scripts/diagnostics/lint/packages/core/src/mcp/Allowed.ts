// Only core/src/mcp knows the MCP SDK, and of it only the client: nothing here may be reported.
import { Client } from "@modelcontextprotocol/sdk/client/index.js"
import type { Tool } from "@modelcontextprotocol/sdk/types.js"

export const client: { new: typeof Client; tools: ReadonlyArray<Tool> } = { new: Client, tools: [] }
