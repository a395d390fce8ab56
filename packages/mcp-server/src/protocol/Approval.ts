/**
 * Asks the client's person for the approval of a call, if the client supports elicitation.
 */
import type { Approval, ApprovalRequest } from "@lms-bridge/core/AgentLoop"
import { stringify } from "@lms-bridge/core/Json"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import { Elicit, type Form, type FormAnswer } from "./CallContext.ts"

/** The client's person as the loop's approver, if there is one. One approver is for one run. */
export const approver = Effect.gen(function* () {
  const elicit = yield* Elicit
  const allowed = yield* Ref.make<ReadonlySet<string>>(new Set())
  return Option.map(
    elicit,
    ({ ask }) =>
      (request: ApprovalRequest): Effect.Effect<Approval> =>
        Effect.gen(function* () {
          const key = `${request.server}\n${request.tool}`
          if ((yield* Ref.get(allowed)).has(key)) return true
          const first = choiceOf(yield* ask(question(request)))
          const choice = first === "none" ? choiceOf(yield* ask(question(request, nothingChosen))) : first
          if (choice === "none") return { unclear: "the person accepted the question, but chose no answer" }
          if (choice === choices.run) yield* Ref.update(allowed, (before) => new Set(before).add(key))
          return choice !== choices.no
        })
  )
})

/** The answers in words. */
export const choices = { no: "Refuse", once: "Allow once", run: "Allow this tool for this run" } as const

export const question = ({ arguments: args, reason, server, tool }: ApprovalRequest, before = ""): Form => ({
  message: `${before}The local model wants to call ${tool} of ${server} with ${shown(args)}. ${sentence(reason)}`,
  requestedSchema: {
    type: "object",
    properties: {
      answer: { type: "string", title: "May it?", enum: Object.values(choices) }
    },
    required: ["answer"]
  }
})

/** What was chosen; `none` for a form that was accepted without a choice. A form that was not accepted is a no. */
export const choiceOf = ({ action, content }: FormAnswer): (typeof choices)[keyof typeof choices] | "none" => {
  if (action !== "accept") return choices.no
  const answer = typeof content === "object" && content !== null && "answer" in content ? content.answer : undefined
  return Object.values(choices).find((choice) => choice === answer) ?? "none"
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const nothingChosen = "Nothing was chosen, so this is asked once more. "

const sentence = (clause: string): string =>
  `${clause.charAt(0).toUpperCase()}${clause.slice(1)}`.replace(/[.!?]?$/, ".")

const shown = (args: ApprovalRequest["arguments"]): string => {
  const text = Object.entries(args)
    .map(([name, value]) => `${name}: ${typeof value === "string" ? value : stringify(value)}`)
    .join(", ")
  return text.length > 500 ? `${text.slice(0, 500)}…` : text === "" ? "no arguments" : text
}
