/** The connection to an MCP server, as the transports give it to the client. */
import type { Transport } from "@modelcontextprotocol/client"
import type * as Effect from "effect/Effect"
import type { Lack } from "../login/StoredLogin.ts"
import type { Begins } from "./Opening.ts"

/** How the server ended. */
export interface ChannelEnd {
  /** Of a process that ended by itself. */
  readonly exitCode: number | undefined
  readonly detail: string
}

/** A transport with diagnostics, for one connection. */
export interface ServerChannel {
  readonly transport: Transport
  /** In which words the server is asked first; the older ones by default. */
  readonly begins?: Begins
  /** Succeeds when the server has gone, soon after the transport's `onclose`. */
  readonly ended: Effect.Effect<ChannelEnd>
  readonly stderrTail: Effect.Effect<string>
  /** A possible explanation for a silence; "" when there is none. */
  readonly hint: Effect.Effect<string>
  /** Runs before we close the transport. */
  readonly endSession: Effect.Effect<void>
  /**
   * What is missing for the server to accept us; undefined when nothing is known to be. Absent where there is no login.
   */
  readonly lacks?: Effect.Effect<Lack | undefined>
  /** Why it refused us, in its own words; "" when it gave no reason. Absent where there are no refusals. */
  readonly refusal?: Effect.Effect<string>
  /** `text` without the secrets that the server was given: for errors and logs. */
  readonly redact: (text: string) => string
  /** A server's text for a model, without the certain secrets. Absent where it was given none. */
  readonly said?: (text: string) => string
}
