/** How a run asks a person for permission. */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/** A call that the policy wants a person to decide on. */
export interface ApprovalRequest {
  readonly server: string
  readonly tool: string
  readonly arguments: Readonly<Record<string, unknown>>
  /** Why it is asked. */
  readonly reason: string
}

/**
 * How to ask the person. None where nobody can be asked: then such calls are refused and the model is told. The adapter
 * provides it (MCP elicitation, a prompt at the terminal).
 */
export class CurrentApprover extends Context.Reference<CurrentApprover>()("@lms-bridge/core/agent/CurrentApprover", {
  defaultValue: (): Option.Option<(request: ApprovalRequest) => Effect.Effect<boolean>> => Option.none()
}) {}
