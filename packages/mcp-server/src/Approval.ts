/**
 * Asking the person at the other end, where the client can (MCP elicitation).
 */
import type { ApprovalRequest } from "@lms-bridge/core/agent/AgentLoop"
import * as Schema from "effect/Schema"

/** One yes-or-no question, as `elicitation/create` carries it. */
export const question = ({ arguments: args, reason, server, tool }: ApprovalRequest) => ({
  message: `The local model wants to call ${tool} of ${server} with ${shown(args)}. ${reason}`,
  requestedSchema: {
    type: "object" as const,
    properties: {
      allow: { type: "boolean" as const, title: "Allow this call", default: false }
    },
    required: ["allow"]
  }
})

/** Anything but a clear yes is a no. */
export const isAllowed = (answer: { readonly action: string; readonly content?: unknown }): boolean =>
  answer.action === "accept" &&
  typeof answer.content === "object" &&
  answer.content !== null &&
  "allow" in answer.content &&
  answer.content.allow === true

const shown = (args: ApprovalRequest["arguments"]): string => {
  const text = Object.entries(args)
    .map(([name, value]) => `${name}: ${typeof value === "string" ? value : encode(value)}`)
    .join(", ")
  return text.length > 500 ? `${text.slice(0, 500)}…` : text === "" ? "no arguments" : text
}

const encode = Schema.encodeSync(Schema.parseJson(Schema.Unknown))
