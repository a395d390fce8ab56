/** The other side of a conversation with an MCP server, as the transports hand it to the client. */
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js"
import type * as Effect from "effect/Effect"
import type { Lack } from "../login/StoredLogin.ts"

/** How the other side ended. */
export interface PeerEnd {
  /** Of a process that ended by itself. */
  readonly exitCode: number | undefined
  readonly detail: string
}

/** The other side of a conversation, good for one connection. */
export interface Peer {
  readonly transport: Transport
  /** Succeeds when the other side has gone, soon after the transport's `onclose`. */
  readonly ended: Effect.Effect<PeerEnd>
  readonly stderrTail: Effect.Effect<string>
  /** What may explain a silence; "" when there is nothing to say. */
  readonly hint: Effect.Effect<string>
  /** Said before the transport is closed from our side. */
  readonly farewell: Effect.Effect<void>
  /** What is missing for the other side to talk to us; undefined when nothing is known to be. Absent where nobody logs in. */
  readonly lacks?: Effect.Effect<Lack | undefined>
  /** Why it let us not in, in its own words; "" when it gave no reason. Absent where nobody is refused. */
  readonly refusal?: Effect.Effect<string>
  /** `text` without the secrets that the other side was given: for errors and logs. */
  readonly redact: (text: string) => string
  /** What it says to a model, without what is surely such a secret. Absent where it was given none. */
  readonly said?: (text: string) => string
}
