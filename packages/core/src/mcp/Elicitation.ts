/**
 * The person on whose behalf a server is used, whom it may ask something in the middle of a call (MCP's elicitation).
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/**
 * What a server wants of the person: a form filled in, or a page opened where something is done that must not pass
 * through us (a login, a payment).
 */
export type Question =
  | {
      readonly _tag: "Form"
      readonly server: string
      readonly message: string
      /** A flat JSON Schema: fields are texts, numbers, booleans, choices and lists of choices. */
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

/** `accept` has the content of a form; of a page it says that the person wants to open it, not that they are done. */
export interface Answer {
  readonly action: "accept" | "decline" | "cancel"
  readonly content?: Readonly<Record<string, string | number | boolean | ReadonlyArray<string>>>
}

export interface Person {
  /** Told apart by identity: the same terminal, the same client at the other end. */
  readonly who: unknown
  /** Whether pages can be shown to them. */
  readonly opensPages: boolean
  /** Interrupted when the question is of no use any more. */
  readonly ask: (question: Question) => Effect.Effect<Answer>
}

/**
 * None where nobody can be asked: then servers are told that there is no elicitation, and what one asks all the same is
 * declined. The adapter provides it around whatever uses servers.
 */
export class CurrentPerson extends Context.Reference<CurrentPerson>()("@lms-bridge/core/mcp/CurrentPerson", {
  defaultValue: (): Option.Option<Person> => Option.none()
}) {}
