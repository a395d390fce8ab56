/** What a tool does, and what a run has read by its tools. */
import * as Schema from "effect/Schema"
import { ToolAnnotations } from "../../mcp/McpTool.ts"
import { optional } from "../../schema/Fields.ts"

/** What a tool does, as its server claims and the user's map corrects. Absent is not known. */
export const ToolTraits = ToolAnnotations
export type ToolTraits = typeof ToolTraits.Type

/** What a run has read so far: something that strangers may have written, something that is the user's own. */
export const Taint = Schema.Struct({
  untrusted: Schema.Boolean,
  private: Schema.Boolean,
  /** The servers that it came from. What goes back to the only one of them goes nowhere new. */
  from: optional(Schema.Array(Schema.String))
})
export type Taint = typeof Taint.Type

/** What a finished call adds to what the run has read. */
export const tainted = (taint: Taint, traits: ToolTraits | undefined, server?: string): Taint => {
  if (traits === undefined) return taint
  const { from = [], ...before } = taint
  const sources = server === undefined || from.includes(server) ? from : [...from, server]
  return {
    // who does not say that it stays on this machine may have read anything
    untrusted: before.untrusted || traits.openWorld !== false,
    private: before.private || traits.openWorld !== true,
    ...(sources.length === 0 ? {} : { from: sources })
  }
}
