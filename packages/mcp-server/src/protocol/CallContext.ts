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

/** What the client itself is asked, as MCP has it: its person, its model, its folders. */
export interface ClientRequest {
  readonly method: "elicitation/create" | "sampling/createMessage" | "roots/list"
  readonly params: object
}

/** Answers by the names of the requests; undefined for one that has no valid answer. */
export type ClientAnswers = Readonly<Record<string, unknown>>

/** How to ask the client, several things at once if need be. */
export interface Asking {
  /** What it says it can answer. */
  readonly can: {
    readonly elicitation?: { readonly url?: unknown } | undefined
    readonly sampling?: unknown
    readonly roots?: unknown
  }
  readonly ask: (requests: Readonly<Record<string, ClientRequest>>) => Effect.Effect<ClientAnswers>
}

/** The client of a call; none where nothing can be asked. */
export class AskClient extends Context.Reference<AskClient>()("@lms-bridge/mcp-server/AskClient", {
  defaultValue: (): Option.Option<Asking> => Option.none()
}) {}

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
