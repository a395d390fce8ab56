/** What a tool does, and what a run has read with its tools. */
import * as Schema from "effect/Schema"
import { ToolAnnotations } from "../../mcp/McpTool.ts"
import { optional } from "../../schema/Fields.ts"

/** What a tool does, as its server claims and the user corrects. Absent means unknown. */
export const ToolTraits = ToolAnnotations
export type ToolTraits = typeof ToolTraits.Type

/** What a run has read so far: text that strangers may have written (`untrusted`), or data of the user (`private`). */
export const Taint = Schema.Struct({
  untrusted: Schema.Boolean,
  private: Schema.Boolean,
  /** The servers that it came from. Sending it back to the only source discloses nothing new. */
  from: optional(Schema.Array(Schema.String))
})
export type Taint = typeof Taint.Type

/** The taint after a finished call. */
export const tainted = (taint: Taint, traits: ToolTraits | undefined, server?: string): Taint => {
  if (traits === undefined) return taint
  const { from = [], ...before } = taint
  const sources = server === undefined || from.includes(server) ? from : [...from, server]
  return {
    // a tool that does not say that it stays on this machine may have read anything
    untrusted: before.untrusted || traits.openWorld !== false,
    private: before.private || traits.openWorld !== true,
    ...(sources.length === 0 ? {} : { from: sources })
  }
}
