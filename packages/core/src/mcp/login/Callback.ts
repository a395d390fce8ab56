/** Where the browser comes back to after a login. The executable has it: core knows no sockets and no browsers. */
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

export class CallbackFailed extends Data.TaggedError("CallbackFailed")<{ readonly detail: string }> {
  override get message() {
    return this.detail
  }
}

export interface Callback {
  /** On this machine, reachable while the scope lasts. */
  readonly redirectUrl: string
  /** Told to the login service and expected back: at least 120 bits that nobody can guess, new each time. */
  readonly state: string
  /** Brings the person to the page, and succeeds with the parameters that the browser came back with. */
  readonly visit: (page: string) => Effect.Effect<URLSearchParams, CallbackFailed>
}

/** On the port, or on any free one. */
export type OpenCallback = (port: number | undefined) => Effect.Effect<Callback, CallbackFailed, Scope.Scope>
