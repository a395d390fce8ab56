/**
 * Prompts of servers: messages that are written already, but for their arguments.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { ToolContent } from "./ToolResult.ts"

const optional = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { exact: true })

/**
 * A prompt as its server lists it. Values of its arguments are texts.
 *
 * @since 0.1.0
 * @category models
 */
export const McpPrompt = Schema.Struct({
  server: Schema.String,
  name: Schema.String,
  title: optional(Schema.String),
  description: optional(Schema.String),
  arguments: Schema.Array(
    Schema.Struct({ name: Schema.String, description: optional(Schema.String), required: Schema.Boolean })
  )
})
/**
 * @since 0.1.0
 * @category models
 */
export type McpPrompt = typeof McpPrompt.Type

/**
 * A prompt with its arguments put in.
 *
 * @since 0.1.0
 * @category models
 */
export const PromptResult = Schema.Struct({
  description: optional(Schema.String),
  messages: Schema.Array(Schema.Struct({ role: Schema.Literal("user", "assistant"), content: ToolContent }))
})
/**
 * @since 0.1.0
 * @category models
 */
export type PromptResult = typeof PromptResult.Type
