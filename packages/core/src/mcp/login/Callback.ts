/**
 * Where the browser comes back to after a login, and what it brings: checked before anything in it is used. The executable
 * opens it: core knows no sockets and no browsers.
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
  /** On this machine, reachable while the scope lasts. */
  readonly redirectUrl: string
  /** Told to the login service and expected back: at least 120 bits that nobody can guess, new each time. */
  readonly state: string
  /** Brings the person to the page, and succeeds with the parameters that the browser came back with. */
  readonly visit: (page: string) => Effect.Effect<URLSearchParams, CallbackFailed>
}

/** On the port, or on any free one. */
export type OpenCallback = (port: number | undefined) => Effect.Effect<Callback, CallbackFailed, Scope.Scope>

/**
 * The code to exchange for tokens. `issuer` is the service as its metadata name it, letter by letter (RFC 9207: who answers
 * must say the same, if they say anything; and those whose metadata promise it, `names`, must say it).
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
  if (issuer === null && expected.names) return failed("WrongIssuer", "it does not say who it is from")
  if (issuer !== null && expected.issuer !== undefined && issuer !== expected.issuer) {
    return failed("WrongIssuer", issuer)
  }
  const error = answer.get("error")
  if (error !== null) return failed("Denied", answer.get("error_description") ?? error)
  const code = answer.get("code")
  return code === null || code === "" ? failed("Denied", "no code came back") : Either.right(Redacted.make(code))
}
