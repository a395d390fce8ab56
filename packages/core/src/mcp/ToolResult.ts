/** The result of a tool, independent of any SDK: every kind of content in the MCP specification (`CallToolResult`). */
import * as Schema from "effect/Schema"
import { optional } from "../schema/Fields.ts"

export const ToolContent = Schema.Union(
  Schema.Struct({ type: Schema.Literal("text"), text: Schema.String }),
  /** `data` is base64. */
  Schema.Struct({ type: Schema.Literal("image", "audio"), mimeType: Schema.String, data: Schema.String }),
  Schema.Struct({
    type: Schema.Literal("resource_link"),
    uri: Schema.String,
    name: optional(Schema.String),
    mimeType: optional(Schema.String)
  }),
  /** An embedded resource: `text`, or `blob` in base64. */
  Schema.Struct({
    type: Schema.Literal("resource"),
    uri: Schema.String,
    mimeType: optional(Schema.String),
    text: optional(Schema.String),
    blob: optional(Schema.String)
  }),
  /** A part of a kind that this version does not know, kept as JSON. */
  Schema.Struct({ type: Schema.Literal("unknown"), kind: Schema.String, json: Schema.String })
)
export type ToolContent = typeof ToolContent.Type

export const ToolResult = Schema.Struct({
  content: Schema.Array(ToolContent),
  /** `structuredContent`: any JSON but null. */
  structured: optional(Schema.Unknown),
  /** The tool itself reports that it failed. */
  isError: Schema.Boolean
})
export type ToolResult = typeof ToolResult.Type
