/**
 * What a tool gave back, free of any SDK: every content part of the MCP specification (`CallToolResult`).
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })

/**
 * @since 0.1.0
 * @category models
 */
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
  /** A part of a kind that this version does not know; kept as JSON. */
  Schema.Struct({ type: Schema.Literal("unknown"), kind: Schema.String, json: Schema.String })
)
/**
 * @since 0.1.0
 * @category models
 */
export type ToolContent = typeof ToolContent.Type

/**
 * @since 0.1.0
 * @category models
 */
export const ToolResult = Schema.Struct({
  content: Schema.Array(ToolContent),
  /** `structuredContent`: any JSON but null. */
  structured: optional(Schema.Unknown),
  /** The tool itself says that it failed. */
  isError: Schema.Boolean
})
/**
 * @since 0.1.0
 * @category models
 */
export type ToolResult = typeof ToolResult.Type
