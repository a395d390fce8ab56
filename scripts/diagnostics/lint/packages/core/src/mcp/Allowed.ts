// Only core/src/mcp knows the MCP SDK, and of it only the client: nothing here may be reported.
import { Client, type Tool } from "@modelcontextprotocol/client"

export const client: { new: typeof Client; tools: ReadonlyArray<Tool> } = { new: Client, tools: [] }
