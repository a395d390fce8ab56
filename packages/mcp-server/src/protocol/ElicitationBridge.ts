/**
 * Passes the questions of a run's MCP servers on to the client's person (elicitation).
 */
import type { ElicitationResult, ElicitationHandler, ElicitationRequest } from "@lms-bridge/core/McpRegistry"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { Elicit, type Form, type FormAnswer, type Page } from "./CallContext.ts"

/** None if the client cannot ask. */
export const person = Effect.map(
  Elicit,
  Option.map(({ ask, opensPages, who }): ElicitationHandler => ({
    who,
    opensPages,
    ask: (question) => Effect.map(ask(passedOn(question)), answerOf)
  }))
)

/** Names the server that asks, because the client would name us. */
export const passedOn = (question: ElicitationRequest): Form | Page => {
  const message = `The MCP server "${question.server}" asks: ${question.message}`
  if (question._tag === "Page") {
    return { message, url: question.url, elicitationId: `${question.server}:${question.id}` }
  }
  const { properties, required } = question.schema
  return { message, requestedSchema: { type: "object", properties, required } }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const answerOf = ({ action, content }: FormAnswer): ElicitationResult =>
  Option.match(action === "accept" ? decode(content) : Option.none(), {
    onNone: () => ({ action }),
    onSome: (content) => ({ action, content })
  })

const decode = Schema.decodeUnknownOption(
  Schema.Record({
    key: Schema.String,
    value: Schema.Union(Schema.String, Schema.Number, Schema.Boolean, Schema.Array(Schema.String))
  })
)
