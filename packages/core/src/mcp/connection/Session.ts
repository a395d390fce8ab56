import type * as Effect from "effect/Effect"
import type { McpConnection } from "../McpConnection.ts"

/** One connection while it lasts. */
export interface Session extends Omit<McpConnection, "review"> {
  /** False as soon as the other side has gone. */
  readonly isOpen: Effect.Effect<boolean>
  readonly closed: Effect.Effect<void>
  /** Tells the server that its folders are others now; it may ask for them. */
  readonly rootsChanged: Effect.Effect<void>
}
