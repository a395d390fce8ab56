/** Classifies the exceptions of the SDK's OAuth functions by what can be done about them. */
import { InsecureTokenEndpointError, OAuthError, RegistrationRejectedError } from "@modelcontextprotocol/client"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as ServerReason from "../reading/ServerReason.ts"

/** `code` is the service's own, of RFC 6749 and related ones; `unreachable` if a later attempt may succeed. */
export class OAuthFailed extends Data.TaggedError("OAuthFailed")<{
  readonly code: string | undefined
  /** Of a response that is not an OAuth error. */
  readonly status: number | undefined
  readonly unreachable: boolean
  readonly insecure: boolean
  /** Limited in length, without secrets. */
  readonly detail: string
}> {
  override get message() {
    return this.detail
  }
}

/** Runs one of the SDK's functions. `secrets` are those that it uses: services repeat them in their answers. */
export const attempt = <A>(
  run: (signal: AbortSignal) => Promise<A>,
  secrets: () => ReadonlyArray<Redacted.Redacted>
): Effect.Effect<A, OAuthFailed> =>
  Effect.tryPromise({
    try: run,
    catch: (thrown) => {
      const cause = thrown instanceof RegistrationRejectedError ? refusal(thrown) : thrown
      const code = cause instanceof OAuthError ? cause.code : undefined
      const message = cause instanceof Error ? cause.message : String(cause)
      // the SDK turns any response that is not an OAuth error into "server_error"
      const status = /^HTTP (\d+)/.exec(message)?.[1]
      const later = status === undefined ? passing.includes(code ?? "") : /^(5|429)/.test(status)
      return new OAuthFailed({
        code: code === "server_error" ? undefined : code,
        status: status === undefined ? undefined : Number(status),
        unreachable: cause instanceof TypeError || later,
        insecure: cause instanceof InsecureAddress || cause instanceof InsecureTokenEndpointError,
        detail: hide(status === undefined ? detailOf(cause, message) : answered(status, message), secrets()).slice(
          0,
          300
        )
      })
    }
  })

/** `text` without the secrets. */
export const hide = (text: string, secrets: ReadonlyArray<Redacted.Redacted>): string =>
  secrets.reduce((hidden, secret) => {
    const value = Redacted.value(secret)
    return value === "" ? hidden : hidden.replaceAll(value, "<redacted>")
  }, text)

/** Whether a secret may be sent to an address: over https, or only within this machine. */
export const isSafe = (address: string | URL): boolean => {
  const { hostname, protocol } = new URL(address)
  return protocol === "https:" || (protocol === "http:" && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname))
}

/** `fetch` that sends only GET requests to an address that is not safe. */
export const guarded =
  (fetch: typeof globalThis.fetch) =>
  (url: string | URL, init?: RequestInit): Promise<Response> =>
    (init?.method ?? "GET") === "GET" || isSafe(url)
      ? fetch(url, init)
      : Promise.reject(new InsecureAddress({ address: new URL(url).origin }))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

class InsecureAddress extends Data.TaggedError("InsecureAddress")<{ readonly address: string }> {
  override get message() {
    return this.address
  }
}

/** The service's error in the body, as the SDK reads it from other answers. */
const refusal = ({ body, status }: RegistrationRejectedError): OAuthError => {
  const parsed = Option.getOrUndefined(decodeRefusal(body))
  return parsed === undefined
    ? new OAuthError("server_error", `HTTP ${status}: Raw body: ${body}`)
    : new OAuthError(parsed.error, parsed.error_description ?? "")
}

const decodeRefusal = Schema.decodeUnknownOption(
  Schema.parseJson(Schema.Struct({ error: Schema.String, error_description: Schema.optional(Schema.String) }))
)

/** The SDK appends the body of an unreadable response to its own message. */
const answered = (status: string, message: string): string => {
  const body = message.indexOf("Raw body: ")
  const reason = body === -1 ? "" : ServerReason.reasonIn(message.slice(body + 10), null)
  return reason === "" ? `it answered ${status}` : `it answered ${status}: ${reason}`
}

/** An issue of the SDK's schemas, which come as a JSON list. */
const missing = (cause: unknown): string | undefined => {
  const issues = Predicate.hasProperty(cause, "issues") ? cause.issues : undefined
  const [issue] = Array.isArray(issues) ? (issues as ReadonlyArray<unknown>) : []
  if (!Predicate.hasProperty(issue, "path") || !Array.isArray(issue.path)) return undefined
  const field = issue.path.map(String).join(".")
  return field === "" ? "its answer is not a JSON object" : `its answer has no usable "${field}"`
}

const passing = ["server_error", "temporarily_unavailable", "too_many_requests"]

const detailOf = (cause: unknown, message: string): string => {
  // the cause that fetch hides behind "fetch failed"
  if (cause instanceof TypeError && cause.cause instanceof Error && cause.cause.message !== "") {
    return cause.cause.message
  }
  const issue = missing(cause)
  if (issue !== undefined) return issue
  return message === "" && cause instanceof OAuthError ? cause.code : message
}
