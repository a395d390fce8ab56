/** Why a request to the model came to no reply, as events say it, and whether asking the same again may help. */
import type { ModelLifecycleError } from "../../models/ModelLifecycle.ts"
import type { ContextAccount, Problem } from "../rules/AgentEvent.ts"
import { explained } from "./ContextWindow.ts"

export interface ModelFailure {
  readonly problem: Problem
  readonly repeatable: boolean
  /** The request did not fit; the context that the server names. */
  readonly overflow?: { readonly contextLength?: number }
  readonly grammar?: boolean
  /** What was said when the chat template refused the conversation. */
  readonly template?: string
  readonly refusedTools?: ReadonlyArray<string>
}

/**
 * Transient failures have been retried below and lost models loaded again. What is left and repeatable broke off while
 * the reply came in: no tool has run for it, so asking once more does no harm. `tools` are the names of those that the
 * request offered, in its order.
 */
export const fromError = (error: ModelLifecycleError, tools: ReadonlyArray<string> = []): ModelFailure => ({
  problem: { tag: error._tag, message: error.message },
  repeatable: isRepeatable(error),
  ...(error._tag === "ContextOverflow"
    ? { overflow: isCount(error.contextLength) ? { contextLength: error.contextLength } : {} }
    : {}),
  ...((error._tag === "ServerFault" && error.reason === "Grammar") || isSchemaRefused(error) ? { grammar: true } : {}),
  ...(error._tag === "TemplateRefused" ? { template: error.serverMessage } : {}),
  ...(error._tag === "ToolsRefused" ? { refusedTools: error.tools.flatMap((place) => tools[place] ?? []) } : {})
})

/** The reply repeated itself without end, so it was stopped. */
export const repeating: ModelFailure = {
  problem: { tag: "ReplyRepeats", message: "The model repeated the same words without end, so its reply was stopped." },
  repeatable: true
}

/** The request does not fit the context, whatever is left out. */
export const contextExceeded = (account: ContextAccount): ModelFailure => ({
  problem: {
    tag: "ContextBudgetExceeded",
    message: `The task does not fit the context that the model is loaded with: ${explained(account)}. Load it with a larger context, give a shorter task, or use fewer tools.`
  },
  repeatable: false
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** What a run keeps; servers write other figures, too. */
const isCount = (tokens: number | undefined): tokens is number =>
  tokens !== undefined && Number.isSafeInteger(tokens) && tokens >= 0

/** A schema for the reply that the server does not take is left out of the next request. */
const isSchemaRefused = (error: ModelLifecycleError): boolean =>
  error._tag === "RequestRejected" && /response_format|json_schema/i.test(`${error.param} ${error.serverMessage}`)

const isRepeatable = (error: ModelLifecycleError): boolean => {
  switch (error._tag) {
    case "StreamCut":
    case "ModelCrashed":
    case "ReplyMalformed":
    case "WrongModelAnswered":
    // what was learned about the context makes the next request a shorter one
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
