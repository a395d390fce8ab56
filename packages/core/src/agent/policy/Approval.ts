/** How a run asks a person for approval. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/** A call on which the policy wants a person to decide. */
export interface ApprovalRequest {
  readonly server: string
  readonly tool: string
  readonly arguments: Readonly<Record<string, unknown>>
  /** Why the person is asked. */
  readonly reason: string
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
