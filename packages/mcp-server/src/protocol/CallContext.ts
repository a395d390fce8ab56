/**
 * What a tool may know of the client that called it. Kept apart from the tools: it is needed before they are loaded.
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/** How long the client at the other end waits for an answer, when it is known to give up. */
export class DetachAfter extends Context.Reference<DetachAfter>()("@lms-bridge/mcp-server/DetachAfter", {
  defaultValue: (): Option.Option<Duration.Duration> => Option.none()
}) {}

/** A form for the person at the other end, as MCP's `elicitation/create` carries it. */
export interface Form {
  readonly message: string
  readonly requestedSchema: {
    readonly type: "object"
    readonly properties: Readonly<Record<string, object>>
    readonly required?: ReadonlyArray<string>
  }
}

/** A page for that person to open, where what they do there is not for us to see. */
export interface Page {
  readonly message: string
  readonly url: string
  readonly elicitationId: string
}

export interface FormAnswer {
  readonly action: "accept" | "decline" | "cancel"
  readonly content?: unknown
}

/** How to ask that person. Where asking fails, the answer is `cancel`. */
export interface Asker {
  /** The client at the other end, the same object for all its calls. */
  readonly who: unknown
  readonly opensPages: boolean
  readonly ask: (question: Form | Page) => Effect.Effect<FormAnswer>
}

/** None where the client cannot ask. */
export class Elicit extends Context.Reference<Elicit>()("@lms-bridge/mcp-server/Elicit", {
  defaultValue: (): Option.Option<Asker> => Option.none()
}) {}
