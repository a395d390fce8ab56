/** How a run asks a person for approval. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { RunId } from "../../observability/Correlation.ts"

/** A call on which the policy wants a person to decide. */
export interface ApprovalRequest {
  /** Absent where it is a server that asks for something, rather than the model for a tool. */
  readonly call?: AskedCall
  readonly server: string
  readonly tool: string
  readonly arguments: Readonly<Record<string, unknown>>
  /** Why the person is asked. */
  readonly reason: string
}

/** A call of the run, and the number of the event that asks about it: a later question about the same call is another one. */
export interface AskedCall {
  readonly runId: RunId
  readonly callId: string
  readonly asked: number
}

/** What a person said to a question that an earlier part of the run asked. */
export interface Answer {
  readonly asked: number
  readonly approved: boolean
}

/** Whether the person allows the call, or why that is not known, as a clause about the person. */
export type Approval = boolean | { readonly unclear: string }

/**
 * How to ask the person, provided by the adapter (MCP elicitation, a prompt at the terminal). None where nobody can be
 * asked; then such calls are refused and the model is told.
 */
export class CurrentApprover extends Context.Reference<CurrentApprover>()("@lms-bridge/core/agent/CurrentApprover", {
  defaultValue: (): Option.Option<(request: ApprovalRequest) => Effect.Effect<Approval>> => Option.none()
}) {}
