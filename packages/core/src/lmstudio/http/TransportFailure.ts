/** Why a server could not be reached, from the error of the platform's HTTP client. */
import type { RequestError } from "@effect/platform/HttpClientError"
import * as Predicate from "effect/Predicate"
import { present } from "../../schema/Fields.ts"
import { LmStudioUnreachable } from "../LmStudioError.ts"

/** `cause` in the result is the innermost error: the request itself would contain the API token. */
export const unreachable = (baseUrl: string, error: RequestError, answeredBefore = false): LmStudioUnreachable => {
  if (error.reason === "InvalidUrl") return new LmStudioUnreachable({ baseUrl, reason: "NotFound" })
  const codes = codesIn(error.cause, 0)
  return new LmStudioUnreachable({
    baseUrl,
    reason: reasons.find(([pattern]) => codes.some((code) => pattern.test(code)))?.[1] ?? "Transport",
    ...(answeredBefore ? { answeredBefore } : {}),
    ...present({ cause: error.cause })
  })
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const reasons: ReadonlyArray<readonly [RegExp, LmStudioUnreachable["reason"]]> = [
  [/^ECONNREFUSED$/, "Refused"],
  [/^(?:ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL)$/, "NotFound"],
  [/^(?:ETIMEDOUT|ESOCKETTIMEDOUT|UND_ERR_CONNECT_TIMEOUT)$/, "Timeout"],
  [/^(?:EPROTO|ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_(?:VERIFY|GET)|HOSTNAME_MISMATCH)/, "Tls"]
]

/** Codes of an error, of its causes, and of the attempts it aggregates (one per address of the host). */
const codesIn = (error: unknown, depth: number): ReadonlyArray<string> => {
  if (depth > 4 || !Predicate.isObject(error)) return []
  return [
    ...(Predicate.hasProperty(error, "code") && typeof error.code === "string" ? [error.code] : []),
    ...(Predicate.hasProperty(error, "cause") ? codesIn(error.cause, depth + 1) : []),
    ...(Predicate.hasProperty(error, "errors") && Array.isArray(error.errors)
      ? error.errors.flatMap((each: unknown) => codesIn(each, depth + 1))
      : [])
  ]
}
