/** Prompts of servers: prepared messages with placeholders for arguments. */
import * as Schema from "effect/Schema"
import { optional } from "../schema/Fields.ts"
import { ToolContent } from "./ToolResult.ts"

/** A prompt as its server lists it. The values of its arguments are strings. */
export const McpPrompt = Schema.Struct({
  server: Schema.String,
  name: Schema.String,
  title: optional(Schema.String),
  description: optional(Schema.String),
  arguments: Schema.Array(
    Schema.Struct({ name: Schema.String, description: optional(Schema.String), required: Schema.Boolean })
  )
})
export type McpPrompt = typeof McpPrompt.Type

/** A prompt with its arguments filled in. */
export const PromptResult = Schema.Struct({
  description: optional(Schema.String),
  messages: Schema.Array(Schema.Struct({ role: Schema.Literal("user", "assistant"), content: ToolContent }))
})
export type PromptResult = typeof PromptResult.Type
