/**
 * How a model is told of its tools, and how its replies become calls. `native`: definitions in the request, calls by the
 * engine's parser. `text`: the same definitions, but calls are found in the text, and the history keeps them as the model
 * wrote them. `bound`: one line for each tool in the system message, and every reply is one step as JSON, which the engine
 * is told to hold it to.
 */
import * as Schema from "effect/Schema"

export const ToolForm = Schema.Literal("native", "text", "bound")
export type ToolForm = typeof ToolForm.Type

/**
 * Ways to send a conversation to a model whose template refuses the usual one. `system`: the instructions are put at the
 * start of the task. `history`: calls and results are sent as text. `tools`: the tools are too, and calls are found in the
 * text of the replies.
 */
export const Way = Schema.Literal("system", "history", "tools")
export type Way = typeof Way.Type
