/**
 * The address to which the browser returns after a login, and its answer, which is checked before anything in it is
 * used. The executable opens it: core has no sockets and browsers.
 */
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { McpLoginFailed } from "./McpLoginFailed.ts"

export class CallbackFailed extends Data.TaggedError("CallbackFailed")<{ readonly detail: string }> {
  override get message() {
    return this.detail
  }
}

export interface Callback {
  /** On this machine, available while the scope lasts. */
  readonly redirectUrl: string
  /** Sent to the login service and expected back: at least 120 bits that nobody can guess, new each time. */
  readonly state: string
  /** Shows the person the page, and succeeds with the parameters with which the browser returns. */
  readonly visit: (page: string) => Effect.Effect<URLSearchParams, CallbackFailed>
}

/** Listens on the port, or on any free one. */
export type OpenCallback = (port: number | undefined) => Effect.Effect<Callback, CallbackFailed, Scope.Scope>

/**
 * The code to exchange for tokens. `issuer` is the issuer in the service's metadata. The answer must contain exactly
 * the same one if it contains any; services whose metadata promise it, `names`, must send it (RFC 9207).
 */
export const codeIn = (
  answer: URLSearchParams,
  expected: {
    readonly server: string
    readonly state: string
    readonly issuer: string | undefined
    readonly names: boolean
  }
): Either.Either<Redacted.Redacted, McpLoginFailed> => {
  const failed = (reason: McpLoginFailed["reason"], detail = "") =>
    Either.left(new McpLoginFailed({ server: expected.server, reason, detail: detail.slice(0, 300) }))
  if (answer.get("state") !== expected.state) return failed("WrongState")
  const issuer = answer.get("iss")
  if (issuer === null && expected.names) return failed("WrongIssuer", "it does not name its issuer")
  if (issuer !== null && expected.issuer !== undefined && issuer !== expected.issuer) {
    return failed("WrongIssuer", issuer)
  }
  const error = answer.get("error")
  if (error !== null) return failed("Denied", answer.get("error_description") ?? error)
  const code = answer.get("code")
  return code === null || code === "" ? failed("Denied", "no code was returned") : Either.right(Redacted.make(code))
}
