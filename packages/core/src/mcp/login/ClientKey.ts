/**
 * A client that proves who it is by a signature instead of a secret (`private_key_jwt`): the `clientSecret` of its entry is a
 * private key in PEM. Pure, but for signing.
 */
import { type AddClientAuthentication, createPrivateKeyJwtAuth } from "@modelcontextprotocol/client"
import * as Redacted from "effect/Redacted"

/**
 * Undefined for a secret that is no private key. Lines may be written as `\n`, as in one line of an environment file. A key in
 * another form than PKCS #8 cannot sign; it is one all the same, so that it is never sent.
 */
export const pemIn = (secret: Redacted.Redacted | undefined): string | undefined => {
  const text = secret === undefined ? "" : Redacted.value(secret).replaceAll("\\n", "\n").trim()
  return /^-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/.test(text) ? text : undefined
}

/** Signs each request for a token; what cannot be read as a key fails the request. */
export const authentication =
  (clientId: string, pem: string): AddClientAuthentication =>
  (...request) =>
    Promise.resolve().then(() =>
      createPrivateKeyJwtAuth({ issuer: clientId, subject: clientId, privateKey: pem, alg: algorithmOf(pem) })(
        ...request
      )
    )

/** What the kind of the key allows; services take this one of them. */
export const algorithmOf = (pem: string): "ES256" | "ES384" | "RS256" => {
  const bytes = Array.from(atob(pem.replaceAll(/-----[^-]*-----|\s/g, "")), (one) =>
    one.charCodeAt(0).toString(16).padStart(2, "0")
  ).join("")
  if (bytes.includes(curves.p256)) return "ES256"
  return bytes.includes(curves.p384) ? "ES384" : "RS256"
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** The object identifiers of the curves, as they stand in a key. */
const curves = { p256: "2a8648ce3d030107", p384: "2b81040022" }
