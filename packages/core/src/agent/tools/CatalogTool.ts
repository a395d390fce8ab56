/** A tool as it is offered to the model. */
import type { ToolDefinition } from "../../lmstudio/Chat.ts"
import type { McpTool } from "../../mcp/McpTool.ts"

export interface CatalogTool {
  /** The name that the model sees. */
  readonly name: string
  readonly tool: McpTool
  readonly definition: ToolDefinition
  /** Whether it is a tool of the loop itself. */
  readonly builtin: boolean
}
