/** Questions that a server asks its user in the middle of a call (MCP's elicitation). */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/**
 * What a server wants from the user: a form to fill in, or a page to open for something that must not pass through us
 * (a login, a payment).
 */
export type ElicitationRequest =
  | {
      readonly _tag: "Form"
      readonly server: string
      readonly message: string
      /** A flat JSON Schema: fields are strings, numbers, booleans, choices and lists of choices. */
      readonly schema: {
        readonly properties: Readonly<Record<string, object>>
        readonly required: ReadonlyArray<string>
      }
    }
  | {
      readonly _tag: "Page"
      readonly server: string
      readonly message: string
      readonly url: string
      readonly id: string
    }

/** `accept` has the content of a form; for a page it means that the user agrees to open it, not that they are done. */
export interface ElicitationResult {
  readonly action: "accept" | "decline" | "cancel"
  readonly content?: Readonly<Record<string, string | number | boolean | ReadonlyArray<string>>>
}

export interface ElicitationHandler {
  /** Compared by identity: the same terminal, the same client. */
  readonly who: unknown
  /** Whether pages can be shown to this person. */
  readonly opensPages: boolean
  /** Interrupted when the answer is no longer needed. */
  readonly ask: (question: ElicitationRequest) => Effect.Effect<ElicitationResult>
}

/**
 * None where nobody can be asked: then servers are told that there is no elicitation, and a server that asks anyway is
 * declined. The adapter provides it around the code that uses servers.
 */
export class CurrentElicitation extends Context.Reference<CurrentElicitation>()(
  "@lms-bridge/core/mcp/CurrentElicitation",
  {
    defaultValue: (): Option.Option<ElicitationHandler> => Option.none()
  }
) {}
