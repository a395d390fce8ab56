/**
 * What a tool knows about the client that called it. Kept apart from the tools, because it is needed before they load.
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/** How long the client waits for an answer, if it is known to give up. */
export class DetachAfter extends Context.Reference<DetachAfter>()("@lms-bridge/mcp-server/DetachAfter", {
  defaultValue: (): Option.Option<Duration.Duration> => Option.none()
}) {}

/** A form for the client's person, as in MCP's `elicitation/create`. */
export interface Form {
  /** By which the answer names the question, since 2026-07-28; "answer" by default. */
  readonly key?: string
  readonly message: string
  readonly requestedSchema: {
    readonly type: "object"
    readonly properties: Readonly<Record<string, object>>
    readonly required?: ReadonlyArray<string>
  }
}

/** A page for that person to open; what they do there is hidden from us. */
export interface Page {
  readonly message: string
  readonly url: string
  readonly elicitationId: string
}

export interface FormAnswer {
  readonly action: "accept" | "decline" | "cancel"
  readonly content?: unknown
}

/** How to ask that person. If asking fails, the answer is `cancel`. */
export interface Asker {
  /** The client, the same object for all its calls. */
  readonly who: unknown
  readonly opensPages: boolean
  readonly ask: (question: Form | Page) => Effect.Effect<FormAnswer>
}

/** None if the client cannot ask. */
export class Elicit extends Context.Reference<Elicit>()("@lms-bridge/mcp-server/Elicit", {
  defaultValue: (): Option.Option<Asker> => Option.none()
}) {}
