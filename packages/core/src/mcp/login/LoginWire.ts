/**
 * The documents of login services: metadata, registrations, tokens. Decoded leniently: `null`, "" and values of a wrong
 * type count as absent if nothing depends on them. Pure.
 */
import * as Predicate from "effect/Predicate"

/** What was requested. */
export type Asked =
  | { readonly _tag: "Metadata"; readonly url: string }
  /** With the allowed redirect URIs. */
  | { readonly _tag: "Registration"; readonly url: string; readonly redirectUris: ReadonlyArray<string> }
  | { readonly _tag: "Tokens"; readonly url: string }

/**
 * The JSON of an answer, corrected to its specification. A missing required field stays missing; undefined if it is not
 * an object.
 */
export const tidied = (json: unknown, asked: Asked): Readonly<Record<string, unknown>> | undefined => {
  if (!Predicate.isReadonlyRecord(json)) return undefined
  const known = new Map<string, unknown>(
    Object.entries(json).flatMap(([key, value]): ReadonlyArray<readonly [string, unknown]> => {
      const meant = (kinds.get(key) ?? anything)(value, asked.url)
      return meant === undefined ? [] : [[key, meant]]
    })
  )
  for (const [key, value] of defaults(asked, known)) if (!known.has(key)) known.set(key, value)
  return Object.fromEntries(known)
}

/** An answer in form encoding, as some services send tokens; undefined for anything else. */
export const tokensInForm = (text: string): Readonly<Record<string, unknown>> | undefined =>
  /^[\w.-]+=/.test(text) && /(^|&)(access_token|error)=/.test(text)
    ? Object.fromEntries(new URLSearchParams(text.trim()))
    : undefined

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Read = (value: unknown, base: string) => unknown

const anything: Read = (value) => (value === null ? undefined : value)

const text: Read = (value) => {
  if (typeof value === "string") return value.trim() === "" ? undefined : value
  return typeof value === "number" && Number.isFinite(value) ? String(value) : undefined
}

const words: Read = (value) =>
  Array.isArray(value) ? text(value.filter(Predicate.isString).join(" "), "") : text(value, "")

const list: Read = (value) => {
  if (typeof value === "string") return value.trim() === "" ? undefined : value.trim().split(/[\s,]+/)
  return Array.isArray(value) ? value.filter((item) => typeof item === "string" && item !== "") : undefined
}

/** S256 has one spelling, but some services use another. */
const methods: Read = (value, base) => {
  const found = list(value, base)
  return Array.isArray(found) ? found.map((method) => (/^s256$/i.test(String(method)) ? "S256" : method)) : found
}

const count: Read = (value) => {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value
  return typeof number === "number" && Number.isFinite(number) ? number : undefined
}

const lifetime: Read = (value, base) => {
  const seconds = count(value, base)
  // a token that is expired on arrival would be useless
  return typeof seconds === "number" && seconds > 0 ? seconds : undefined
}

const yes: Read = (value) =>
  typeof value === "boolean" ? value : value === "true" ? true : value === "false" ? false : undefined

const address: Read = (value, base) => {
  if (typeof value !== "string" || value.trim() === "") return undefined
  const whole = value.trim()
  if (URL.canParse(whole)) return /^https?:$/.test(new URL(whole).protocol) ? whole : undefined
  return whole.startsWith("/") && URL.canParse(whole, base) ? new URL(whole, base).href : undefined
}

const addresses: Read = (value, base) => {
  const found = list(value, base)
  if (!Array.isArray(found)) return undefined
  const good = found.filter((item) => address(item, base) !== undefined)
  return good.length === 0 ? undefined : good
}

const named = (read: Read, names: string): ReadonlyArray<readonly [string, Read]> =>
  names.split(" ").map((name) => [name, read] as const)

const kinds = new Map<string, Read>([
  ...named(
    text,
    "issuer client_id client_secret client_name access_token refresh_token id_token token_type error error_description token_endpoint_auth_method resource_name software_id software_version software_statement policy_uri"
  ),
  ...named(words, "scope"),
  ...named(
    list,
    "scopes_supported response_types_supported response_modes_supported grant_types_supported token_endpoint_auth_methods_supported revocation_endpoint_auth_methods_supported introspection_endpoint_auth_methods_supported token_endpoint_auth_signing_alg_values_supported revocation_endpoint_auth_signing_alg_values_supported introspection_endpoint_auth_signing_alg_values_supported bearer_methods_supported subject_types_supported id_token_signing_alg_values_supported claims_supported acr_values_supported display_values_supported claim_types_supported claims_locales_supported ui_locales_supported grant_types response_types contacts dpop_signing_alg_values_supported authorization_details_types_supported resource_signing_alg_values_supported"
  ),
  ...named(methods, "code_challenge_methods_supported"),
  ...named(count, "client_id_issued_at client_secret_expires_at"),
  ...named(lifetime, "expires_in"),
  ...named(
    yes,
    "client_id_metadata_document_supported authorization_response_iss_parameter_supported claims_parameter_supported request_parameter_supported request_uri_parameter_supported require_request_uri_registration tls_client_certificate_bound_access_tokens dpop_bound_access_tokens_required"
  ),
  ...named(
    address,
    "authorization_endpoint token_endpoint registration_endpoint revocation_endpoint introspection_endpoint userinfo_endpoint jwks_uri service_documentation client_uri logo_uri tos_uri op_policy_uri op_tos_uri resource resource_documentation resource_policy_uri resource_tos_uri error_uri"
  ),
  ...named(addresses, "authorization_servers redirect_uris")
])

/** Defaults of the specifications, and fields that nobody here reads. */
const defaults = (asked: Asked, known: ReadonlyMap<string, unknown>): ReadonlyArray<readonly [string, unknown]> => {
  switch (asked._tag) {
    case "Tokens":
      return known.has("access_token") ? [["token_type", "Bearer"]] : []
    case "Registration":
      return [["redirect_uris", asked.redirectUris]]
    case "Metadata":
      return known.has("token_endpoint") || known.has("authorization_endpoint")
        ? [
            ["response_types_supported", ["code"]],
            // required of OpenID Connect providers, whose signatures are not checked here
            ["jwks_uri", known.get("token_endpoint")],
            ["subject_types_supported", ["public"]],
            ["id_token_signing_alg_values_supported", ["RS256"]]
          ]
        : []
  }
}
