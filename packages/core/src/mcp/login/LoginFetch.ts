/**
 * `fetch` for the SDK's OAuth, whose schemas refuse a whole answer because of one unneeded field: corrects each answer
 * to its specification first.
 */
import * as Predicate from "effect/Predicate"
import { parseJson } from "../../internal/parseJson.ts"
import * as LoginWire from "./LoginWire.ts"

/** `onMetadata` gets each metadata document as a whole. */
export const make =
  (fetch: Fetch, onMetadata: (metadata: Readonly<Record<string, unknown>>) => void = () => {}): Fetch =>
  (url, init) =>
    fetch(url, init).then((response) =>
      response.body === null ? response : rewritten(response, askedBy(url, init), onMetadata)
    )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const askedBy = (url: string | URL, init: RequestInit | undefined): LoginWire.Asked => {
  const href = String(url)
  if ((init?.method ?? "GET") === "GET") return { _tag: "Metadata", url: href }
  const sent = typeof init?.body === "string" ? parseJson(init.body) : undefined
  const uris = Predicate.hasProperty(sent, "redirect_uris") ? sent.redirect_uris : undefined
  return Array.isArray(uris)
    ? { _tag: "Registration", url: href, redirectUris: uris.filter(Predicate.isString) }
    : { _tag: "Tokens", url: href }
}

const rewritten = (
  response: Response,
  asked: LoginWire.Asked,
  onMetadata: (metadata: Readonly<Record<string, unknown>>) => void
): Promise<Response> =>
  response.text().then((text) => {
    const { headers, ok, status, statusText } = response
    const found = LoginWire.tidied(parseJson(text) ?? LoginWire.tokensInForm(text), asked)
    const rest = new Headers(headers)
    // the text is not compressed any more, and has another length
    rest.delete("content-encoding")
    rest.delete("content-length")
    const answer = (body: string, code = status) => new Response(body, { status: code, statusText, headers: rest })
    if (found === undefined) {
      // the start page of a web application, where there are no metadata
      return ok && asked._tag === "Metadata" ? answer("", 404) : answer(text)
    }
    if (ok && asked._tag === "Metadata") onMetadata(found)
    // some services refuse with status 200
    const refused = ok && asked._tag !== "Metadata" && typeof found["error"] === "string" && !has(found, asked)
    return answer(JSON.stringify(ok && !refused ? found : inKnownWords(found, status)), refused ? 400 : status)
  })

/** The SDK would turn an unknown code into a transient server error. */
const inKnownWords = (found: Readonly<Record<string, unknown>>, status: number) => {
  const { error, error_description: described } = found
  if (typeof error !== "string" || known.has(error) || status >= 500 || status === 429) return found
  const description = typeof described === "string" ? `${error}: ${described}` : error
  return { ...found, error: "invalid_request", error_description: description }
}

const known = new Set([
  "invalid_request",
  "invalid_client",
  "invalid_grant",
  "unauthorized_client",
  "unsupported_grant_type",
  "unsupported_response_type",
  "unsupported_token_type",
  "invalid_scope",
  "invalid_token",
  "invalid_target",
  "invalid_client_metadata",
  "insufficient_scope",
  "access_denied",
  "server_error",
  "temporarily_unavailable",
  "too_many_requests",
  "method_not_allowed"
])

const has = (found: Readonly<Record<string, unknown>>, asked: LoginWire.Asked) =>
  (asked._tag === "Tokens" ? "access_token" : "client_id") in found

export type Fetch = (url: string | URL, init?: RequestInit) => Promise<Response>
