/** A tool as it is offered to the model. */
import type { ToolDefinition } from "../../lmstudio/Chat.ts"
import type { McpTool } from "../../mcp/McpTool.ts"

export interface CatalogTool {
  /** What the model calls it. */
  readonly name: string
  readonly tool: McpTool
  readonly definition: ToolDefinition
  /** A tool of the loop itself. */
  readonly builtin: boolean
}
