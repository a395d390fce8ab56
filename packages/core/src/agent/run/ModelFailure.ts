/** Why a request to the model yielded no reply, for the events, and whether repeating it may help. */
import type { ModelLifecycleError } from "../../models/ModelLifecycle.ts"
import type { ContextAccount, Problem } from "../rules/AgentEvent.ts"
import { contextFor, explained } from "./ContextWindow.ts"

export interface ModelFailure {
  readonly problem: Problem
  readonly repeatable: boolean
  /** The request did not fit the context, of this length where the server states it. */
  readonly overflow?: { readonly contextLength?: number }
  readonly grammar?: boolean
  /** What the server said when the chat template refused the conversation. */
  readonly template?: string
  readonly refusedTools?: ReadonlyArray<string>
}

/**
 * Lower layers have already retried transient failures and reloaded lost models. A remaining repeatable failure
 * interrupted the reply: no tool has run for it, so repeating the request is harmless. `tools` are the names of the tools
 * that the request offered, in its order.
 */
export const fromError = (error: ModelLifecycleError, tools: ReadonlyArray<string>): ModelFailure => ({
  problem: { tag: error._tag, message: error.message },
  repeatable: isRepeatable(error),
  ...(error._tag === "ContextOverflow"
    ? { overflow: isCount(error.contextLength) ? { contextLength: error.contextLength } : {} }
    : {}),
  ...((error._tag === "ServerFault" && error.reason === "Grammar") || isSchemaRefused(error) ? { grammar: true } : {}),
  ...(error._tag === "TemplateRefused" ? { template: error.serverMessage } : {}),
  ...(error._tag === "ToolsRefused" ? { refusedTools: error.tools.flatMap((place) => tools[place] ?? []) } : {})
})

/** The reply was stopped because it repeated itself without end. */
export const repeating: ModelFailure = {
  problem: {
    tag: "ReplyRepeats",
    message: "The model repeated the same words endlessly, so its reply was stopped. Try another model."
  },
  repeatable: true
}

/** The request does not fit the context, whatever is left out. `most` is the most that the model can have. */
export const contextExceeded = (account: ContextAccount, most: number = Number.POSITIVE_INFINITY): ModelFailure => {
  const wanted = contextFor(account)
  const reachable = wanted <= most
  const remedy = reachable
    ? `Load it with a context of ${wanted} tokens, give a shorter task, or use fewer tools.`
    : `It would take ${wanted} tokens, and the model can have ${most}. Give a shorter task, use fewer tools, or choose another model.`
  return {
    problem: {
      tag: "ContextBudgetExceeded",
      message: `The task does not fit the context that the model is loaded with: ${explained(account)}. ${remedy}`,
      ...(reachable ? { contextLength: wanted } : {})
    },
    repeatable: false
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Servers also report numbers that are not token counts. */
const isCount = (tokens: number | undefined): tokens is number =>
  tokens !== undefined && Number.isSafeInteger(tokens) && tokens >= 0

/** Whether the server rejects the reply's schema, which is then left out of the next request. */
const isSchemaRefused = (error: ModelLifecycleError): boolean =>
  error._tag === "RequestRejected" && /response_format|json_schema/i.test(`${error.param} ${error.serverMessage}`)

const isRepeatable = (error: ModelLifecycleError): boolean => {
  switch (error._tag) {
    case "StreamCut":
    case "ModelCrashed":
    case "ReplyMalformed":
    case "WrongModelAnswered":
    // with the corrected context, the next request will be shorter
    case "ContextOverflow":
      return true
    case "RequestRejected":
      return isSchemaRefused(error)
    case "ServerFault":
      return error.reason !== "StateStore"
    case "RequestTimeout":
      return error.phase === "BetweenBytes"
    default:
      return false
  }
}
