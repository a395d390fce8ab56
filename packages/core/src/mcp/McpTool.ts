/** A tool as its MCP server lists it. */
import * as Schema from "effect/Schema"
import { optional } from "../schema/Fields.ts"

/**
 * Hints of the server about a tool (MCP `ToolAnnotations`); absent means not specified. They are claims, not proofs.
 */
export const ToolAnnotations = Schema.Struct({
  readOnly: optional(Schema.Boolean),
  destructive: optional(Schema.Boolean),
  /** Repeating a call with the same arguments has no further effect. */
  idempotent: optional(Schema.Boolean),
  openWorld: optional(Schema.Boolean)
})
export type ToolAnnotations = typeof ToolAnnotations.Type

/** A tool as its server lists it. A missing description is "". */
export const McpTool = Schema.Struct({
  server: Schema.String,
  name: Schema.String,
  title: optional(Schema.String),
  description: Schema.String,
  inputSchema: Schema.Record({ key: Schema.String, value: Schema.Unknown }),
  outputSchema: optional(Schema.Record({ key: Schema.String, value: Schema.Unknown })),
  annotations: ToolAnnotations,
  /** It can only be called as a task of its server. */
  taskRequired: optional(Schema.Boolean),
  /** A person has reviewed it and locked it in this state. */
  trusted: optional(Schema.Boolean)
})
export type McpTool = typeof McpTool.Type
