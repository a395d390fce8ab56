/**
 * Asks the client's person for the approval of a call, if the client supports elicitation.
 */
import type { ApprovalRequest } from "@lms-bridge/core/AgentLoop"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { stringify } from "@lms-bridge/core/Json"
import { Elicit, type Form, type FormAnswer } from "./CallContext.ts"

/** The client's person as the loop's approver, if there is one. */
export const approver = Effect.map(
  Elicit,
  Option.map(
    ({ ask }) =>
      (request: ApprovalRequest) =>
        Effect.map(ask(question(request)), isAllowed)
  )
)

/** One yes-or-no question. */
export const question = ({ arguments: args, reason, server, tool }: ApprovalRequest): Form => ({
  message: `The local model wants to call ${tool} of ${server} with ${shown(args)}. ${reason}`,
  requestedSchema: {
    type: "object",
    properties: {
      allow: { type: "boolean", title: "Allow this call", default: false }
    },
    required: ["allow"]
  }
})

/** Anything but a clear yes is a no. */
export const isAllowed = (answer: FormAnswer): boolean =>
  answer.action === "accept" &&
  typeof answer.content === "object" &&
  answer.content !== null &&
  "allow" in answer.content &&
  answer.content.allow === true

const shown = (args: ApprovalRequest["arguments"]): string => {
  const text = Object.entries(args)
    .map(([name, value]) => `${name}: ${typeof value === "string" ? value : stringify(value)}`)
    .join(", ")
  return text.length > 500 ? `${text.slice(0, 500)}…` : text === "" ? "no arguments" : text
}
