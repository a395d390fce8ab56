/** A reply before it reaches a socket: a whole body, a stream of bytes that may be cut, or a closed socket. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Json from "../internal/json.ts"
import type * as Stream from "effect/Stream"

/** The server closes the socket in the middle of a reply. */
export class Cut extends Schema.TaggedError<Cut>()("SimulatedCut", {}) {
  readonly retryable = false
  override get message() {
    return "The socket is closed in mid-reply."
  }
}

/** An error that ends a request: a status and one of LM Studio's five error bodies. */
export class ApiFault extends Schema.TaggedError<ApiFault>()("SimulatedApiFault", {
  status: Schema.Int,
  body: Schema.Unknown
}) {
  readonly retryable = false
  override get message() {
    return `HTTP ${this.status}: ${Json.stringify(this.body)}`
  }
}

export type Reply =
  | { readonly _tag: "Body"; readonly status: number; readonly contentType: string; readonly body: string }
  | {
      readonly _tag: "Stream"
      readonly status: number
      readonly contentType: string
      readonly body: Stream.Stream<Uint8Array, Cut>
    }
  | { readonly _tag: "Cut" }

export const json = (status: number, body: unknown): Reply => ({
  _tag: "Body",
  status,
  contentType: "application/json; charset=utf-8",
  body: Json.stringify(body)
})

export const raw = (status: number, contentType: string, body: string): Reply => ({
  _tag: "Body",
  status,
  contentType,
  body
})

export const events = (body: Stream.Stream<Uint8Array, Cut>): Reply => ({
  _tag: "Stream",
  status: 200,
  contentType: "text/event-stream",
  body
})

export const cut: Reply = { _tag: "Cut" }

export const ofFault = (fault: ApiFault): Reply => json(fault.status, fault.body)

/** Turns a handler's fault into its reply. */
export const orFault = <R>(handler: Effect.Effect<Reply, ApiFault, R>): Effect.Effect<Reply, never, R> =>
  Effect.catchTag(handler, "SimulatedApiFault", (fault) => Effect.succeed(ofFault(fault)))
